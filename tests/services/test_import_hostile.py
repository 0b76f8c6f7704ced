"""Files as no one should send them: each gets a message that says where and what to do, and nothing is stored."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from huntaze.blueprints.messages import say
from huntaze.models.imports import ImportState
from huntaze.models.workspace import Workspace
from huntaze.services.errors import Problem
from tests.imports import Importing

GOOD = b"username,name,joined,price\nann,Ann,2025-01-01,1.00\n"


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("fans.csv", GOOD)
    return out.getvalue()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "only a mark": (b"\xef\xbb\xbf", "file_empty"),
    "only a mark, UTF-16": (b"\xff\xfe", "file_empty"),
    "only blank lines": (b"\n\n\r\n  \n", "file_empty"),
    "only separators": (b",,,\n,,,\n", "file_empty"),
    "header only": (b"username,name\n", "file_no_rows"),
    "header only, no line break": (b"username,name", "file_no_rows"),
    "header and blank lines": (b"username,name\n\n\n , \n", "file_no_rows"),
    "zip": (_zip(), "file_workbook"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "file_workbook"),
    "gzip": (gzip.compress(GOOD), "file_packed"),
    "7z": (b"7z\xbc\xaf'\x1c" + bytes(100), "file_packed"),
    "rar": (b"Rar!\x1a\x07" + bytes(100), "file_packed"),
    "bzip2": (b"BZh91AY" + bytes(100), "file_packed"),
    "xz": (b"\xfd7zXZ\x00" + bytes(100), "file_packed"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "file_no_csv"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(100), "file_no_csv"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(100), "file_no_csv"),
    "GIF": (b"GIF89a" + bytes(100), "file_no_csv"),
    "database": (b"SQLite format 3\x00" + bytes(100), "file_no_csv"),
    "HTML": (b"<!DOCTYPE html><html><body>Log in</body></html>", "file_no_csv"),
    "HTML after a mark": (b"\xef\xbb\xbf  <html>", "file_no_csv"),
    "XML": (b"<?xml version='1.0'?><fans/>", "file_no_csv"),
    "JSON": (b'{"username": "ann"}', "file_no_csv"),
    "JSON list": (b'[{"username": "ann"}]', "file_no_csv"),
    "zeros": (bytes(10_000), "file_no_csv"),
    "bytes of all kinds": (bytes(range(256)) * 100, "file_no_csv"),
    "cut off in a character": (b"username,name\nann,Zo\xc3", "file_cut_off"),
    "cut off in a character, UTF-16": ("username\nann\n".encode("utf-16") + b"a", "file_cut_off"),
    "cut off in a pair, UTF-16": ("username,name\nann,".encode("utf-16") + b"\x3d\xd8", "file_cut_off"),
    "half a pair, UTF-16": (b"\xff\xfeu\x00\n\x00\x00\xdca\x00", "file_encoding"),
    "cut off in a quote": (b'username,name\nann,"Ann', "file_open_quote"),
    "a quote that opens and never closes": (b'username,name\nann,"' + b"x\n" * 100_000, "file_endless_quote"),
    "a cell of 10 MB": (b'username,name\nann,"' + b"x" * 10_000_000 + b'"\n', "file_endless_line"),
    "a cell of 10 MB with line breaks": (b'username,name\nann,"' + b"x\n" * 5_000_000 + b'"\n', "file_endless_quote"),
    "a cell that is too long": (b"username,name\nann," + b"x" * 20_000 + b"\n", "file_cell_too_long"),
    "an endless line": (b"username" + b"a" * 5_000_000, "file_endless_line"),
    "an endless line of separators": (b"username\nann" + b"," * 1_000_000, "file_endless_line"),
    "5,000 columns": (b",".join(b"c%d" % n for n in range(5_000)) + b"\n", "file_too_many_columns"),
    "a row of 5,000 columns": (b"username,name\nann" + b"," * 5_000 + b"\n", "file_too_many_columns"),
    "a quote in a cell": (b'username,name\nann,"Ann" the great\n', "file_quotes"),
    "a byte that the alphabet lacks": (b"username,name\nann,\x81\x8d\n", "file_encoding"),
    "too many rows": (b"username\n" + b"a\n" * 200_001, "file_too_many_rows"),
}

REFUSED: dict[str, tuple[str, int | None, str]] = {
    # the row that follows the header: username, name, joined, price, email, country, id
    "NUL in a name": ("ann,A\0n,,,,,", 1, "control_character"),
    "NUL in a user name": ("a\0nn,,,,,,", 0, "string_pattern_mismatch"),
    "bell": ("ann,A\an,,,,,", 1, "control_character"),
    "escape sequence": ("ann,\x1b[31mAnn,,,,,", 1, "control_character"),
    "delete": ("ann,A\x7fnn,,,,,", 1, "control_character"),
    "line break in a name": ('ann,"A\nnn",,,,,', 1, "line_break"),
    "carriage return in a name": ('ann,"A\rnn",,,,,', 1, "line_break"),
    "tab in a name": ("ann,A\tnn,,,,,", 1, "line_break"),
    "right-to-left override in a user name": ("ann\u202e,,,,,,", 0, "string_pattern_mismatch"),
    "zero-width space in a user name": ("an\u200bn,,,,,,", 0, "string_pattern_mismatch"),
    "a letter that looks like another": ("аnn,,,,,,", 0, "string_pattern_mismatch"),
    "full-width digits": ("ann１,,,,,,", 0, "string_pattern_mismatch"),
    "a formula for a user name": ("=1+1,,,,,,", 0, "string_pattern_mismatch"),
    "a path for a user name": ("../../etc/passwd,,,,,,", 0, "string_pattern_mismatch"),
    "a script for a user name": ("<script>,,,,,,", 0, "string_pattern_mismatch"),
    "a user name too long": ("a" * 101 + ",,,,,,", 0, "string_too_long"),
    "a name too long": ("ann," + "x" * 101 + ",,,,,", 1, "string_too_long"),
    "an e-mail too long": ("ann,,,," + "x" * 250 + "@example.test,,", 4, "string_too_long"),
    "no e-mail": ("ann,,,,ann,,", 4, "email"),
    "two e-mails": ('ann,,,,"a@b.co, c@d.co",,', 4, "email"),
    "e-mail with a header": ('ann,,,,"a@b.co\nBcc: x@y.co",,', 4, "email"),
    "a day that is none": ("ann,,2025-02-30,,,,", 2, "import_date"),
    "a serial number for a date": ("ann,,45678,,,,", 2, "import_date"),
    "a date of words": ("ann,,yesterday,,,,", 2, "import_date"),
    "the year 1": ("ann,,0001-01-01,,,,", 2, "import_date_range"),
    "the year 9999": ("ann,,9999-12-31,,,,", 2, "import_date_range"),
    "the year 275760": ("ann,,275760-09-13,,,,", 2, "import_date"),
    "infinity": ("ann,,infinity,,,,", 2, "import_date"),
    "an hour that is none": ("ann,,2025-01-01 25:00,,,,", 2, "import_date"),
    "an offset that is none": ("ann,,2025-01-01 10:00+99,,,,", 2, "import_date"),
    "a price of words": ("ann,,,free,,,", 3, "import_amount"),
    "a price below zero": ("ann,,,-5,,,", 3, "import_amount_negative"),
    "a price in brackets": ("ann,,,(5.00),,,", 3, "import_amount_negative"),
    "a huge price": ("ann,,," + "9" * 15 + ",,,", 3, "less_than_equal"),
    "a price of a thousand digits": ("ann,,," + "9" * 1000 + ",,,", 3, "import_amount"),
    "NaN": ("ann,,,NaN,,,", 3, "import_amount"),
    "an exponent": ("ann,,,1e9,,,", 3, "import_amount"),
    "three digits of cents": ("ann,,,1.2345,,,", 3, "import_amount_places"),
    "a foreign currency": ("ann,,,5 €,,,", 3, "import_currency"),
    "no country": ("ann,,,,,Atlantis,", 5, "import_country"),
    "a country code that is none": ("ann,,,,,ZZ,", 5, "import_country"),
    "a rounded id": ("ann,,,,,,1.23457E+11", 6, "import_id_rounded"),
    "an id with blanks": ("ann,,,,,,1 2", 6, "import_platform_id"),
    "an id too long": ("ann,,,,,," + "1" * 65, 6, "import_platform_id"),
    "a cell too few": ("ann,,,,,", None, "import_row_length"),
    "a cell too many": ("ann,,,,,,,", None, "import_row_length"),
    "nobody": (",Ann,,,,,", None, "import_nobody"),
}
HEADER = "username,name,joined,price,email,country,id\n"


@dataclass(frozen=True)
class Taken:
    """A file that looks odd and is fine."""

    content: bytes
    names: tuple[str, ...]


TAKEN = {
    "UTF-8": Taken("username,name\nann,Zoë 🦄\n".encode(), ("Zoë 🦄",)),
    "UTF-8 with a mark": Taken("username,name\nann,Zoë\n".encode("utf-8-sig"), ("Zoë",)),
    "UTF-16": Taken("username,name\nann,Zoë 🦄\n".encode("utf-16"), ("Zoë 🦄",)),
    "UTF-16, big endian, with a mark": Taken(
        b"\xfe\xff" + "username\tname\nann\tZoë\n".encode("utf-16-be"), ("Zoë",)
    ),
    "UTF-16 without a mark": Taken("username,name\nann,Zoë\n".encode("utf-16-le"), ("Zoë",)),
    "UTF-16, big endian, without a mark": Taken("username,name\nann,Zoë\n".encode("utf-16-be"), ("Zoë",)),
    "Latin-1": Taken("username,name\nann,Zoë\n".encode("latin-1"), ("Zoë",)),
    "Windows": Taken("username;name\nann;Zoë – 5 €\n".encode("cp1252"), ("Zoë – 5 €",)),
    "semicolons": Taken(b"username;name\nann;Ann, the first\n", ("Ann, the first",)),
    "tabs": Taken(b"username\tname\nann\tAnn; one\n", ("Ann; one",)),
    "a note to Excel": Taken(b"sep=;\r\nusername;name\r\nann;Ann\r\n", ("Ann",)),
    "CR only": Taken(b"username,name\rann,Ann\rbob,Bob\r", ("Ann", "Bob")),
    "all line breaks at once": Taken(b"username,name\r\nann,Ann\nbob,Bob\rcat,Cat", ("Ann", "Bob", "Cat")),
    "blank lines": Taken(b"\n\nusername,name\n\nann,Ann\n,\n\n", ("Ann",)),
    "quotes": Taken(b'"username","name"\n"ann","Ann ""the"" great, yes"\n', ('Ann "the" great, yes',)),
    "a quoted line break elsewhere": Taken(b'username,name,remark\nann,Ann,"one\ntwo"\n', ("Ann",)),
    "headers twice": Taken(b"username,name,name,username\nann,Ann,Other,bob\n", ("Ann",)),
    "no header for a column": Taken(b"username,,name\nann,x,Ann\n", ("Ann",)),
    "odd headers": Taken("  USER_NAME ,Nom Affiché\nann,Ann\n".encode(), ("Ann",)),
    "a formula in a name": Taken(b"username,name\nann,=1+1\n", ("=1+1",)),
    "a formula that was made harmless": Taken(b"username,name\nann,'=1+1\n", ("=1+1",)),
    "a script in a name": Taken(b"username,name\nann,<script>alert(1)</script>\n", ("<script>alert(1)</script>",)),
    "right to left": Taken("username,name\nann,\u202eAnn\u202c\n".encode(), ("\u202eAnn\u202c",)),
    "SQL in a name": Taken(b"username,name\nann,'); DROP TABLE subscribers;--\n", ("'); DROP TABLE subscribers;--",)),
    "blanks around": Taken("username,name\n  @ANN ,\u00a0Ann \n".encode(), ("Ann",)),
    "a backslash": Taken(b"username,name\nann,\\N\n", ("\\N",)),
}


@pytest.fixture
def importing(app: Flask, workspace: Workspace) -> Importing:
    return Importing(app, workspace.id)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_table_is_refused_as_a_whole(importing: Importing, owner: Session, name: str) -> None:
    content, kind = UNREADABLE[name]
    found = importing.checked(content)
    assert (found.state, found.failure and found.failure["kind"]) == (ImportState.UNREADABLE, kind)
    assert importing.fans(owner) == []
    assert found.failure
    with importing.app.test_request_context():
        assert say(Problem(kind, found.failure["detail"])) != say(Problem("unknown"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_can_not_be_is_refused_by_column(importing: Importing, owner: Session, name: str) -> None:
    line, column, kind = REFUSED[name]
    found = importing.checked(f"{HEADER}good,Good,2025-01-01,1.00,,,\n{line}\n".encode())
    assert (found.state, found.failure) == (ImportState.READY, None)
    (problem,) = found.problems
    assert (problem["column"], problem["kind"], problem["rows"], problem["examples"]) == (column, kind, 1, [3])
    with importing.app.test_request_context():
        assert say(Problem(kind, problem["detail"])) != say(Problem("unknown"))
    done = importing.run(found.id)
    assert (done.added, done.refused) == (1, 1), "the good row is stored, of the other one nothing"
    assert [fan.username for fan in importing.fans(owner)] == ["good"]


@pytest.mark.parametrize("name", TAKEN)
def test_an_odd_file_is_read_as_it_is_meant(importing: Importing, owner: Session, name: str) -> None:
    done = importing.whole(TAKEN[name].content)
    assert (done.state, done.refused) == (ImportState.DONE, 0)
    assert tuple(fan.display_name for fan in importing.fans(owner)) == TAKEN[name].names


def test_there_are_enough_of_them() -> None:
    assert len(UNREADABLE) + len(REFUSED) + len(TAKEN) >= 60

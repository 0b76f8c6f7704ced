"""An import from the file to the report: what it adds, changes, leaves alone and refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.imports import Import, ImportChunk, ImportRow, ImportState, Outcome
from huntaze.models.subscriber import Status, Subscriber, Tier
from huntaze.models.workspace import Workspace
from tests.factories import SubscriberFactory
from tests.imports import Importing

FILE = """\
username,id,name,email,tier,status,price,country,joined,last seen
ann,1001,Ann,ann@example.test,VIP,active,"$1,234.50",FR,2025-03-31,2026-01-02 18:30
@Bob.B,1002,,,free,expired,,Germany,,
"""


@pytest.fixture
def importing(app: Flask, workspace: Workspace) -> Importing:
    return Importing(app, workspace.id)


def test_a_file_becomes_fans(importing: Importing, owner: Session) -> None:
    done = importing.whole(FILE)
    assert (done.state, done.added, done.changed, done.unchanged, done.refused) == (ImportState.DONE, 2, 0, 0, 0)
    ann, bob = importing.fans(owner)
    assert (ann.username, ann.platform_id, ann.display_name, ann.email) == ("ann", "1001", "Ann", "ann@example.test")
    assert (ann.tier, ann.status, ann.monthly_price_cents, ann.country) == (Tier.VIP, Status.ACTIVE, 123450, "FR")
    assert ann.joined_at == datetime(2025, 3, 31, tzinfo=UTC)
    assert ann.last_active_at == datetime(2026, 1, 2, 18, 30, tzinfo=UTC)
    assert (bob.username, bob.display_name, bob.email, bob.country) == ("bob.b", "", None, "DE")
    assert (bob.tier, bob.status, bob.monthly_price_cents) == (Tier.FREE, Status.EXPIRED, 0)
    assert owner.scalar(select(func.count()).where(ImportChunk.import_id == done.id)) == 0, "the file is gone"


def test_the_same_file_again_changes_nothing(importing: Importing, owner: Session) -> None:
    importing.whole(FILE)
    before = [fan.updated_at for fan in importing.fans(owner)]
    again = importing.whole(FILE)
    assert (again.added, again.changed, again.unchanged, again.refused) == (0, 0, 2, 0)
    assert [fan.updated_at for fan in importing.fans(owner)] == before


def test_the_file_wins_for_what_it_names_and_an_empty_cell_leaves_alone(importing: Importing, owner: Session) -> None:
    fan = SubscriberFactory(
        workspace_id=importing.workspace_id, username="ann", display_name="Ann", email="ann@example.test"
    )
    done = importing.whole("username,name,email,tier\nann,Anna,,vip\n")
    assert (done.added, done.changed, done.unchanged) == (0, 1, 0)
    (ann,) = importing.fans(owner)
    assert (ann.id, ann.display_name, ann.email, ann.tier) == (fan.id, "Anna", "ann@example.test", Tier.VIP)


def test_the_platform_id_says_who_it_is_before_the_user_name_does(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="old.name", platform_id="7")
    done = importing.whole("id,username\n7,new.name\n")
    assert (done.added, done.changed) == (0, 1)
    assert [fan.username for fan in importing.fans(owner)] == ["new.name"]
    assert importing.whole("username\nnew.name\n").unchanged == 1
    assert importing.whole("id,name\n7,Zoë\n").changed == 1


def test_a_fan_known_by_name_gets_the_platforms_id(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann")
    assert importing.whole("id,username\n7,ann\n").changed == 1
    assert [fan.platform_id for fan in importing.fans(owner)] == ["7"]


def test_rows_that_can_not_be_are_refused_and_the_others_stored(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="taken")
    SubscriberFactory(workspace_id=importing.workspace_id, username="known", platform_id="5")
    done = importing.whole(
        "id,username,email,joined\n"
        "1,good,,\n"
        "2,bad name,,\n"
        "3,other,no e-mail,31/31/2025\n"
        "4,known,,\n"
        "5,taken,,\n"
        ",,x@example.test,\n"
        "6,,,\n"
        "7,GOOD,,\n"
        "8,a\n"
    )
    assert (done.added, done.changed, done.unchanged, done.refused) == (1, 0, 0, 8)
    found = owner.scalars(select(ImportRow).where(ImportRow.outcome == Outcome.REFUSED).order_by(ImportRow.row))
    why = {
        row.row: [(problem["column"], problem["kind"]) for problem in row.problems or ()]
        for row in found
        if row.import_id == done.id
    }
    assert why == {
        3: [(1, "string_pattern_mismatch")],
        4: [(2, "email"), (3, "import_date")],
        5: [(0, "import_another_id")],
        6: [(1, "import_name_taken")],
        7: [(None, "import_nobody")],
        8: [(1, "import_no_username")],
        9: [(1, "import_twice")],
        10: [(None, "import_row_length")],
    }


def test_archived_fans_stay_archived(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann", archived_at=datetime.now(UTC))
    assert importing.whole("username,tier\nann,vip\n").changed == 1
    assert importing.fans(owner)[0].archived_at is not None


def test_the_total_spent_is_not_stored(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann", total_spent_cents=500)
    assert importing.whole("username,total spent\nann,1000\n").unchanged == 1
    assert importing.fans(owner)[0].total_spent_cents == 500


def test_other_workspaces_are_neither_seen_nor_touched(importing: Importing, owner: Session) -> None:
    other = SubscriberFactory(username="ann", platform_id="1001", display_name="Theirs")
    assert importing.whole(FILE).added == 2
    assert owner.scalar(select(Subscriber.display_name).where(Subscriber.id == other.id)) == "Theirs"


def test_a_new_mapping_is_checked_anew(importing: Importing, owner: Session) -> None:
    found = importing.checked("who,what\nann,vip\n")
    assert found.head["good"] == 0
    assert [problem["kind"] for problem in found.problems] == ["import_nobody"]
    found = importing.mapped(found.id, ["username", "tier"])
    assert (found.state, found.head["good"]) == (ImportState.READY, 1)
    assert importing.run(found.id).added == 1
    assert importing.fans(owner)[0].tier == Tier.VIP


def test_dates_of_a_column_are_read_by_all_of_them(importing: Importing, owner: Session) -> None:
    importing.whole("username,joined\nann,01/02/2025\nbob,13/02/2025\n")
    assert [fan.joined_at.day for fan in importing.fans(owner)] == [1, 13]
    found = importing.checked("username,joined\nann,01/02/2025\nbob,02/13/2025\n")
    assert found.settings["columns"][1]["notation"] == "month_first"


def test_a_file_with_thousands_of_rows(importing: Importing, owner: Session) -> None:
    rows = "".join(f"fan{number},{number},Fan {number}\n" for number in range(6_000))
    done = importing.whole("username,id,name\n" + rows)
    assert (done.added, done.done, done.total) == (6_000, 6_001, 6_001)
    assert owner.scalar(select(func.count()).where(Import.id == done.id, Import.finished_at.is_not(None))) == 1

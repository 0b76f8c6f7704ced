"""What is wrong with an input, in the viewer's words: the field is beside it, so the message is the remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from huntaze.blueprints.formats import ago
from huntaze.services.errors import Invalid, Problem

Detail = Mapping[str, Any]


def say(problem: Problem) -> str:
    """The message for a problem; a kind that nobody foresaw gets a general one."""
    message = _MESSAGES.get(problem.kind)
    return message(problem.detail) if message else str(_("Please check this field."))


def first_problem(refusal: Invalid) -> str:
    """The message of a refusal, where one line is shown, and no form."""
    return next(say(problem) for problems in refusal.errors.values() for problem in problems)


def _longest(detail: Detail) -> str:
    most = detail["max_length"]
    return str(ngettext("Use at most %(num)s character.", "Use at most %(num)s characters.", most))


def _shortest(detail: Detail) -> str:
    least = detail["min_length"]
    if least == 1:
        return str(_("Please fill this in."))
    return str(ngettext("Use at least %(num)s character.", "Use at least %(num)s characters.", least))


def _choices(detail: Detail) -> str:
    choices = str(detail["expected"]).replace("'", "").replace(" or ", ", ")
    return str(_("Choose one of: %(choices)s.", choices=choices))


def _patience(detail: Detail) -> str:
    return str(
        ngettext(
            "Too many codes were tried. Try again in %(num)s minute, or use a recovery code.",
            "Too many codes were tried. Try again in %(num)s minutes, or use a recovery code.",
            detail["minutes"],
        )
    )


_MESSAGES: dict[str, Callable[[Detail], str]] = {
    "missing": lambda _d: _("Please fill this in."),
    "string_too_short": _shortest,
    "string_too_long": _longest,
    "too_long": _longest,
    "too_short": _shortest,
    "finite_number": lambda _d: _("Write a number, like 12.50."),
    "string_type": lambda _d: _("Write a text here."),
    "string_pattern_mismatch": lambda _d: _("Use only letters a to z, digits, dot, dash and underscore."),
    "line_break": lambda _d: _("Write this on one line."),
    "control_character": lambda _d: _("Remove the invisible control characters."),
    "email": lambda _d: _("Write an e-mail address like name@example.com."),
    "enum": _choices,
    "extra_forbidden": lambda _d: _("There is no such field; remove it."),
    "json_invalid": lambda _d: _("The body is not valid JSON."),
    "model_type": lambda _d: _("Send a JSON object."),
    "int_parsing": lambda _d: _("Write a whole number."),
    "decimal_parsing": lambda _d: _("Write a number, like 12.50."),
    "decimal_type": lambda _d: _("Write a number, like 12.50."),
    "decimal_max_places": lambda _d: _("Use at most two digits after the point."),
    "greater_than_equal": lambda d: _("Use %(least)s or more.", least=d["ge"]),
    "less_than_equal": lambda d: _("Use %(most)s or less.", most=d["le"]),
    "bool_parsing": lambda _d: _("Use 1 for yes or 0 for no."),
    "cursor": lambda _d: _("This link to a further page belongs to another list; start from its first page."),
    "credentials": lambda _d: _("The e-mail or the password is not right."),
    "wrong_password": lambda _d: _("This is not your password."),
    "wrong_code": lambda _d: _("This code is not right, or it was used before. Wait for the next one."),
    "too_many_codes": _patience,
    "second_factor_on": lambda _d: _("The second factor is on already."),
    "passkey": lambda _d: _("This passkey does not open an account here. Try again, or use your password."),
    "passkey_late": lambda _d: _("That took too long. Try once more."),
    "passkey_known": lambda _d: _("This passkey is known already."),
    "too_many_passkeys": lambda d: _("You have %(most)s passkeys; remove one first.", most=d["most"]),
    "time_parsing": lambda _d: _("Write a time like 23:30."),
    "time_zone": lambda _d: _("Name a time zone by its city, like Europe/Paris."),
    "literal_error": _choices,
    "last_owner": lambda _d: _("A workspace needs an owner: make someone else an owner first."),
    "invited_already": lambda _d: _("This address is invited already; send that invitation again from the list."),
    "too_many_invitations": lambda d: _(
        "At most %(most)s invitations can wait at a time; revoke one first.", most=d["most"]
    ),
    "invitations_today": lambda d: _("At most %(most)s invitations are sent in a day; try tomorrow.", most=d["most"]),
    "sent_just_now": lambda _d: _("It was sent a moment ago; wait a minute before you send it again."),
    "token_name_taken": lambda _d: _("You have a token of this name; choose another name, or revoke that one."),
    "too_many_tokens": lambda d: _("You have %(most)s tokens, which is the most; revoke one first.", most=d["most"]),
    "picture_too_large": lambda d: _("This file is larger than %(most)s MB; choose a smaller one.", most=d["most"]),
    "not_a_picture": lambda _d: _("Choose a JPEG, PNG, WebP or GIF picture."),
    "too_many_pixels": lambda d: _(
        "This picture has more than %(most)s million pixels; choose a smaller one.", most=d["most"]
    ),
    "damaged_picture": lambda _d: _("This picture is damaged; choose another one."),
    "currency": lambda _d: _("Choose one of the currencies in the list."),
    "currency_in_use": lambda d: _(
        "There are amounts in %(currency)s already, so the currency stays.", currency=d["currency"]
    ),
    "no_workspace": lambda _d: _(
        "You are not a member of any workspace. Name a new one here, or ask an owner to add you to theirs."
    ),
    "erased": lambda d: _(
        "The fan @%(username)s asked to be erased. Add them only if they came back and want it.",
        username=d["username"],
    ),
    "other_username": lambda d: _("This is not it: type %(username)s.", username=d["username"]),
    "other_workspace_name": lambda d: _("This is not it: type %(name)s.", name=d["name"]),
    "deletion_began": lambda _d: _("It is too late: the deletion has begun."),
    "too_many_tries": lambda d: _(
        "For safety we slow down after many tries in a row. Try again %(when)s.", when=ago(d["until"])
    ),
    "email_now": lambda _d: _("This is your e-mail already."),
    "email_taken": lambda _d: _("There is an account with this e-mail; sign in instead."),
    "member_already": lambda _d: _("This person is a member already."),
    "common_password": lambda _d: _("Many people use this password; choose another one."),
    "username_taken": lambda d: _("You already have a fan called @%(username)s.", username=d["username"]),
    "username_archived": lambda d: _(
        "@%(username)s is among your archived fans; restore that one instead.", username=d["username"]
    ),
    "too_many_tags": lambda d: _("A workspace has at most %(most)s tags; reuse one.", most=d["most"]),
    "platform_account_unknown": lambda _d: _("Choose one of the accounts in the list."),
    "platform_connected_already": lambda _d: _(
        "This account is connected already; its key can be replaced on its own page."
    ),
    "platform_being_erased": lambda _d: _("The data of this account is being erased; connect it after that."),
    "platform_disconnected": lambda _d: _("This account is disconnected; connect it again first."),
    "too_many_platforms": lambda d: _(
        "A workspace has at most %(most)s platform accounts; disconnect and erase one.", most=d["most"]
    ),
    "policy_changed": lambda _d: _("The rules were changed just now: read them once more."),
    "policy_not_accepted": lambda _d: _("The owner has to read and accept the platform’s rules first."),
    "message_empty": lambda _d: _("Write something, or add a photo or a video."),
    "message_price": lambda d: _(
        "The price is nothing, or from %(least)s to %(most)s.", least=d["least"], most=d["most"]
    ),
    "price_without_media": lambda _d: _(
        "A message with a price needs a photo or a video: what would the fan pay for?"
    ),
    "too_many_media": lambda d: _("Add at most %(most)s photos and videos.", most=d["most"]),
    "media_not_ready": lambda d: _(
        "These are not in the vault of this account, or not ready yet: %(media)s.", media=d["media"]
    ),
    "fan_without_account": lambda _d: _(
        "This fan belongs to no connected account: copy the text and send it at the platform."
    ),
    "fan_gone": lambda _d: _("This fan has left the platform and can’t be written to."),
    "fan_not_writable": lambda _d: _("The platform does not let you write to this fan now."),
    "too_late_to_cancel": lambda _d: _("It is too late to cancel: the message is on its way, or was decided on."),
    "nothing_to_decide": lambda _d: _("What became of this message is known already."),
    "too_late_to_unsend": lambda _d: _("It is too late: the platform lets you take a message back for 24 hours."),
    "too_many_pinned": lambda d: _("At most %(most)s conversations can be pinned; unpin one.", most=d["most"]),
    "no_assignee": lambda _d: _("Choose a member who may write."),
    "reply_name_taken": lambda _d: _("Another text has this name; choose another one."),
    "too_many_replies": lambda d: _("A workspace has at most %(most)s saved replies; remove one.", most=d["most"]),
    "time_past": lambda _d: _("This time is over; choose one to come."),
    "time_far": lambda d: _("Choose a time within the next %(days)s days.", days=d["days"]),
    "timezone_aware": lambda _d: _("Say the time zone, too: 2027-01-31T18:30:00Z."),
    "uuid_parsing": lambda _d: _("Send a UUID as the key."),
    "datetime_parsing": lambda _d: _("Choose a day and a time."),
    "datetime_from_date_parsing": lambda _d: _("Choose a day and a time."),
    "key_invalid": lambda d: _("An idempotency key has at most %(most)s characters, all printable.", most=d["most"]),
    "key_used": lambda _d: _("This idempotency key was used for another message; take a new one."),
    "other_account_name": lambda d: _("This is not it: type %(name)s.", name=d["name"]),
    "import_date": lambda _d: _("Write a date like 2025-12-31 or 31/12/2025."),
    "import_date_order": lambda _d: _("There is no such month; is the day written first, or the month?"),
    "import_date_range": lambda d: _("Write a date from %(first)s to %(last)s.", first=d["first"], last=d["last"]),
    "import_amount": lambda _d: _("Write an amount like 12.50, or choose how this column is written."),
    "import_amount_places": lambda _d: _("Use at most two digits after the point."),
    "import_amount_negative": lambda _d: _("An amount can’t be below zero."),
    "import_currency": lambda d: _(
        "Your workspace’s currency is %(currency)s; leave others out.", currency=d["currency"]
    ),
    "import_country": lambda _d: _("Write a country like FR or France."),
    "import_platform_id": lambda _d: _("Use only letters, digits and . _ : - here, at most 64."),
    "import_id_rounded": lambda _d: _(
        "A spreadsheet has rounded this id; format the column as text there, and save again."
    ),
    "import_row_length": lambda d: _(
        "The row has %(cells)s cells and the header %(columns)s; is a quote or a separator missing?",
        cells=d["cells"],
        columns=d["columns"],
    ),
    "import_twice": lambda d: _("Row %(row)s is the same fan; keep one of the two.", row=d["row"]),
    "import_nobody": lambda _d: _("Neither a username nor a platform id: whose row is it?"),
    "import_no_username": lambda _d: _("A new fan needs a username."),
    "import_another_id": lambda d: _("The fan of this username has another platform id: %(id)s.", id=d["other"]),
    "import_name_taken": lambda d: _("Another fan is called @%(username)s.", username=d["other"]),
    "import_added_meanwhile": lambda _d: _("Someone added this fan just then; import the row again."),
    "import_meant_twice": lambda _d: _("Another column has this meaning already; choose one of the two."),
    "import_no_identity": lambda _d: _("Choose which column is the username or the platform id."),
    "import_erased": lambda _d: _("This fan asked to be erased. Add them by hand if they came back and want it."),
    "file_erasure": lambda _d: _("A fan was erased meanwhile, and this file may have named them; send it again."),
    "import_moved_on": lambda _d: _("This import is further already."),
    "import_not_undoable": lambda _d: _("It could not be undone: something was built on it meanwhile."),
    "file_missing": lambda _d: _("Choose a file that is not empty."),
    "file_too_large": lambda d: _("The file is larger than %(most)s MB; split it.", most=d["most"]),
    "file_not_whole": lambda _d: _("The file did not arrive whole; send it again."),
    "file_empty": lambda _d: _("The file is empty: its first row must name the columns."),
    "file_no_rows": lambda _d: _("The file has a header and no rows."),
    "file_workbook": lambda _d: _("This is a workbook or an archive, and no CSV. Open it and save it as CSV."),
    "file_packed": lambda _d: _("This file is compressed; unpack it and send the CSV in it."),
    "file_no_csv": lambda _d: _("This is no CSV file. Save your table as CSV and send that."),
    "file_cut_off": lambda _d: _("The file ends in the middle of a character: it was cut off. Save it again."),
    "file_encoding": lambda d: _(
        "Line %(line)s is not written in %(encoding)s. Choose other letters below, or save the file as UTF-8.",
        line=d["line"],
        encoding=d["encoding"],
    ),
    "file_endless_line": lambda d: _(
        "Line %(line)s has more than %(most)s characters: this is no table, or its line breaks are lost.",
        line=d["line"],
        most=d["most"],
    ),
    "file_endless_quote": lambda d: _(
        "Row %(row)s has a quote that is not closed for more than 100,000 characters; close it.", row=d["row"]
    ),
    "file_open_quote": lambda d: _(
        "The file ends within a quote that opens in row %(row)s: close it, or the file was cut off.", row=d["row"]
    ),
    "file_quotes": lambda d: _(
        "Row %(row)s has a quote in the middle of a cell; within quotes, write it twice.", row=d["row"]
    ),
    "file_too_many_rows": lambda d: _("The file has more than %(most)s rows; split it.", most=d["most"]),
    "file_too_many_columns": lambda d: _(
        "Row %(row)s has more than %(most)s columns; keep those that you need.", row=d["row"], most=d["most"]
    ),
    "file_cell_too_long": lambda d: _(
        "Row %(row)s, column %(column)s: the cell has more than %(most)s characters; shorten it.",
        row=d["row"],
        column=d["column"],
        most=d["most"],
    ),
}

"""Ids in URLs."""

from werkzeug.routing import IntegerConverter


class RowId(IntegerConverter):
    """`<int:...>`: a number that fits a bigint key. What is longer is no row's, and so there is no such page."""

    regex = r"\d{1,18}"

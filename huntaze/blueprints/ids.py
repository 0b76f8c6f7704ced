"""Ids in URLs."""

from werkzeug.routing import IntegerConverter, Map


class RowId(IntegerConverter):
    """`<int:...>`: what a bigint key can be. A larger number is no row's, and so there is no such page."""

    def __init__(self, map: Map) -> None:  # noqa: A002  werkzeug's name
        super().__init__(map, max=2**63 - 1)

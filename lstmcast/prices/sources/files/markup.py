"""The table in a page of HTML, or in a sheet that was saved as XML, as text with tabs.

Exchanges and portals call such pages `.xls`. Cells are taken as they are written; where the names
stand and what the numbers mean is found as in any text.
"""

import re
from html.parser import HTMLParser

from lstmcast.prices.sources.files.date_forms import looks_like_date

_MARKUP = re.compile(
    r"\s*<(!doctype|html|head|body|table|div|meta|\?xml|style|center)\b", re.IGNORECASE
)


def is_markup(text: str) -> bool:
    """Whether a text begins as a page or as XML."""
    return _MARKUP.match(text[:500]) is not None


def table_in_page(text: str) -> str | None:
    """Return the table with most rows that have a date, its cells parted by tabs; None without."""
    reader = _Tables()
    try:
        reader.feed(text)
        reader.close()
    except AssertionError:  # what Python's parser raises of sections that it does not know
        return None
    best = max(reader.tables, key=_dated, default=[])
    if not _dated(best):
        return None
    return "\n".join("\t".join(cells) for cells in best) + "\n"


def _dated(rows: list[list[str]]) -> int:
    return sum(len(row) > 1 and any(map(looks_like_date, row)) for row in rows)


class _Tables(HTMLParser):
    """Collects the rows of each table; XML's `Row` and `Cell` are as good as `tr` and `td`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self._open: list[list[list[str]]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        if name == "table":
            self._open.append([])
            self.tables.append(self._open[-1])
        elif not self._open:
            return
        elif name in ("tr", "row"):
            self._end_cell()
            self._open[-1].append([])
        elif name in ("td", "th", "cell") and self._open[-1]:
            self._end_cell()
            self._skip(dict(attrs))
            self._cell = []
        elif name == "br" and self._cell is not None:
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("td", "th", "cell", "tr", "row", "table"):
            self._end_cell()
        if name == "table" and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _skip(self, attributes: dict[str, str | None]) -> None:
        """Fill up to the place that XML states for a cell, where empty ones are left out."""
        place = attributes.get("ss:index") or ""
        if place.isdigit():
            row = self._open[-1][-1]
            row.extend([""] * min(int(place) - 1 - len(row), 1000))

    def _end_cell(self) -> None:
        if self._cell is not None and self._open and self._open[-1]:
            self._open[-1][-1].append(" ".join("".join(self._cell).split()))
        self._cell = None

"""The page's sections without charts: the data with its checks, and how to reproduce the run."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstmcast.report.content import Section, Table

MAX_ROWS = 100
"""Of a table of symbols or findings: the file of thousands would be too large to be written."""

_LEAD = (
    "Networks were fitted on the training part, stopped on the validation part, and judged on the "
    "test part, which nothing was fitted to."
)


_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}


def data_section(
    symbols: Sequence[Mapping[str, Any]],
    parts: Mapping[str, Mapping[str, int]],
    split: Mapping[str, str],
    findings: Sequence[tuple[str, str, str]],
) -> Section:
    """The prices that were read, how they were split, and what checks found.

    Args:
        symbols: `symbol, source, rows, first, last, sha256` of each.
        parts: sessions of each symbol in each part; may be empty.
        split: the last session of each part; may be empty.
        findings: symbol, level and words of what checks noticed.
    """
    tables = [_prices(symbols)]
    if split:
        tables.append(_parts(parts, split))
    found = [[symbol, level, words] for symbol, level, words in findings[:MAX_ROWS]]
    more = len(findings) - len(found)
    notes = [f"`lstmcast data check` tells {more} more"] if more else []
    tables.append(
        Table("Checks of the prices", ("Symbol", "Level", "Found"), found, notes, text=True)
        if found
        else Table("Checks of the prices", ("Checks",), [["Nothing was found"]], text=True)
    )
    return Section("data", "Data and checks", "Data", [_LEAD] if split else [], tables=tables)


def _prices(symbols: Sequence[Mapping[str, Any]]) -> Table:
    more = len(symbols) - MAX_ROWS
    return Table(
        "Prices",
        ("Symbol", "Source", "Sessions", "First", "Last", "SHA-256"),
        [
            [
                str(entry["symbol"]),
                str(entry["source"]),
                f"{entry['rows']:,}",
                str(entry["first"]),
                str(entry["last"]),
                str(entry["sha256"])[:12],
            ]
            for entry in symbols[:MAX_ROWS]
        ],
        [f"{more} more symbols are in run.json"] if more > 0 else [],
    )


def _parts(parts: Mapping[str, Mapping[str, int]], split: Mapping[str, str]) -> Table:
    rows = []
    for part in ("train", "validation", "test"):
        if (name := f"{part}_end") in split:
            origins = f"{sum(each.get(part, 0) for each in parts.values()):,}" if parts else ""
            rows.append([_PARTS[part], str(split[name]), origins])
    return Table(
        "Parts",
        ("Part", "Up to", "Origins"),
        rows,
        ["Origins: sessions from whose close a forecast is made, over all symbols"],
    )


def configuration_section(
    commands: Sequence[str], configuration: str, facts: Sequence[tuple[str, str]]
) -> Section:
    """Commands and configuration that reproduce the run.

    Args:
        commands: to be typed, in order.
        configuration: the resolved YAML.
        facts: versions, seed, device and the like, by name.
    """
    return Section(
        "again",
        "How to reproduce it",
        "Again",
        code=[("Commands", "\n".join(commands)), ("config.yaml", configuration)],
        tables=[
            Table("Made with", ("What", "Which"), [list(fact) for fact in facts], text=True),
        ],
    )

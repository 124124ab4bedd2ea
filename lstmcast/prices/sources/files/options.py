"""What a user can say about a file, where the file itself leaves something open."""

import re
import shlex
from dataclasses import dataclass, field
from typing import cast

from lstmcast.errors import UsageError
from lstmcast.prices.sources.files.names import ROLES
from lstmcast.prices.sources.files.numbers import Mark

NO_COLUMN = "-"
"""Stands for "none of the columns", as in `--columns volume=-`."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file; what is not given is found out.

    Args:
        columns: for a role (`date`, `close`, ..., `symbol`) the name of its column, or its number
            counted from 1; `-` for no column.
        date_format: a format of `strptime`, or `s`, `ms`, `us`, `ns` since 1970, or `excel`.
        decimal: the decimal mark.
        encoding: the encoding of a text file.
        sheet: the name of a sheet of a workbook.
        adjusted: whether `close` is adjusted for splits and dividends.
    """

    columns: dict[str, str] = field(default_factory=dict)
    date_format: str | None = None
    decimal: Mark | None = None
    encoding: str | None = None
    sheet: str | None = None
    adjusted: bool | None = None

    @classmethod
    def parse(
        cls,
        columns: str | None = None,
        date_format: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        sheet: str | None = None,
        adjusted: str | None = None,
    ) -> "ReadOptions":
        """Return the options that were written on a command line.

        Raises:
            UsageError: one of them cannot be.
        """
        if decimal not in (None, ".", ","):
            raise UsageError(f"`--decimal` is {decimal!r}", hint="give `.` or `,`")
        if adjusted not in (None, "yes", "no"):
            raise UsageError(f"`--adjusted` is {adjusted!r}", hint="give `yes` or `no`")
        return cls(
            columns=_columns(columns or ""),
            date_format=date_format,
            decimal=cast("Mark | None", decimal),
            encoding=encoding,
            sheet=sheet,
            adjusted=None if adjusted is None else adjusted == "yes",
        )

    def written(self) -> str:
        """Return the options as they stand on a command line; empty where none is given."""
        pairs = {
            "--columns": ",".join(f"{role}={name}" for role, name in self.columns.items()),
            "--date-format": self.date_format,
            "--decimal": self.decimal,
            "--encoding": self.encoding,
            "--sheet": self.sheet,
            "--adjusted": {True: "yes", False: "no", None: None}[self.adjusted],
        }
        return " ".join(f"{name} {shlex.quote(value)}" for name, value in pairs.items() if value)


def _columns(text: str) -> dict[str, str]:
    """Read `date=DATE1,close=CLOSE_PRICE`; a comma inside of a name is part of it."""
    if not text.strip():
        return {}
    parts = re.split(r"(?:^|,)\s*([A-Za-z_]+)\s*=", text)
    pairs = list(zip(parts[1::2], parts[2::2], strict=True))
    if parts[0].strip() or not pairs:
        raise UsageError(
            f"`--columns` is {text!r}", hint="write it as `date=DATE1,close=CLOSE_PRICE`"
        )
    found: dict[str, str] = {}
    for role, name in pairs:
        if role not in ROLES:
            raise UsageError(
                f"`--columns` names {role!r}, which is not a price column",
                hint=f"columns are {', '.join(ROLES)}",
            )
        if not name.strip():
            raise UsageError(
                f"`--columns` gives no name for `{role}`",
                hint=f"`{role}=NAME`, or `{role}={NO_COLUMN}` for none",
            )
        if role in found:
            raise UsageError(f"`--columns` names `{role}` twice")
        found[role] = name.strip()
    return found

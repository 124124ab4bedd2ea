"""An issued forecast as the ledger keeps it, and the hash that chains it to the one before."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np

from lstmcast.distributions import FloatArray
from lstmcast.predictions import QUANTILES

NUMBERS = (*QUANTILES, "mean")
"""The numbers that each statement has for each horizon."""


@dataclass(frozen=True)
class Statement:
    """What one forecaster says of the sessions to come.

    Args:
        forecaster: `model`, or a baseline's name.
        distribution: the JSON text of `lstmcast.distributions.to_document`.
        dates: of the sessions, as far as known at the origin, `YYYY-MM-DD`; horizons 1, 2, ...
        assumed: for each, whether the date is a day of the market's week and not from a calendar.
        numbers: `(horizons, 22)` quantiles of the log return from the origin, then its mean; NaN
            where a point forecast states none.
    """

    forecaster: str
    distribution: str
    dates: tuple[str, ...]
    assumed: tuple[bool, ...]
    numbers: FloatArray


@dataclass(frozen=True)
class ForecastRecord:
    """A forecast of one symbol, before it has its place in the ledger.

    Args:
        issued_at: ISO 8601 in UTC, to the microsecond.
        replayed: whether it was made for an earlier date, knowing the bars up to then only; such a
            forecast was not issued on that date and never counts as one that was.
        symbol: the symbol.
        source: where its bars are from.
        currency: of its prices, or None.
        origin: the last session that the forecast knows, `YYYY-MM-DD`.
        close_origin: its adjusted close, as it was adjusted then.
        run: name of the run; None for the pretrained networks.
        weights_sha256: of the networks' file.
        data_sha256: of the symbol's bars that the networks read, as of `PriceHistory.sha256`.
        program: version of lstmcast.
        statements: of the model and of the baselines, in the order of their names.
    """

    issued_at: str
    replayed: bool
    symbol: str
    source: str
    currency: str | None
    origin: str
    close_origin: float
    run: str | None
    weights_sha256: str
    data_sha256: str
    program: str
    statements: tuple[Statement, ...]

    @property
    def horizons(self) -> int:
        """Sessions ahead."""
        return len(self.statements[0].dates)

    @property
    def moment(self) -> datetime:
        """When it was issued."""
        return datetime.fromisoformat(self.issued_at).astimezone(UTC)

    def statement(self, forecaster: str) -> Statement | None:
        """What a forecaster says, if it said anything."""
        return next((part for part in self.statements if part.forecaster == forecaster), None)


@dataclass(frozen=True)
class Entry:
    """A forecast in its place.

    Args:
        number: 1 for the first.
        issued: the forecast.
        previous: hash of the entry before it.
        sha256: its own.
    """

    number: int
    issued: ForecastRecord
    previous: str
    sha256: str


HEADER = tuple(field.name for field in fields(ForecastRecord) if field.name != "statements")


def digest(number: int, previous: str, issued: ForecastRecord) -> str:
    """Hex SHA-256 over everything that an entry says and the hash of the entry before.

    It is taken of a line of JSON (keys in order, no blanks) with `number`, `previous` and the
    columns of the table `entries`; then for each forecaster, by name, of a line of JSON with
    `forecaster`, `distribution`, `dates` and `assumed`, and of its quantiles and means by horizon
    as little-endian float64.
    """
    header = {name: getattr(issued, name) for name in HEADER}
    found = hashlib.sha256(_line({**header, "number": number, "previous": previous}))
    for part in issued.statements:
        found.update(
            _line(
                {
                    "forecaster": part.forecaster,
                    "distribution": part.distribution,
                    "dates": part.dates,
                    "assumed": part.assumed,
                }
            )
        )
        found.update(_bytes(part.numbers))
    return found.hexdigest()


def _line(values: dict[str, object]) -> bytes:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def _bytes(numbers: FloatArray) -> bytes:
    values = np.array(numbers, dtype="<f8") + 0.0  # SQLite keeps no sign of zero
    values[np.isnan(values)] = np.nan  # one bit pattern for every NaN
    return values.tobytes()

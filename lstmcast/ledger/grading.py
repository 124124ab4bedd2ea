"""Grading issued forecasts: each row beside the return that the stored bars show.

A forecast is of the log return from its origin over 1, 2, ... sessions. The return is taken from
today's adjusted closes, both of them: a split or a dividend in between moves the level of every
adjusted close before it, and the return not at all.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray, from_document, shape_of
from lstmcast.errors import LedgerError
from lstmcast.ledger.entries import NUMBERS, Entry, Statement
from lstmcast.predictions import Actuals
from lstmcast.prices.calendar import calendar_for, session_ends
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import parse_json

COUNTED, WAITING, LATE, REPEATED, LOST = "counted", "waiting", "late", "repeated", "lost"

STATES: dict[str, str] = {
    COUNTED: "came true, and counts",
    WAITING: "the session has not come, or its bar is not stored yet",
    LATE: "issued after the session was over, so it counts for nothing",
    REPEATED: "the same session was forecast before, and the first forecast counts",
    LOST: "the stored bars have no session of its origin",
}
"""What became of a row, and what that means."""

_KEY = ["replayed", "source", "symbol", "origin", "horizon", "forecaster"]

_TYPES = {
    "entry": "int64",
    "issued_at": "str",
    "replayed": "bool",
    "symbol": "str",
    "source": "str",
    "currency": "object",
    "origin": "datetime64[s]",
    "run": "object",
    "weights_sha256": "str",
    "data_sha256": "str",
    "forecaster": "str",
    "horizon": "int64",
    "date": "datetime64[s]",
    "close_origin": "float64",
    "close_actual": "float64",
    "return_actual": "float64",
    **dict.fromkeys(NUMBERS, "float64"),
    "log_density": "float64",
    "state": "str",
}
"""The columns of a graded table."""

Histories = Callable[[str, str], PriceHistory | None]
"""The bars of a symbol from a source; None where there are none."""


@dataclass(frozen=True)
class _Outcomes:
    """What the bars show of some entries of one symbol, each array `(entries, horizons)`."""

    date: NDArray[np.datetime64]
    origin_close: FloatArray
    close: FloatArray
    returned: FloatArray
    state: NDArray[np.object_]


def grade(entries: Sequence[Entry], histories: Histories) -> pd.DataFrame:
    """Grade entries, in the order of the ledger.

    Args:
        entries: of the ledger, or some of them; repeated forecasts are told among these.
        histories: the stored bars.

    Returns:
        A row per entry, forecaster and horizon: the columns of a prediction table, with NaN in
        `close_actual`, `return_actual` and `log_density` where the session has not come, `date` the
        session that came true, or the one that was expected; `entry`, `issued_at`, `replayed`,
        `source`, `currency`, `run`, `weights_sha256`, `data_sha256`, `forecaster`; and `state`, one
        of `STATES`.

    Raises:
        LedgerError: if a forecast is of a kind that this version does not know.
    """
    by_symbol: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_symbol[entry.issued.source, entry.issued.symbol].append(entry)
    parts = [_graded(some, _outcomes(some, histories(*key))) for key, some in by_symbol.items()]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _TYPES.items()})
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["entry", "forecaster", "horizon"], ignore_index=True)
    table = table[list(_TYPES)].astype(_TYPES)
    in_time = table["state"].isin([COUNTED, WAITING])
    again = table[in_time].duplicated(_KEY)
    table.loc[again[again].index, "state"] = REPEATED
    return table


def _outcomes(entries: Sequence[Entry], history: PriceHistory | None) -> _Outcomes:
    """What the bars show of the entries of one symbol."""
    horizons = max(entry.issued.horizons for entry in entries)
    shape = (len(entries), horizons)
    stated = np.full(shape, np.datetime64("NaT", "s"))
    for row, entry in enumerate(entries):
        dates = entry.issued.statements[0].dates
        stated[row, : len(dates)] = np.array(dates, dtype="datetime64[s]")
    state = np.full(shape, WAITING, dtype=object)
    nothing = np.full(shape, np.nan)
    if history is None:
        state[:] = LOST
        return _Outcomes(stated, nothing, nothing, nothing, state)
    sessions = history.dates
    closes = history.adjusted()["close"].to_numpy(dtype=np.float64)
    origins = pd.DatetimeIndex([entry.issued.origin for entry in entries])
    rows = np.asarray(sessions.get_indexer(origins), dtype=np.intp)
    there = rows >= 0
    returned, close, origin_close = nothing.copy(), nothing.copy(), nothing.copy()
    found = Actuals(history.symbol, sessions, closes).cumulative_returns(rows[there], horizons)
    returned[there] = found
    ahead = np.minimum(rows[:, None] + np.arange(1, horizons + 1), len(sessions) - 1)
    known = np.isfinite(returned)
    close[known] = closes[ahead[known]]
    origin_close[there] = closes[rows[there]][:, None]
    date = np.where(known, sessions.to_numpy().astype("datetime64[s]")[ahead], stated)
    state[known] = COUNTED
    state[~there & (origins <= history.last)] = LOST
    state[_late(entries, date, history) & (state != LOST)] = LATE
    return _Outcomes(date, origin_close, close, returned, state)


def _late(
    entries: Sequence[Entry], date: NDArray[np.datetime64], history: PriceHistory
) -> NDArray[np.bool_]:
    """Whether a session was over when its forecast was issued; nothing replayed is late."""
    days = pd.DatetimeIndex(np.unique(date[~np.isnat(date)]))
    ends = session_ends(calendar_for(history), days, history.timezone).tz_localize(None)
    over = ends.to_numpy().astype("datetime64[us]")[
        np.searchsorted(days.to_numpy(), date) % len(days)
    ]
    moments = [entry.issued.moment.replace(tzinfo=None) for entry in entries]
    issued = np.array(moments, dtype="datetime64[us]")[:, None]
    live = np.array([not entry.issued.replayed for entry in entries])[:, None]
    late: NDArray[np.bool_] = live & ~np.isnat(date) & (issued >= over)
    return late


def _graded(entries: Sequence[Entry], outcomes: _Outcomes) -> pd.DataFrame:
    """The rows of the entries of one symbol."""
    place, said = zip(
        *((row, part) for row, entry in enumerate(entries) for part in entry.issued.statements),
        strict=True,
    )
    at = np.array(place, dtype=np.intp)
    lengths = np.array([len(part.dates) for part in said])
    row, step = np.repeat(at, lengths), np.concatenate([np.arange(n) for n in lengths])
    of_entry = {
        name: np.array([getattr(entry.issued, name) for entry in entries], dtype=kind)[row]
        for name, kind in (
            ("issued_at", object), ("replayed", bool), ("symbol", object), ("source", object),
            ("currency", object), ("origin", "datetime64[s]"), ("run", object),
            ("weights_sha256", object), ("data_sha256", object),
        )
    }  # fmt: skip
    numbers = np.concatenate([part.numbers for part in said])
    densities = _densities(entries, at, said, outcomes.returned)
    return pd.DataFrame(
        {
            "entry": np.array([entry.number for entry in entries])[row],
            **of_entry,
            "forecaster": np.repeat([part.forecaster for part in said], lengths),
            "horizon": step + 1,
            "date": outcomes.date[row, step],
            "close_origin": outcomes.origin_close[row, step],
            "close_actual": outcomes.close[row, step],
            "return_actual": outcomes.returned[row, step],
            **{name: numbers[:, k] for k, name in enumerate(NUMBERS)},
            "log_density": np.concatenate(densities),
            "state": outcomes.state[row, step],
        }
    )


def _densities(
    entries: Sequence[Entry],
    place: NDArray[np.intp],
    said: Sequence[Statement],
    returned: FloatArray,
) -> list[FloatArray]:
    """Log density of each statement at what came true, those of one kind together."""
    found: list[FloatArray] = [np.array([])] * len(said)
    alike: dict[str, list[int]] = defaultdict(list)
    documents: list[Mapping[str, object]] = [parse_json(part.distribution) for part in said]
    for number, document in enumerate(documents):
        alike[shape_of(document)].append(number)
    for numbers in alike.values():
        try:
            distribution = from_document([documents[number] for number in numbers])
        except ValueError as error:
            first = entries[place[numbers[0]]]
            raise LedgerError(
                f"entry {first.number} of the ledger holds a kind of forecast that this lstmcast "
                "does not know",
                f"it was issued by version {first.issued.program}: upgrade lstmcast",
            ) from error
        actual = returned[place[numbers], : distribution.shape[1]]
        for number, density in zip(numbers, distribution.log_density(actual), strict=True):
            found[number] = density
    return found

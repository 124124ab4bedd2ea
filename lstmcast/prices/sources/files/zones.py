"""Whose day an instant belongs to: the exchange's own, whatever zone the file is written in."""

import re
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.prices.calendar import EVERY_DAY, WEEKDAYS, calendar_of
from lstmcast.prices.sources.files.date_cells import Days


def session_days(days: Days, symbol: str) -> tuple[pd.DatetimeIndex, str]:
    """Return the exchange's date of each row, and a note where that is not the date as written.

    A stamp at midnight, in the zone that it is written in, stands for its date: that is how daily
    bars are written. Other instants are looked at on the exchange's clock: a bar of Tokyo stamped
    15:00 UTC belongs to the next day. Times of day without a zone are left out.
    """
    written = pd.DatetimeIndex(days.local.normalize())
    if not days.aware or (days.local == written).all():
        return written, ""
    zone = zone_of(symbol)
    if zone is None:
        return written, ""
    local = days.stamps.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    there = local.normalize()
    daily = there.nunique() > len(there) / 2  # else there are several bars a day, and that is said
    if daily and "." not in symbol and not symbol.startswith("^"):
        _check_clock(local, days, symbol, zone)
    moved = np.asarray(there != written)
    if not moved.any():
        return written, ""
    at = int(np.argmax(moved))
    note = (
        f"times are converted to {zone}: {days.local[at]:%Y-%m-%d %H:%M} is of {there[at]:%Y-%m-%d}"
    )
    return pd.DatetimeIndex(there), note


CLOCK = frozenset(("00:00", "09:30", "13:00", "16:00"))
"""When daily bars of New York are stamped: at midnight, the open, or the close, early or not."""


def _check_clock(local: pd.DatetimeIndex, days: Days, symbol: str, zone: str) -> None:
    """Refuse instants with which daily bars of New York are not stamped.

    Raises:
        DataError: the bars may be of another exchange, and would be filed under wrong days.
    """
    odd = ~np.isin(local.strftime("%H:%M"), list(CLOCK))
    if odd.any():
        at = int(np.argmax(odd))
        raise DataError(
            f"{symbol}: {days.local[at]:%Y-%m-%d %H:%M} is {local[at]:%H:%M} in {zone}, when no"
            " daily bar begins or ends, so its session cannot be determined",
            hint=f"name the symbol with its exchange, such as {symbol}.T or {symbol}.NS,"
            " or write dates without times into the file",
        )


@lru_cache(maxsize=32)
def zone_of(symbol: str) -> str | None:
    """Return the time zone of the exchange that a symbol's form suggests, or None."""
    name = calendar_of(symbol)
    if name in (WEEKDAYS, EVERY_DAY) or re.fullmatch(r"[A-Z]{2,6}USDT?", symbol):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package uses what pandas 4 will change
        from exchange_calendars import get_calendar  # half a second, and seldom needed

        return str(get_calendar(name, start="2015-01-01", end="2015-03-31").tz)

"""Cells read by one form: as dates, times of day and offsets, as seconds since 1970, as Excel days.

Each function reads all cells of a column or none of them: `dates` tries one form after another.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.sources.files.date_forms import (
    EARLIEST,
    LATEST,
    MONTH_OF,
    Form,
    century,
)

_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (1e20, "ns"))
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_NUMBER = r"^-?\d{9,19}(\.\d+)?$"
_WEEK = r"^\d{4}-?W\d{2}-?[1-7]$"
_SERIAL = r"^[2-7]\d{4}(\.\d+)?$"
"""Days since 1899-12-30 in Excel: five digits from 1954 to 2119."""


@dataclass(frozen=True)
class Days:
    """What a column says: naive stamps for each cell, and whether they are instants.

    Args:
        form: the name of the form that all cells have.
        stamps: one for each cell: as written; or in UTC where `aware`.
        local: stamps as they are written, whatever their zone.
        aware: whether the cells name an instant: with an offset, or as seconds since 1970.
    """

    form: str
    stamps: pd.DatetimeIndex
    local: pd.DatetimeIndex
    aware: bool


def all_iso(cells: pa.Array) -> bool:
    """Whether every cell is written as `2024-06-28`, of which Arrow can tell in no time."""
    return bool(pc.all(pc.match_substring_regex(cells, _ISO), skip_nulls=False).as_py())


def read_iso(cells: pa.Array) -> Days | None:
    """Return the days of cells that all are written as `2024-06-28`, which no other form is."""
    if not all_iso(cells):
        return None
    try:
        days = cells.cast(pa.date32())
    except pa.ArrowInvalid:  # there is no such day
        return None
    local = pd.DatetimeIndex(days.to_numpy(zero_copy_only=False).astype("datetime64[us]"))
    if local.year.min() < EARLIEST or local.year.max() > LATEST:
        return None
    return Days("%Y-%m-%d", local, local, False)


def read_unix(cells: pa.Array, unit: str | None = None) -> Days | None:
    """Return instants in seconds since 1970 or a thousandth, millionth, billionth of them."""
    if not _all_match(cells, _NUMBER):
        return None
    numbers = pc.cast(pc.replace_substring_regex(cells, r"\.\d+$", ""), pa.int64()).to_numpy()
    largest = float(np.abs(numbers).max())
    unit = unit or next(name for limit, name in _UNITS if largest < limit)
    scale = {"s": 10**6, "ms": 10**3, "us": 1}.get(unit)
    micros = numbers // 1000 if scale is None else numbers * scale
    years = micros / 3.15576e13 + 1970
    if years.min() < EARLIEST or years.max() > LATEST:
        return None
    stamps = pd.DatetimeIndex(micros.astype("datetime64[us]"))
    return Days(f"unix {unit}", stamps, stamps, True)


def read_serial(cells: pa.Array) -> Days | None:
    """Return the days that Excel counts from 1899-12-30."""
    if not _all_match(cells, _SERIAL):
        return None
    numbers = pc.cast(cells, pa.float64()).to_numpy()
    days = np.datetime64("1899-12-30", "us") + np.floor(numbers).astype("timedelta64[D]")
    stamps = pd.DatetimeIndex(days)
    return Days("excel", stamps, stamps, False)


def read_week(cells: pa.Array) -> Days | None:
    """Return the days that are numbered within the weeks of ISO 8601, such as `2024-W26-5`."""
    if not _all_match(cells, _WEEK):
        return None
    texts = pd.Series(pc.replace_substring(cells, "-", "").to_pylist())
    stamps = pd.to_datetime(texts, format="%GW%V%u", errors="coerce")
    if stamps.isna().any():  # not every year has a week 53
        return None
    days = pd.DatetimeIndex(stamps)
    return Days("%G-W%V-%u", days, days, False)


def _all_match(cells: pa.Array, pattern: str) -> bool:
    if not len(cells) or not re.match(pattern, cells[0].as_py() or ""):
        return False
    return bool(pc.all(pc.match_substring_regex(cells, pattern), skip_nulls=False).as_py())


def read_form(cells: pa.Array, form: Form) -> Days | np.ndarray:
    """Return the days of cells that all have a form, or which of them have not."""
    parts = pc.extract_regex(cells, form.regex)
    unmatched = np.asarray(pc.is_null(parts).to_numpy(zero_copy_only=False))
    if unmatched.all():
        return unmatched
    held = {field.name: pc.struct_field(parts, [field.name]) for field in parts.type}
    year = _ints(held["y"])
    year = {"y": year, "roc": year + 1911, "yy": century(year)}[form.year]
    buddhist = form.year == "y" and bool(((year >= 2443) & (year <= LATEST + 543)).all())
    if buddhist:  # no other calendar in use counts so far
        year = year - 543
    month = _months(held["word"]) if "word" in held else _ints(held["m"])
    day = _ints(held["d"])
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    start += (month - 1).astype("timedelta64[M]")
    dates = start.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    right = (month >= 1) & (month <= 12) & (day >= 1) & (year >= EARLIEST) & (year <= LATEST)
    right &= dates.astype("datetime64[M]") == start
    if unmatched.any() or not right.all():
        return np.asarray(unmatched | ~right)
    clock = held.get("clock", held["time"])
    name = f"{form.name} of the Buddhist era" if buddhist else form.name
    local = pd.DatetimeIndex(dates.astype("datetime64[us]") + _times(clock))
    zones = held["zone"]
    aware = pc.not_equal(pc.fill_null(zones, ""), "").to_numpy(zero_copy_only=False)
    offsets = _offsets(zones) if aware.any() else None
    if offsets is None or not aware.all():
        return Days(name, local, local, False)
    return Days(name, pd.DatetimeIndex(local.to_numpy() - offsets), local, True)


def _ints(texts: pa.Array) -> np.ndarray:
    filled = pc.fill_null(pc.if_else(pc.equal(texts, ""), None, texts), "0")
    return np.asarray(pc.cast(filled, pa.int64()).to_numpy())


def _months(words: pa.Array) -> np.ndarray:
    names = pd.Series(words.to_pylist(), dtype="object").fillna("")
    numbers = {
        name: MONTH_OF.get(name.casefold().replace("ı", "i"), "0") for name in names.unique()
    }
    return names.map(numbers).astype("int64").to_numpy()


def _times(clocks: pa.Array) -> np.ndarray:
    texts = pd.Series(clocks.to_pylist(), dtype="object").fillna("")
    micros = {text: _micros(text) for text in texts.unique()}
    return texts.map(micros).to_numpy(dtype="int64").astype("timedelta64[us]")


def _micros(text: str) -> int:
    """Return the microseconds since midnight of a time of day; of no time, none."""
    if not text:
        return 0
    if text.isdigit():
        text = ":".join(re.findall("..", text))
    digits = re.findall(r"\d+", text)
    hour, minute = int(digits[0]), int(digits[1])
    second = int(digits[2]) if len(digits) > 2 else 0
    if re.search(r"[aApP]\.?[mM]", text):
        hour = hour % 12 + (12 if re.search(r"[pP]\.?[mM]", text) else 0)
    fraction = int(f"{digits[3]:0<6}"[:6]) if len(digits) > 3 else 0
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction


_NAMED = {"EST": -5, "EDT": -4, "CET": 1, "CEST": 2, "BST": 1, "JST": 9, "KST": 9, "IST": 5.5}


def _offsets(zones: pa.Array) -> np.ndarray:
    texts = pd.Series(zones.to_pylist(), dtype="object").fillna("")
    minutes = {text: _minutes(text.strip()) for text in texts.unique()}
    return texts.map(minutes).to_numpy(dtype="int64").astype("timedelta64[m]")


def _minutes(zone: str) -> int:
    if zone in _NAMED:
        return int(_NAMED[zone] * 60)
    digits = re.sub(r"\D", "", zone)
    if not digits:
        return 0
    size = int(digits[:2]) * 60 + int(digits[2:4] or 0)
    return -size if "-" in zone else size

"""Dates of a whole column: every form that some exporter writes, and only one may fit all rows.

A form is a pattern of the whole cell, which says where year, month and day stand; a column has a
form if each of its cells does and names a day that exists, between 1900 and 2100. `04/01/2021` has
two forms, and the file says which only if one of its days is above 12. Otherwise:

- one reading whose days follow each other on sessions of the exchange decides against one whose
  days jump from month to month or fall on closed days
- else the file is refused, and `--date-format` asked for

Cells are looked at once each, however often they are repeated.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.calendar import EVERY_DAY, calendar_of, sessions_between

MONTHS = {
    1: "jan january januar janv janvier ene enero janeiro gen gennaio januari oca ocak sty"
    " stycznia styczen янв января январь januar januari tammi январ",
    2: "feb february februar févr févr fév février fevrier febrero fev fevereiro febbraio"
    " februari şub şubat lut lutego luty фев февраля февраль helmi",
    3: "mar march mär märz mrz mars marzo março marco maart mrt mart mars marca marzec мар"
    " марта март maalis maret",
    4: "apr april avr avril abr abril aprile nis nisan kwi kwietnia kwiecień апр апреля"
    " апрель huhti",
    5: "may mai mayo maio mag maggio mei may mayıs maj maja май мая touko",
    6: "jun june juni juin junio junho giu giugno haz haziran cze czerwca czerwiec июн июня"
    " июнь kesä",
    7: "jul july juli juil juillet julio julho lug luglio tem temmuz lip lipca lipiec июл"
    " июля июль heinä",
    8: "aug august août aout agosto ago augustus ağu ağustos sie sierpnia sierpień авг"
    " августа август elo agustus agu agt",
    9: "sep sept september septembre septiembre set setembro settembre eyl eylül wrz"
    " września wrzesień сен сент сентября сентябрь syys",
    10: "oct october okt oktober octobre octubre out outubro ott ottobre eki ekim paź"
    " października październik окт октября октябрь loka",
    11: "nov november novembre noviembre novembro kas kasım lis listopada listopad ноя нояб"
    " ноября ноябрь marras nopember",
    12: "dec december dez dezember déc décembre decembre dic diciembre dezembro dicembre ara"
    " aralık gru grudnia grudzień дек декабря декабрь joulu des desember",
}
"""Months by every name and abbreviation, without the full stop of one."""
_MONTH_OF = {
    name.casefold().replace("ı", "i"): str(number)
    for number, names in MONTHS.items()
    for name in names.split()
}

EARLIEST, LATEST = 1900, 2100

_TIME = (
    r"(?:(?:[T ]|, ?|,? at |  +)"
    r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?(?: ?[AaPp]\.?[Mm]\.?)?)"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::?\d{2})?|[+-]\d{2}"
    r"| ?(?:EST|EDT|CET|CEST|BST|JST|KST|IST))?)?"
)
_WEEKDAY = r"(?:\p{L}+[.,]?,? +)?"
_WORD = r"(?P<word>\p{L}+)\.?"


@dataclass(frozen=True)
class Form:
    """One way to write a date: its name (as `--date-format` takes it), and what matches a cell."""

    name: str
    pattern: str
    year: str = "y"
    """`y` of four digits, `yy` of two, `roc` counted from 1912."""

    @property
    def regex(self) -> str:
        """The pattern of the whole cell, as Arrow takes it."""
        return f"^{self.pattern}{_TIME}$"

    @cached_property
    def _python(self) -> re.Pattern[str]:
        return re.compile(self.regex.replace(r"\p{L}", r"[^\W\d_]"))

    def may_fit(self, cell: str) -> bool:
        """Whether one cell has the form: asked first, since Arrow takes long to read a pattern."""
        return self._python.match(cell) is not None


def _form(name: str, pattern: str, year: str = "y") -> Form:
    return Form(name, pattern, year)


_Y, _M, _D, _YY = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})", r"(?P<y>\d{2})"

FORMS = (
    _form("%Y-%m-%d", f"{_Y}-{_M}-{_D}"),
    _form("%Y/%m/%d", f"{_Y}/{_M}/{_D}(?: ?\\(\\p{{L}}\\))?"),
    _form("%Y.%m.%d", rf"{_Y}\. ?{_M}\. ?{_D}\.?"),
    _form("%Y年%m月%d日", f"{_Y}年 ?{_M}月 ?{_D}日(?:\\(\\p{{L}}\\))?"),
    _form("%Y년 %m월 %d일", f"{_Y}년 ?{_M}월 ?{_D}일"),
    _form("%Y%m%d", r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0)?"),
    _form("%Y%m%d%H%M%S", r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})[ T;]?(?P<clock>\d{4}(?:\d{2})?)"),
    _form("%d%m%Y", r"(?P<d>\d{2})(?P<m>\d{2})(?P<y>\d{4})"),
    _form("%m%d%Y", r"(?P<m>\d{2})(?P<d>\d{2})(?P<y>\d{4})"),
    _form("%m/%d/%Y", f"{_M}/{_D}/{_Y}"),
    _form("%d/%m/%Y", f"{_D}/{_M}/{_Y}"),
    _form("%m-%d-%Y", f"{_M}-{_D}-{_Y}"),
    _form("%d-%m-%Y", f"{_D}-{_M}-{_Y}"),
    _form("%d.%m.%Y", rf"{_D}\. ?{_M}\. ?{_Y}\.?"),
    _form("%m.%d.%Y", rf"{_M}\.{_D}\.{_Y}"),
    _form("%m/%d/%y", f"{_M}/{_D}/{_YY}", "yy"),
    _form("%d/%m/%y", f"{_D}/{_M}/{_YY}", "yy"),
    _form("%y/%m/%d", f"{_YY}/{_M}/{_D}", "yy"),
    _form("%m-%d-%y", f"{_M}-{_D}-{_YY}", "yy"),
    _form("%d-%m-%y", f"{_D}-{_M}-{_YY}", "yy"),
    _form("%y-%m-%d", f"{_YY}-{_M}-{_D}", "yy"),
    _form("%d.%m.%y", rf"{_D}\.{_M}\.{_YY}", "yy"),
    _form("%y.%m.%d", rf"{_YY}\.{_M}\.{_D}", "yy"),
    _form("%y%m%d", r"(?P<y>\d{2})(?P<m>\d{2})(?P<d>\d{2})", "yy"),
    _form("%d%m%y", r"(?P<d>\d{2})(?P<m>\d{2})(?P<y>\d{2})", "yy"),
    _form("ROC/%m/%d", r"(?P<y>\d{3})[/.-](?P<m>\d{1,2})[/.-](?P<d>\d{1,2})", "roc"),
    _form(
        "%d %b %Y",
        rf"{_WEEKDAY}{_D}(?:st|nd|rd|th|\.|er)?[ /-]?(?:de )?{_WORD}[ ,/-]{{1,2}}(?:de )?{_Y}",
    ),
    _form("%b %d, %Y", rf"{_WEEKDAY}{_WORD}[ -]{_D}(?:st|nd|rd|th)?,?[ -]{{1,2}}{_Y}"),
    _form("%Y-%b-%d", rf"{_Y}[ /-]{_WORD}[ /-]{_D}"),
    _form("%d%b%Y", r"(?P<d>\d{1,2})(?P<word>\p{L}{3})(?P<y>\d{4})"),
    _form("%d-%b-%y", rf"{_WEEKDAY}{_D}[ /-]{_WORD}[ /,-]{{1,2}}'?{_YY}", "yy"),
    _form("%b %d, %y", rf"{_WORD} {_D},? '?{_YY}", "yy"),
)  # fmt: skip

_YEAR_FIRST = r"^(\d{4})[-/](\d{2})[-/](\d{2})"
_COMPACT = next(form for form in FORMS if form.name == "%Y%m%d")

_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (1e20, "ns"))
_NUMBER = r"^-?\d{9,19}(\.\d+)?$"
_SERIAL = r"^[2-7]\d{4}(\.\d+)?$"
"""Days since 1899-12-30 in Excel: five digits from 1954 to 2119."""

LOOKS_LIKE = re.compile(
    r"\d{1,4}[-/.年년]\s?\d{1,2}[-/.月월]\s?\d{1,4}|\d{8}$|\d{10}(\d{3}){0,3}(\.0)?$"
    r"|\d{1,2}(st|nd|rd|th|\.|er)?[ \-/]?(de )?[^\W\d]{3,12}\.?[ \-,/]{1,2}(de )?'?\d{2,4}"
    r"|([^\W\d]+,? )?[^\W\d]{3,10}\.?[ -]\d{1,2}(st|nd|rd|th)?,?[ -]{1,2}\d{4}"
    r"|\d{4}[ /-][^\W\d]{3}[ /-]\d{1,2}"
)
"""What a cell begins with that can be a date, to find where the rows of a file begin."""
_AFTER_DATE = re.compile(r"[T ,]*[\d:.,+\-/ZAPMapmUTCGSEDJKBI ()]*$")


def looks_like_date(cell: str) -> bool:
    """Whether a cell can be a date, perhaps with a time of day."""
    match = LOOKS_LIKE.match(cell)
    return match is not None and _AFTER_DATE.match(cell[match.end() :]) is not None


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


@dataclass(frozen=True)
class Choice:
    """The days of a column, or the forms that fit it, none or several."""

    days: Days | None
    candidates: tuple[str, ...] = ()
    why: str = ""
    """What decided between several forms, for a note; empty where only one fitted."""
    bad: int | None = None
    """The first cell that the form which fits most cells does not fit."""


def read_dates(
    column: pa.Array,
    *,
    symbol: str,
    form: str | None = None,
    context: pa.Array | None = None,
) -> Choice:
    """Return the days of a column of text, dates or numbers.

    Args:
        column: the cells of the rows wanted, without surrounding space.
        symbol: whose days they are, for the exchange's calendar.
        form: what `--date-format` says: a format of `strptime`, or `s`, `ms`, `us`, `ns`, `excel`.
        context: the cells of all rows of the file, which may decide what these leave open.
    """
    if pa.types.is_temporal(column.type):
        return Choice(_typed(column))
    text = _as_text(column)
    cells = text.dictionary_encode()
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    distinct, codes = cells.dictionary, cells.indices.to_numpy(zero_copy_only=False)
    if form is not None:
        fitted = _given(distinct, form)
        if isinstance(fitted, Days):
            return Choice(_spread(fitted, codes))
        return Choice(None, (), bad=int(np.flatnonzero(fitted[codes])[0]))
    fits, best_bad = _fitting(distinct)
    if not fits:
        wrong = np.flatnonzero(best_bad[codes])
        return Choice(None, (), bad=int(wrong[0]) if len(wrong) else 0)
    if len(fits) > 1 and context is not None:
        everywhere = pc.unique(_as_text(context))
        held = {item.form for item in _fitting(everywhere)[0]}
        fits = [item for item in fits if item.form in held] or fits
    spread = [_spread(item, codes) for item in fits]
    return _decide(spread, symbol)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        column = column.cast(pa.int64(), safe=False) if whole else column
    return column.cast(pa.string()) if not pa.types.is_string(column.type) else column


def _typed(column: pa.Array) -> Days:
    """Return what a column of dates holds; one with a zone shows its own dates."""
    zone = getattr(column.type, "tz", None)
    stamps = pd.DatetimeIndex(column.to_pandas())
    local = stamps.tz_localize(None) if zone else stamps
    utc = stamps.tz_convert("UTC").tz_localize(None) if zone else stamps
    return Days(f"dates in {zone}" if zone else "dates", utc, local, bool(zone))


def _spread(days: Days, codes: np.ndarray) -> Days:
    return Days(days.form, days.stamps[codes], days.local[codes], days.aware)


def _fitting(cells: pa.Array) -> tuple[list[Days], np.ndarray]:
    """Return every form that all cells have, and which cells the form of most does not fit."""
    fits = []
    for attempt in (_unix, _serial):
        days = attempt(cells)
        if days is not None:
            fits.append(days)
    first = str(cells[0].as_py())
    likely = (_read(cells, form) for form in FORMS if form.may_fit(first))
    fits += [read for read in likely if isinstance(read, Days)]
    best = np.ones(len(cells), dtype=bool)
    if not fits:
        misfits = (read for form in FORMS if not isinstance(read := _read(cells, form), Days))
        best = min(misfits, key=lambda wrong: int(wrong.sum()), default=best)
    if not fits:  # the year first, separated in one row and not in the next, is as plain
        read = _read(pc.replace_substring_regex(cells, _YEAR_FIRST, r"\1\2\3"), _COMPACT)
        if isinstance(read, Days):
            return [replace(read, form="%Y-%m-%d")], best
    return fits, best


def _given(cells: pa.Array, form: str) -> Days | np.ndarray:
    """Return the days in the form that the user names, or which cells are not in it."""
    special: dict[str, Callable[[pa.Array], Days | None]] = {"excel": _serial}
    if form in ("s", "ms", "us", "ns"):
        special[form] = lambda cells: _unix(cells, form)
    if form in special:
        days = special[form](cells)
        return np.ones(len(cells), dtype=bool) if days is None else days
    known = [item for item in FORMS if item.name == form]
    if known and isinstance(read := _read(cells, known[0]), Days):
        return read
    stamps = pd.to_datetime(
        pd.Series(cells.to_pylist()), format=form, errors="coerce", utc="%z" in form
    )
    if stamps.isna().any():
        return np.asarray(stamps.isna())
    plain = pd.DatetimeIndex(stamps)
    plain = plain.tz_localize(None) if plain.tz is not None else plain
    return Days(form, plain, plain, "%z" in form)


def _unix(cells: pa.Array, unit: str | None = None) -> Days | None:
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


def _serial(cells: pa.Array) -> Days | None:
    """Return the days that Excel counts from 1899-12-30."""
    if not _all_match(cells, _SERIAL):
        return None
    numbers = pc.cast(cells, pa.float64()).to_numpy()
    days = np.datetime64("1899-12-30", "us") + np.floor(numbers).astype("timedelta64[D]")
    stamps = pd.DatetimeIndex(days)
    return Days("excel", stamps, stamps, False)


def _all_match(cells: pa.Array, pattern: str) -> bool:
    if not len(cells) or not re.match(pattern, cells[0].as_py() or ""):
        return False
    return bool(pc.all(pc.match_substring_regex(cells, pattern), skip_nulls=False).as_py())


def _read(cells: pa.Array, form: Form) -> Days | np.ndarray:
    """Return the days of cells that all have a form, or which of them have not."""
    parts = pc.extract_regex(cells, form.regex)
    unmatched = np.asarray(pc.is_null(parts).to_numpy(zero_copy_only=False))
    if unmatched.all():
        return unmatched
    held = {field.name: pc.struct_field(parts, [field.name]) for field in parts.type}
    year = _ints(held["y"])
    year = {"y": year, "roc": year + 1911, "yy": year + np.where(year < 70, 2000, 1900)}[form.year]
    month = _months(held["word"]) if "word" in held else _ints(held["m"])
    day = _ints(held["d"])
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    dates = start.astype("datetime64[D]") + (day - 1)
    right = (month >= 1) & (month <= 12) & (day >= 1) & (year >= EARLIEST) & (year <= LATEST)
    right &= dates.astype("datetime64[M]") == start
    if unmatched.any() or not right.all():
        return np.asarray(unmatched | ~right)
    clock = held.get("clock", held["time"])
    local = pd.DatetimeIndex(dates.astype("datetime64[us]") + _times(clock))
    zones = held["zone"]
    aware = pc.not_equal(pc.fill_null(zones, ""), "").to_numpy(zero_copy_only=False)
    offsets = _offsets(zones) if aware.any() else None
    if offsets is None or not aware.all():
        return Days(form.name, local, local, False)
    return Days(form.name, pd.DatetimeIndex(local.to_numpy() - offsets), local, True)


def _ints(texts: pa.Array) -> np.ndarray:
    filled = pc.fill_null(pc.if_else(pc.equal(texts, ""), None, texts), "0")
    return np.asarray(pc.cast(filled, pa.int64()).to_numpy())


def _months(words: pa.Array) -> np.ndarray:
    names = pd.Series(words.to_pylist(), dtype="object").fillna("")
    numbers = {
        name: _MONTH_OF.get(name.casefold().replace("ı", "i"), "0") for name in names.unique()
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
    return -size if zone.startswith("-") else size


# --- more than one form --------------------------------------------------------------------------

FEWEST = 3
"""Rows from which on the calendar decides."""
DENSE = 4.0
"""Median days from one row to the next, up to which bars are daily."""
SPARSE = 20.0
"""Median days above which they are not."""
MOSTLY = 0.99
"""Share of the days that must be sessions."""


def _decide(fits: list[Days], symbol: str) -> Choice:
    """Choose among forms by their days; forms of the same days are one."""
    different: list[Days] = []
    for item in fits:
        if not any(item.stamps.equals(other.stamps) for other in different):
            different.append(item)
    names = tuple(item.form for item in different)
    if len(different) == 1:
        return Choice(different[0], names)
    calendar = calendar_of(symbol)
    likely = [item for item in different if _daily_on(item, calendar)]
    others = [item for item in different if not _daily_on(item, calendar)]
    if len(likely) == 1 and all(_implausible(item, calendar) for item in others):
        why = f"its days follow each other on sessions of {calendar}"
        return Choice(likely[0], names, why)
    dotted = [item for item in different if item.form.startswith("%d.")]
    if not likely and len(dotted) == 1 and all(name[:3] in ("%d.", "%m.") for name in names):
        return Choice(dotted[0], names, "dots stand behind a day, then a month")
    return Choice(None, names)


def _step(days: Days) -> float:
    gaps = np.abs(
        np.diff(days.local.normalize().to_numpy().astype("datetime64[D]").astype("int64"))
    )
    return float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else np.inf


def _on_sessions(days: Days, calendar: str) -> float:
    dates = days.local.normalize().unique()
    sessions = sessions_between(calendar, dates.min(), dates.max()).days
    if calendar == EVERY_DAY:
        return 1.0
    return float(dates.isin(sessions).mean())


def _daily_on(days: Days, calendar: str) -> bool:
    """Whether the rows are daily bars in order, on days when the exchange was open."""
    dates = pd.Index(days.local.normalize())
    return (
        len(dates.unique()) >= FEWEST
        and (dates.is_monotonic_increasing or dates.is_monotonic_decreasing)
        and _step(days) <= DENSE
        and _on_sessions(days, calendar) >= MOSTLY
    )


def _implausible(days: Days, calendar: str) -> bool:
    """Whether the rows jump about, or fall on closed days, as daily bars do not."""
    return _step(days) >= SPARSE or _on_sessions(days, calendar) < MOSTLY

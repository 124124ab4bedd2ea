"""Numbers of a whole file: which mark is the decimal one is decided once, for all its columns.

A cell is a number if, read with the file's decimal mark, it is digits with or without thousands
marks in their places, and at most one decimal mark. A sign, a currency and the letters
K, M and B may stand around it. Both readings are tried; where both fit (`9.400` in every
row), what other columns are written like decides, and else nobody.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mark = Literal[".", ","]

MISSING = frozenset(
    {
        "", "-", "--", "---", "–", "—", ".", "..", "null", "none", "nan", "na", "n/a", "#n/a",
        "n.a.", "nil", "<na>", "nd", "#n/a n/a", "#value!", "#div/0!", "*", "n.d.", "k.a.", "\\n",
        "undefined", "#n/a n.a.", "-.--", "na.", "n/d", "#ref!", "#name?", "(null)", "-nan",
        "missing", "unavailable", "not available", "not traded", "no trade", "no trades", "?", "/",
        "#n/d", "#nd", "#nv", "#n/b", "#н/д", "#null!", "#num!", "#wert!", "#zahl!", "#bezug!",
        "s/d", "s.d.", "n.v.", "b.d.", "brak", "无", "暂无", "停牌",
    }
)  # fmt: skip
"""What stands for no number, in small letters."""


_SPACE = "[\\s\u00a0\u202f\u2009'’]"
_GAP = "[ \u00a0\u202f\u2009]?"
_CODES = (
    "USDT USDC BUSD USD EUR GBP CHF JPY CNY CNH INR TRY TL BRL KRW HKD SEK NOK DKK PLN RUB GBX GBp"
    " ZAR ZAc MXN SGD AUD NZD CAD TWD NTD THB IDR MYR PHP VND ILS ILA CZK HUF RON BGN ISK UAH SAR"
    " AED QAR KWD BHD OMR EGP NGN KES ARS CLP COP PEN PKR BDT LKR KZT RMB BTC ETH"
)
_MONEY = (
    r"(?:[A-Z]{0,3}\p{Sc}|kr\.?|zł|Kč|Ft|lei|Rs\.?|Rp\.?|R|元|円|원|د\.إ|ر\.س|p|c|"
    + "|".join(_CODES.split())
    + ")"
)
_BESIDE = r"[▲▼△▽↑↓手股株주]"
"""What stands beside a number and is no money."""
_SCALES = {
    "k": 3, "m": 6, "b": 9, "t": 12, "mn": 6, "bn": 9, "mio": 6, "mrd": 9, "tsd": 3, "mln": 6,
    "bln": 9, "million": 6, "billion": 9, "tys": 3, "万": 4, "亿": 8, "萬": 4, "億": 8, "만": 4,
    "억": 8, "百万": 6, "mil": 3, "mi": 6, "bi": 9, "tri": 12,
}  # fmt: skip
"""Powers of ten by the words that follow a number."""
_WORDS = "(?:" + "|".join(sorted(_SCALES, key=len, reverse=True)) + r")\.?"


def _pattern(mark: Mark) -> str:
    """Return the pattern of a whole cell under a decimal mark."""
    point, other = (r"\.", ",") if mark == "." else (",", r"\.")
    groups = rf"[1-9]\d{{0,2}}(?:(?:{other}\d{{3}})+|(?:{_SPACE}\d{{3}})+)"
    if mark == ".":
        groups += r"|[1-9]\d?(?:,\d{2})+,\d{3}"  # as India groups them
    number = rf"(?:(?:\d+|{groups})(?:{point}\d*)?|{point}\d+)"
    before = (
        rf"(?:(?P<sign>[+\-−]?)(?P<first>{_MONEY}|{_BESIDE})?{_GAP}"
        rf"|(?P<before>{_MONEY}){_GAP}(?P<inner>[+\-−]))"
    )
    scale = rf"(?:(?P<power>[eE][+-]?\d+)|{_GAP}(?P<word>(?i:{_WORDS})))?"
    after = rf"{_GAP}(?P<after>{_MONEY}|{_BESIDE})?{_GAP}\*?"
    return rf"^(?P<open>\(?)'?{before}(?P<number>{number}){scale}{after}\)?$"


_PATTERNS = {".": _pattern("."), ",": _pattern(",")}
_THOUSANDS = {".": r"^\D*\d{1,3}(,\d{3}){2,}\D*$", ",": r"^\D*\d{1,3}(\.\d{3}){2,}\D*$"}
_DECIMALS = {
    ".": r"^\D*\d*\.(\d{1,2}|\d{4,})\D*$|^\D*0\.\d+\D*$|^\D*\d{1,3}(,\d{3})+\.\d+\D*$"
    r"|^\D*\d{4,}\.\d+\D*$",
    ",": r"^\D*\d*,(\d{1,2}|\d{4,})\D*$|^\D*0,\d+\D*$|^\D*\d{1,3}(\.\d{3})+,\d+\D*$"
    r"|^\D*\d{4,},\d+\D*$",
}
"""What only a number with this decimal mark can look like."""


@dataclass(frozen=True)
class Decision:
    """The decimal mark of a file, and what decided where its numbers alone did not."""

    mark: Mark | None
    why: str = ""
    examples: tuple[str, ...] = ()
    """Cells that leave it open, where `mark` is None."""


def decide(columns: Sequence[pa.Array], beside: Iterable[pa.Array]) -> Decision:
    """Return the decimal mark of a file.

    Args:
        columns: the cells of prices and volumes, text or numbers.
        beside: the cells of other columns, which are written the same way.
    """
    texts = [column for column in columns if pa.types.is_string(column.type)]
    fits = [mark for mark in MARKS if all(_fits(item, mark) for item in texts)]
    if not fits:  # cells that are no number at all are reported by whoever reads them
        shares = {mark: sum(_share(item, mark) for item in texts) for mark in MARKS}
        fits = [mark for mark in MARKS if shares[mark] == max(shares.values()) > 0] or ["."]
    if len(fits) == 1:
        return Decision(fits[0])
    marked = [cell for item in texts for cell in _cells_with(item, r"\d[.,]\d")]
    if not marked:
        return Decision(".")
    others = [item for item in beside if pa.types.is_string(item.type)]
    said = [mark for mark in MARKS if any(_says(item, mark) for item in others)]
    if len(said) == 1:
        name = "point" if said[0] == "." else "comma"
        return Decision(said[0], f"other columns show a decimal {name}")
    return Decision(None, "", tuple(marked[:2]))


def convert(column: pa.Array, mark: Mark) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a column, NaN where there is none, and which cells are not numbers."""
    if not pa.types.is_string(column.type):
        return _typed(column)
    if mark == ".":
        try:
            numbers = pc.cast(column, pa.float64())
            return _numpy(numbers), np.zeros(len(column), dtype=bool)
        except pa.ArrowInvalid:
            pass
    cells = _present(column)
    right = pc.fill_null(pc.match_substring_regex(cells, _PATTERNS[mark]), fill_value=True)
    bad = ~right.to_numpy(zero_copy_only=False)
    return _numpy(pc.cast(_canonical(cells, mark), pa.float64())), bad


MARKS: tuple[Mark, Mark] = (".", ",")
_THIRTY_SECONDS = r"^\d{2,3}['’][0-2]\d[0257]$|^\d{2,3}['’]3[01][0257]$"


def in_thirty_seconds(column: pa.Array) -> bool:
    """Whether prices are written as those of Treasury futures: `110'165` is 110 and 16.5/32."""
    if not pa.types.is_string(column.type):
        return False
    cells = _present(column).drop_null()
    return len(cells) > 1 and bool(pc.all(pc.match_substring_regex(cells, _THIRTY_SECONDS)).as_py())


def _typed(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    nothing = np.zeros(len(column), dtype=bool)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan), nothing
    try:
        return _numpy(pc.cast(column, pa.float64(), safe=False)), nothing
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), np.nan), ~nothing


def _numpy(numbers: pa.Array) -> np.ndarray:
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype="float64")


def _present(column: pa.Array) -> pa.Array:
    """Return the cells, null where one stands for no number."""
    absent = pc.is_in(pc.utf8_lower(column), value_set=pa.array(sorted(MISSING)))
    return pc.if_else(pc.fill_null(absent, fill_value=True), None, column)


def _canonical(cells: pa.Array, mark: Mark) -> pa.Array:
    """Return cells of the pattern as a program writes numbers, null where they are not of it."""
    parts = pc.extract_regex(cells, _PATTERNS[mark])
    text = _part(parts, "number")
    other = (
        r"[,\s\x{00a0}\x{202f}\x{2009}'’]" if mark == "." else r"[.\s\x{00a0}\x{202f}\x{2009}'’]"
    )
    text = pc.replace_substring_regex(text, other, "")
    if mark == ",":
        text = pc.replace_substring(text, ",", ".")
    before = pc.binary_join_element_wise(
        *(_part(parts, name) for name in ("open", "sign", "inner")), ""
    )
    negative = pc.match_substring_regex(before, r"[(\-−]")
    words = _part(parts, "word").dictionary_encode()
    powers = [
        f"e{_SCALES[word.casefold().rstrip('.')]}" if word else ""
        for word in words.dictionary.to_pylist()
    ]
    scale = pa.array(powers, pa.string()).take(words.indices)
    sign = pc.if_else(negative, "-", "")
    return pc.binary_join_element_wise(sign, text, _part(parts, "power"), scale, "")


def _part(parts: pa.Array, name: str) -> pa.Array:
    """Return a named part of each cell: empty where it has none, null where it is no number."""
    return pc.struct_field(parts, [name])


def currencies(column: pa.Array, mark: Mark) -> list[str]:
    """Return the currencies that stand beside the numbers of a column, each once."""
    if not pa.types.is_string(column.type):
        return []
    if not pc.any(pc.match_substring_regex(column, r"[^\d.,\s]")).as_py():
        return []
    parts = pc.extract_regex(_present(column), _PATTERNS[mark])
    found = pa.concat_arrays([_part(parts, name) for name in ("first", "before", "after")])
    names = [name for name in pc.unique(found.drop_null()).to_pylist() if name]
    return sorted({name.rstrip(".") for name in names if not re.fullmatch(_BESIDE, name)})


def _fits(column: pa.Array, mark: Mark) -> bool:
    """Whether every cell of a column is a number under a mark; the first rows mostly tell."""
    return all(_share(part, mark) == 1.0 for part in (column[:200], column) if len(part))


def _share(column: pa.Array, mark: Mark) -> float:
    if mark == ".":
        try:
            pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            pass
        else:
            return 1.0
    right = pc.match_substring_regex(_present(column), _PATTERNS[mark])
    share = pc.mean(pc.fill_null(right, fill_value=True).cast(pa.int8())).as_py()
    return 1.0 if share is None else float(share)


def _says(column: pa.Array, mark: Mark) -> bool:
    """Whether cells of a column are numbers that only this mark explains, and no other."""
    cells = _present(pc.replace_substring(column, "%", ""))
    if not pc.any(pc.match_substring_regex(cells, f"{_DECIMALS[mark]}|{_THOUSANDS[mark]}")).as_py():
        return False
    return _share(cells, mark) == 1.0


def _cells_with(column: pa.Array, pattern: str) -> list[str]:
    matching = pc.filter(
        column, pc.fill_null(pc.match_substring_regex(column, pattern), fill_value=False)
    )
    return [str(cell) for cell in matching[:2].to_pylist()]

"""Digits of other scripts as the ones that numbers and dates are read by; marks without a width.

Persian, Arabic, Devanagari and full-width digits each stand for one of ours, and so do the decimal
and thousands marks that go with them. Marks of direction and zero-width spaces stand for nothing.
"""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_MARKS = {"٫": ".", "٬": ",", "．": ".", "，": ",", "／": "/", "－": "-", "：": ":"}
_NO_WIDTH = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def plain_digits(text: str) -> str:
    """Return a text with digits from 0 to 9 and their marks, without marks that have no width."""
    if text.isascii():
        return text
    characters = set(text)
    changed = {
        ord(each): str(unicodedata.decimal(each))
        for each in characters
        if not each.isascii() and each.isdecimal()
    }
    if changed:
        changed |= {ord(mark): plain for mark, plain in _MARKS.items()}
    changed |= dict.fromkeys((ord(mark) for mark in _NO_WIDTH if mark in characters), "")
    return text.translate(changed) if changed else text


def with_plain_digits(cells: pa.Array) -> pa.Array:
    """Return cells of text as `plain_digits` does."""
    if pc.all(pc.string_is_ascii(cells), skip_nulls=True).as_py() in (True, None):
        return cells
    texts = [None if cell is None else plain_digits(cell) for cell in cells.to_pylist()]
    return pa.array(texts, pa.string())

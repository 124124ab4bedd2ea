"""Numbers of a file: one decimal mark, whatever stands around them, and what is no number."""

import math

import pyarrow as pa
import pytest

from lstmcast.prices.sources.files.numbers import MISSING, Mark, convert, currencies, decide


@pytest.mark.parametrize(
    ("cell", "mark", "value"),
    [
        ("$1,209.20", ".", 1209.2),
        ("1.209,20 €", ",", 1209.2),
        ("8,25,42,700", ".", 82542700),
        ("1 234,5", ",", 1234.5),
        ("1\u00a0234,5", ",", 1234.5),
        ("1'234.50", ".", 1234.5),
        ("13.45M", ".", 13450000),
        ("58,38M", ",", 58380000),
        ("3.2 Mrd", ".", 3.2e9),
        ("12.3万", ".", 123000),
        ("5,9 mi", ",", 5900000),
        ("(1.5)", ".", -1.5),
        ("-$1.5", ".", -1.5),
        ("123.45p", ".", 123.45),
        ("1.5E+08", ".", 1.5e8),
        (".5", ".", 0.5),
        ("5.", ".", 5),
        ("+5", ".", 5),
        ("Rs. 5,808.90", ".", 5808.9),
        ("5.808,90 kr.", ",", 5808.9),
        ("5.808,90 د.إ", ",", 5808.9),
        ("-Rs. 5", ".", -5),
        ("AU$5,808.90", ".", 5808.9),
        ("US$\u00a05,808.90", ".", 5808.9),
        ("5 808,90 Kč", ",", 5808.9),
        ("5808.90 USDT", ".", 5808.9),
        ("'5808.90", ".", 5808.9),
        ("5808.90*", ".", 5808.9),
        ("5808.90 ▼", ".", 5808.9),
        ("R$ 1,2 Mio.", ",", 1.2e6),
    ],
)
def test_what_stands_around_a_number_is_understood(cell: str, mark: Mark, value: float) -> None:
    (number,), (bad,) = convert(pa.array([cell]), mark)
    assert (number, bad) == (value, False)


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        ("1,23,4.5", "."),
        ("12,34", "."),
        ("1.234.56", "."),
        ("1.2345,6", ","),
        ("49e7M", "."),
        ("1.5%", "."),
        ("halted", "."),
        ("1.5 or so", "."),
        ("--1", "."),
        ("1 ABC", "."),
        ("$", "."),
        ("0x1F", "."),
    ],
)
def test_what_is_no_number_is_not_made_one(cell: str, mark: Mark) -> None:
    (number,), (bad,) = convert(pa.array([cell]), mark)
    assert math.isnan(number)
    assert bad


def test_currencies_are_named_once_and_arrows_are_none() -> None:
    cells = pa.array(["$1.5", "1.5", "n/a", "2.5 ▲", "$ 3", "1.2K", "£98", "(98 kr.)"])
    assert currencies(cells, ".") == ["$", "kr", "£"]


def test_words_for_nothing_are_missing_and_not_wrong() -> None:
    words = [*MISSING, *map(str.upper, MISSING)]
    numbers, bad = convert(pa.array(words), ".")
    assert all(map(math.isnan, numbers))
    assert not bad.any()


@pytest.mark.parametrize(
    ("columns", "beside", "mark"),
    [
        ((["129.98"], ["1,234.5"]), (), "."),
        ((["129,98"], ["1.234"]), (), ","),
        ((["9.400"], ["9.375"]), (), None),
        ((["9.400"], ["0.375"]), (), "."),
        ((["9.400"], ["1.234.567"]), (), ","),
        ((["9.400"],), (["0,27%"],), ","),
        ((["9.400"],), (["82,542,700"],), "."),
        ((["9.400"],), (["0,27%"], ["0.27%"]), None),
        ((["940"], ["12"]), (), "."),
    ],
)
def test_the_mark_is_decided_for_the_whole_file(
    columns: tuple[list[str], ...], beside: tuple[list[str], ...], mark: Mark | None
) -> None:
    decision = decide([pa.array(cells) for cells in columns], [pa.array(cells) for cells in beside])
    assert decision.mark == mark

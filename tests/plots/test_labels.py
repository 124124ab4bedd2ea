"""Words for numbers, prices and dates."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmcast.plots import labels


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (9.8713, "9.871"),
        (0.00039124, "0.0003912"),
        (12345.6, "12,346"),
        (0.0, "0"),
        (-1.5, "-1.500"),
        (float("nan"), "n/a"),
        (999.96, "1,000.0"),
    ],
)
def test_significant_digits(value: float, expected: str) -> None:
    assert labels.significant(value) == expected


def test_numbers_that_are_compared_have_as_many_decimals() -> None:
    assert labels.same_decimals(9.871, 10.02) == ["9.871", "10.020"]
    assert labels.same_decimals(0.00039124, 0.001) == ["0.0003912", "0.0010000"]
    assert labels.same_decimals(float("nan"), 0.0) == ["n/a", "0"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0213, "0.02130"),
        (1.5, "1.50"),
        (430.474, "430.47"),
        (9999.5, "9,999.50"),
        (8e5, "800,000"),
    ],
)
def test_prices(value: float, expected: str) -> None:
    assert labels.price(value) == expected


@given(st.floats(1e-6, 1e9))
def test_a_price_in_words_is_the_price(value: float) -> None:
    words = labels.price(value).replace(",", "")
    number = float(words.removesuffix(" M")) * (1e6 if words.endswith(" M") else 1)
    assert number == pytest.approx(value, rel=6e-3)


def test_currencies() -> None:
    assert labels.in_currency(None) == ""
    assert labels.in_currency("USD") == ", USD"
    assert labels.in_currency("GBp") == ", pence (GBp)"
    assert labels.money("3.2", None) == "3.2"
    assert labels.money("3.2", "USD") == "3.2 USD"


def test_counts_and_days() -> None:
    assert labels.count(1, "session") == "1 session"
    assert labels.count(1200, "session") == "1,200 sessions"
    assert labels.day(pd.Timestamp("2013-03-01")) == "1 Mar 2013"

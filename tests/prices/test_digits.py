"""Decimals of prices: enough to tell the ends of a range apart, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmcast.prices.digits import MOST, decimals_for, decimals_of, in_digits


@pytest.mark.parametrize(
    ("width", "prices", "shown"),
    [
        (0.0050, (1.0183, 1.0233), ["1.0183", "1.0233"]),  # GBPUSD=X
        (0.00033, (0.99986, 1.00019), ["0.99986", "1.00019"]),  # a pegged coin
        (1.3e-7, (0.00001234, 0.00001247), ["0.00001234", "0.00001247"]),
        (8.5e-6, (9.173e-05, 0.0001002), ["0.0000917", "0.0001002"]),
        (0.2, (15.361, 15.5612), ["15.36", "15.56"]),
        (5.0, (430.474, 435.4), ["430.47", "435.40"]),  # cents, as it is quoted
        (13.0, (1234.56, 1247.8), ["1,235", "1,248"]),
        (0.02, (1000.004, 1000.0241), ["1,000.004", "1,000.024"]),
        (2500.0, (100_000.4, 102_500.9), ["100,000", "102,501"]),
        (4e7, (1.2e9, 1.24e9), ["1,200,000,000", "1,240,000,000"]),
        (float("nan"), (2.34567, 2.3), ["2.346", "2.300"]),  # a point forecast
        (0.0, (0.0234567,), ["0.02346"]),
        (1.0, (-37.63, -36.6), ["-37.63", "-36.60"]),
    ],
)
def test_decimals_follow_the_narrowest_range(
    width: float, prices: tuple[float, ...], shown: list[str]
) -> None:
    decimals = decimals_for([width, 100 * width], prices)
    assert [in_digits(price, decimals) for price in prices] == shown


@given(st.floats(1e-8, 1e9), st.floats(1e-4, 0.5))
def test_the_ends_of_a_range_are_shown_to_two_digits_of_its_width(
    price: float, share: float
) -> None:
    width = price * share
    decimals = decimals_for([width], [price, price + width])
    if decimals < MOST:
        low, high = (
            float(in_digits(end, decimals).replace(",", "")) for end in (price, price + width)
        )
        assert high - low == pytest.approx(width, abs=0.1 * max(width, 10))
        assert abs(high - low - width) <= max(0.11 * width, 1.0 if decimals == 0 else 0)


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ((12.25, 12.5), 2),
        ((12.0, 5.0), 0),
        ((1.010633, 1.0), 6),
        ((9.123e-05,), 8),
        ((123456.789,), 1),
        ((float("nan"), 0.0), 0),
        ((1 / 3, 20.0), 5),
    ],
)
def test_stored_numbers_are_shown_as_they_are(values: tuple[float, ...], decimals: int) -> None:
    assert decimals_of(values) == decimals

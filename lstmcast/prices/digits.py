"""How many decimals prices are shown with: as many as tell the ends of a range apart.

A pegged coin moves in the fourth decimal, an index in the units; a fixed number of decimals shows
the one as a row of equal numbers and the other with digits that mean nothing. The decimals follow
the narrowest range that is shown, and are the same in a whole table or chart.
"""

import math
from collections.abc import Iterable

DIGITS = 2
"""Significant digits in which the width of the narrowest range is shown."""

CENTS = 2
"""Decimals that a price below `LARGE` has at least, as exchanges quote it."""

LARGE = 1000.0
MOST = 12


def decimals_for(widths: Iterable[float], prices: Iterable[float]) -> int:
    """Decimals for all prices of a table or chart.

    Args:
        widths: of the ranges that are shown, in the currency; what is not finite or not above zero
            is passed over. Without any, prices get four significant digits.
        prices: all that are shown, in the currency.
    """
    sizes = [abs(price) for price in prices if math.isfinite(price) and price != 0]
    largest, smallest = max(sizes, default=1.0), min(sizes, default=1.0)
    known = [width for width in widths if math.isfinite(width) and width > 0]
    # Below a billionth of the price a width is rounding, and no range.
    known = [width for width in known if width > 1e-9 * largest]
    needed = DIGITS - 1 - _magnitude(min(known)) if known else 3 - _magnitude(smallest)
    return min(MOST, max(needed, CENTS if largest < LARGE else 0))


def decimals_of(values: Iterable[float], digits: int = 7) -> int:
    """Decimals that show numbers as they are, to so many significant digits of the largest."""
    known = [value for value in values if math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    if largest == 0:
        return 0
    most = min(MOST, max(0, digits - 1 - _magnitude(largest)))
    tolerance = 0.5 * 10.0**-most
    for decimals in range(most):
        if all(abs(round(value, decimals) - value) < tolerance for value in known):
            return decimals
    return most


def _magnitude(value: float) -> int:
    """The power of ten of the first digit."""
    return math.floor(math.log10(value))


def in_digits(value: float, decimals: int) -> str:
    """A price with thousands separators and so many decimals; a dash where there is none."""
    return f"{value:,.{decimals}f}" if math.isfinite(value) else "-"

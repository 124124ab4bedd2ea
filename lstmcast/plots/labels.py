"""Dates, counts and prices as text, worded the same on every chart and in the report's page."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lstmcast.harmless import harmless
from lstmcast.prices.digits import decimals_for, in_digits

MILLIONS = 1e7
"""From here on prices are shown in millions, for labels have an inch at most."""


def day(date: pd.Timestamp) -> str:
    """A date in words, as in `1 Mar 2013`."""
    return f"{date.day} {date:%b %Y}"


def count(number: int, noun: str) -> str:
    """A number with its noun, as in `1 session` and `1,200 sessions`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


_MINOR_UNITS = {"GBp": "pence (GBp)", "GBX": "pence (GBX)", "ZAc": "cents (ZAc)", "ILA": "agorot"}


def in_currency(currency: str | None) -> str:
    """What follows `close` on an axis: `, USD`, `, pence (GBp)`, or nothing if it is not known."""
    return f", {_MINOR_UNITS.get(currency, harmless(currency))}" if currency else ""


def money(amount: str, currency: str | None) -> str:
    """An amount with its currency, where that is known."""
    return f"{amount} {harmless(currency)}" if currency else amount


def significant(value: float, digits: int = 4) -> str:
    """A number to at least so many digits, never in powers of ten; `n/a` if it is not finite."""
    return same_decimals(value, digits=digits)[0]


def same_decimals(*values: float, digits: int = 4) -> list[str]:
    """Numbers that are compared, with as many decimals as the smallest wants; see `significant`."""
    known = [abs(value) for value in values if math.isfinite(value) and value != 0]
    decimals = max(0, digits - 1 - math.floor(math.log10(min(known)))) if known else 0
    return [f"{value:,.{decimals}f}" if math.isfinite(value) else "n/a" for value in values]


def price(value: float) -> str:
    """A price that stands alone: two decimals from 1 to 10,000, more below, none above.

    From ten million on, in millions, as on the axis.
    """
    if not math.isfinite(value) or abs(value) < 1:
        return significant(value)
    if abs(value) >= MILLIONS:
        return f"{value / 1e6:,.2f} M"
    return f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"


@dataclass(frozen=True)
class Prices:
    """Prices that stand beside each other, all with the decimals that their ranges need.

    Args:
        decimals: of each.
        unit: what one of the numbers stands for: 1, or a million.
    """

    decimals: int
    unit: float = 1.0

    @classmethod
    def of(cls, widths: Iterable[float], shown: Iterable[float]) -> "Prices":
        """The format for prices whose ranges are so wide; see `decimals_for`."""
        known = [value for value in shown if math.isfinite(value)]
        unit = 1e6 if max(map(abs, known), default=0.0) >= MILLIONS else 1.0
        decimals = decimals_for((width / unit for width in widths), (x / unit for x in known))
        return cls(decimals, unit)

    def __call__(self, value: float) -> str:
        """The price in words; `n/a` if it is not finite."""
        if not math.isfinite(value):
            return "n/a"
        suffix = " M" if self.unit > 1 else ""
        return f"{in_digits(value / self.unit, self.decimals)}{suffix}"

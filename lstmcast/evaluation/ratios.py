"""Ratios of losses, where the denominator may be zero: a price need not move."""


def ratio(value: float, reference: float) -> float:
    """`value / reference`; NaN where there is nothing to compare with."""
    return value / reference if reference > 0 else float("nan")


def skill(value: float, reference: float) -> float:
    """`1 - value / reference` of two losses: above 0 the first is better; NaN as for `ratio`."""
    return 1 - ratio(value, reference)

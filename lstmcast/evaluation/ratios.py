"""One loss beside another, where the other may be zero: a price need not move."""


def ratio(value: float, standard: float) -> float:
    """`value / standard`; NaN where there is nothing to compare with."""
    return value / standard if standard > 0 else float("nan")


def skill(value: float, standard: float) -> float:
    """`1 - value / standard` of two losses: above 0 the first is better; NaN as for `ratio`."""
    return 1 - ratio(value, standard)

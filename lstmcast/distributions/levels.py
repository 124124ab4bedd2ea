"""The quantile levels that a forecast states; all that state quantiles build on it."""

STATED_LEVELS: tuple[float, ...] = (
    0.025,
    *(round(0.05 * k, 2) for k in range(1, 20)),
    0.975,
)
"""The 21 levels of a prediction table."""

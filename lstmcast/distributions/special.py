"""Special functions, loaded when one is first called.

`import scipy.special` takes longer than a short forecast, and a forecast that is kept from before
(`lstmcast.forecasting.result_cache`) is shown without any of them.
"""

from typing import Any

from numpy.typing import ArrayLike


def gammaln(x: ArrayLike) -> Any:
    """Log of the absolute value of the gamma function."""
    from scipy import special

    return special.gammaln(x)


def stdtr(df: ArrayLike, t: ArrayLike) -> Any:
    """Distribution function of Student's t at `t`, broadcast over its arguments."""
    from scipy import special

    return special.stdtr(df, t)


def stdtrit(df: ArrayLike, p: ArrayLike) -> Any:
    """Quantile of Student's t at the probability `p`, broadcast over its arguments."""
    from scipy import special

    return special.stdtrit(df, p)

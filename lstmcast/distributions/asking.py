"""What distributions have in common that stand for another one and ask it."""

from dataclasses import dataclass

from lstmcast.distributions.base import Distribution, FloatArray


@dataclass(frozen=True)
class Asking:
    """A distribution that has some answers of its own; the others are those of another one.

    Args:
        base: the other one.
    """

    base: Distribution

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.base.shape

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log predictive density at `y`."""
        return self.base.log_density(y)

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`."""
        return self.base.cdf(y)

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Expected shortfall below points."""
        return self.base.shortfall(points)

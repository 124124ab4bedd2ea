"""A request for forecasts, as every forecaster gets it: how far ahead, and from which day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

DEFAULT_HORIZON, MAX_HORIZON = 10, 60
"""Sessions ahead of a symbol without a run: by default, and at the most."""

Tell = Callable[[str], object]
"""Takes a line for people, such as who forecasts what."""


@dataclass(frozen=True)
class ForecastRequest:
    """What is to be forecast.

    Args:
        today: the day on which sessions count as past.
        horizon: sessions ahead; None for all that a run was trained for, and
            `DEFAULT_HORIZON` otherwise.
        as_of: make forecasts from the bars up to this day alone; None for the newest.
        why: find out what makes the next range wide, which takes PyTorch.
        jobs: worker processes for symbols that the pretrained networks forecast; 0 takes one for
            each core. A run's networks forecast in threads.
    """

    today: date
    horizon: int | None = None
    as_of: date | None = None
    why: bool = False
    jobs: int = 1

    @property
    def day(self) -> date:
        """The day that forecasts are made on, or as of."""
        return self.as_of or self.today

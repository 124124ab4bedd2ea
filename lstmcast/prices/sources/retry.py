"""Asking again, where the same request may succeed in a moment: not at once, and not for ever."""

import random
from collections.abc import Callable
from copy import copy
from typing import TypeVar

import tenacity

from lstmcast.errors import (
    BadResponseError,
    NetworkTroubleError,
    RateLimitedError,
    ServerTroubleError,
    SourceError,
)
from lstmcast.prices.sources.http import FloodError, UntrustedError

TRIES = 4
PAUSE = 1.0
"""Seconds before the second try; doubled for each later one, four times that when rate limited."""

Answer = TypeVar("Answer")


def ask_patiently(ask: Callable[[], Answer], budget: float) -> tuple[Answer, int]:
    """Call `ask` until it succeeds, and return its answer with the number of tries.

    Args:
        ask: one try, whose failures are errors of lstmcast's own.
        budget: seconds that all tries may take; no pause is begun that would outlast it.

    Raises:
        SourceError: the last try's error, saying how many tries there were.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=_pause,
        stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_before_delay(budget),
        reraise=True,
    )
    try:
        answer = retrying(ask)
    except SourceError as error:
        tries = retrying.statistics["attempt_number"]
        if tries > 1:
            again = copy(error)
            again.message = f"{error.message} (after {tries} tries)"
            again.args = (again.message,)
            raise again from error
        raise
    return answer, retrying.statistics["attempt_number"]


def _may_pass(error: BaseException) -> bool:
    passing = RateLimitedError | ServerTroubleError | NetworkTroubleError | BadResponseError
    return isinstance(error, passing) and not isinstance(error, FloodError | UntrustedError)


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the seconds before the next try: doubling, with jitter, longer where asked to wait."""
    seconds = PAUSE * 2.0 ** (state.attempt_number - 1)
    seconds *= 1 + random.random() / 4  # noqa: S311  # so that many clients do not ask in step
    failed = state.outcome.exception() if state.outcome is not None else None
    return 4 * seconds if isinstance(failed, RateLimitedError) else seconds

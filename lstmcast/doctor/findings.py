"""What is wrong, in a line and with the next step; and how a look that fails becomes one."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from lstmcast.errors import LstmcastError

Result = TypeVar("Result")

State = Literal["broken", "warning"]


@dataclass(frozen=True)
class Problem:
    """Something wrong.

    Args:
        state: `broken` where commands need it, else `warning`.
        message: one line.
        hint: the next step, where there is one.
    """

    state: State
    message: str
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def guarded(
    what: str, look: Callable[[], tuple[Result, list[Problem]]], otherwise: Result
) -> tuple[Result, list[Problem]]:
    """Look at something; whatever keeps from that is a problem, not the end of the examination.

    Args:
        what: is looked at, for the message.
        look: returns what was found and what is wrong with it.
        otherwise: what was found where the look itself fails.
    """
    try:
        return look()
    except LstmcastError as error:
        return otherwise, [Problem("broken", error.message, error.hint)]
    except OSError as error:
        place = f"`{error.filename}`: " if error.filename is not None else ""
        words = f"{what} cannot be looked at: {place}{error.strerror or error}"
        refused = isinstance(error, PermissionError)
        hint = "get permission to read and write there" if refused else None
        return otherwise, [Problem("broken", words, hint)]
    except Exception as error:  # noqa: BLE001 - a broken installation fails in any way
        said = (str(error).strip().splitlines() or [""])[0]
        words = f"{what} cannot be looked at: {type(error).__name__}{f': {said}' if said else ''}"
        hint = "install lstmcast again" if isinstance(error, ImportError) else None
        return otherwise, [Problem("broken", words, hint)]

"""A command in each of the processes that `torchrun` started: the first one speaks for all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from lstmcast.cli.console import be_quiet
from lstmcast.errors import LstmcastError, UsageError

if TYPE_CHECKING:
    from lstmcast.training.distributed import Team


def alone() -> bool:
    """Whether `torchrun` started no process beside this one."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1"


def refuse_processes(command: str) -> None:
    """Refuse a command that several processes would each do whole.

    Raises:
        UsageError: if `torchrun` started several.
    """
    if command != "train" and not alone():
        raise UsageError(
            f"`torchrun` started `{command}` in {os.environ['WORLD_SIZE']} processes, which would "
            "all do the same",
            "`torchrun` is for `train`; run other commands without it",
        )


@contextmanager
def processes() -> Iterator["Team | None"]:
    """Join the other processes, where there are any, and let all but the first be silent."""
    if alone():
        yield None
        return
    from lstmcast.training.distributed import joined

    with joined() as team:
        if team is not None and not team.leads:
            be_quiet(wanted=True)
        yield team


@contextmanager
def agreeing(team: "Team | None") -> Iterator[None]:
    """End all processes where one of them meets an error, which the first one tells.

    Raises:
        LstmcastError: in the first process, its own or another's.
        Exit: in the others.
    """
    if team is None:
        yield
        return
    own: LstmcastError | None = None
    try:
        yield
    except LstmcastError as error:
        own = error
    found = team.of_all(None if own is None else (type(own), _told(own), own.hint))
    for rank, failure in enumerate(found):
        if failure is None:
            continue
        kind, message, hint = failure
        if not team.leads:
            raise typer.Exit(kind.exit_code)
        raise own or kind(f"process {rank + 1} of {team.size}: {message}", hint)


def _told(error: LstmcastError) -> str:
    """The message with all that it lists."""
    return "; ".join((error.message, *getattr(error, "problems", ())))


def compare(team: "Team", known: dict[str, object]) -> None:
    """Make sure that all processes train the same, by the same versions.

    Raises:
        UsageError: naming the first difference.
    """
    from lstmcast.config import differences

    for rank, other in enumerate(team.of_all(known)):
        if changes := list(differences(known, other)):
            raise UsageError(
                f"process {team.rank + 1} and process {rank + 1} of {team.size} differ: "
                f"{', '.join(changes[:3])}",
                "give all of them the same command, prices and versions",
            )

"""Asking before something is removed for good."""

import sys

import typer

from lstmcast.cli.console import note
from lstmcast.errors import UsageError
from lstmcast.harmless import harmless


def confirm_removal(names: str, *, yes: bool) -> None:
    """Go on if the user wants that; nothing is removed without a word from them.

    Args:
        names: what would be removed.
        yes: whether `--yes` was given.

    Raises:
        UsageError: if it was not, and nobody can be asked.
        KeyboardInterrupt: if the question is answered by Ctrl-C or by the end of the input.
    """
    if yes:
        return
    if not _can_ask():
        raise UsageError("`--yes` is missing: nobody can be asked", hint=f"it removes {names}")
    try:
        wanted = typer.confirm(harmless(f"Remove {names}?"), err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not wanted:
        note("nothing was removed")
        raise typer.Exit


def _can_ask() -> bool:
    return sys.stdin.isatty()

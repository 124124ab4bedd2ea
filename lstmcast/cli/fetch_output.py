"""What `lstmcast fetch` says of each symbol, and of all together."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import err, failures, figures, print_table
from lstmcast.cli.interrupts import saying

if TYPE_CHECKING:
    from lstmcast.prices.batch import Outcome
    from lstmcast.prices.history import PriceHistory

MOST_FINDINGS = 12
"""Lines of findings shown; all of them are stored, and `lstmcast data check` shows the rest."""


def finding_lines(history: "PriceHistory") -> list[str]:
    """Return the first of the findings, a line each."""
    shown = history.findings[:MOST_FINDINGS]
    checks = max((len(item.check) for item in shown), default=0)
    lines = [f"  {item.level:<7}  {item.check:<{checks}}  {item.message}" for item in shown]
    more = len(history.findings) - MOST_FINDINGS
    return [*lines, f"  and {more} more: `lstmcast data check`"] if more > 0 else lines


def read_line(history: "PriceHistory") -> list[str]:
    """Return which column of a file was read as what, for sources that read files."""
    said, options = history.details.get("read"), history.details.get("options")
    return [f"  read: {said}" + (f"; with {options}" if options else "")] if said else []


def show_outcomes(outcomes: Iterable["Outcome"], count: int, before: int) -> list["Outcome"]:
    """Collect the outcomes and tell of each as it comes, with a bar where there are several.

    Args:
        outcomes: one for each symbol that is fetched now.
        count: symbols in all.
        before: those of them that were fetched before.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    screen = err()
    done: list[Outcome] = []
    columns = (TextColumn("fetching"), BarColumn(), MofNCompleteColumn())
    several = count > 1 and screen.is_terminal

    def kept() -> str:
        stored = before + sum(1 for outcome in done if outcome.update is not None)
        return f"{stored} of {count} symbols are stored; run the same command again to resume"

    with (
        saying(kept),
        Progress(*columns, console=screen, transient=True, disable=not several) as bar,
    ):
        task = bar.add_task("", total=count, completed=before)
        for outcome in outcomes:
            done.append(outcome)
            bar.advance(task)
            told = screen if outcome.error is None else failures(screen)
            for line in _lines(outcome, alone=count == 1):
                told.print(line)  # above the bar: it knows this console
    return done


def _lines(outcome: "Outcome", *, alone: bool) -> list[str]:
    """Return what there is to say of one symbol; its error only if it is not the program's own."""
    from lstmcast.prices.findings import count as counted

    error, update = outcome.error, outcome.update
    if update is None:
        if error is None or alone:  # the program prints the error that ends it
            return []
        lines = [f"{outcome.wanted.symbol}: error: {error.message}"]
        return [*lines, f"  hint: {error.hint}"] if error.hint else lines
    history = update.history
    sessions = counted(len(history), "session")
    doing = {
        "new": sessions,
        "extended": f"{update.added} new, {sessions}",
        "unchanged": f"nothing new, {sessions}",
        "replaced": f"fetched again, {update.added} new, {sessions}",
    }[update.action]
    why = f" ({update.why})" if update.why else ""
    span = f"from {history.first.date()} to {history.last.date()}"
    lines = [f"{history.symbol} from {history.source}: {doing} {span}{why}", *read_line(history)]
    return [*lines, *finding_lines(history)]


def print_summary(outcomes: list["Outcome"]) -> None:
    """One row for each symbol, on stderr."""
    table = figures()
    for name in ("symbol", "sessions", "new", "first", "last", "findings", "result"):
        table.add_column(
            name, justify="right" if name in ("sessions", "new", "findings") else "left"
        )
    for outcome in outcomes:
        if outcome.update is None:
            failed = "" if outcome.error is None else type(outcome.error).__name__
            table.add_row(outcome.wanted.symbol, "", "", "", "", "", failed)
            continue
        history = outcome.update.history
        table.add_row(
            outcome.wanted.symbol,
            str(len(history)),
            str(outcome.update.added),
            str(history.first.date()),
            str(history.last.date()),
            str(len(history.findings)),
            outcome.update.action,
        )
    print_table(table, err())


def outcome_json(outcome: "Outcome") -> dict[str, Any]:
    """What `--json` says of one symbol."""
    about: dict[str, Any] = outcome.wanted._asdict()
    if outcome.error is not None:
        error = outcome.error
        return {
            **about,
            "error": {
                "kind": type(error).__name__,
                "exit_code": error.exit_code,
                "message": error.message,
                "hint": error.hint,
            },
        }
    if outcome.update is None:
        return about
    history = outcome.update.history
    return {
        **about,
        "action": outcome.update.action,
        "why": outcome.update.why,
        "rows": len(history),
        "added": outcome.update.added,
        "first": str(history.first.date()),
        "last": str(history.last.date()),
        "currency": history.currency,
        "missing": list(history.missing),
        "read": history.details.get("read"),
        "sha256": history.sha256,
        "path": str(outcome.update.path),
        "findings": [finding.to_json() for finding in history.findings],
    }

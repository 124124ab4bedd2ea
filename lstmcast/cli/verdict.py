"""How an evaluation is printed: tables, notes, and the verdict as a headline with a line each."""

from typing import TYPE_CHECKING

from lstmcast.cli.console import note, out, print_table
from lstmcast.cli.report_tables import report_tables, report_title
from lstmcast.harmless import harmless

if TYPE_CHECKING:
    from lstmcast.evaluation import Report, Verdict


def print_report(report: "Report", fitted: str, *, details: bool = False) -> None:
    """The tables and the verdict, for people; the verdict alone where there are too few days.

    Args:
        report: what was found.
        fitted: what the baselines were fitted on, in words.
        details: print further tables.
    """
    from lstmcast.cli.detail_tables import detail_tables

    screen = out()
    conclusive = report.verdict.point_p is not None
    if conclusive:
        for table in report_tables(report, fitted) + (detail_tables(report) if details else []):
            print_table(table)
            screen.print()
    else:
        screen.print(report_title(report))
    for line in report.notes:
        note(f"note: {line}")
    print_verdict(report.verdict)
    if not conclusive:
        note("metrics.json has the scores in any case")


def print_verdict(verdict: "Verdict") -> None:
    """The headline, and a list of what it rests on."""
    from rich.table import Table
    from rich.text import Text

    screen = out()
    screen.print(Text(harmless(verdict.summary), style="bold"), soft_wrap=not screen.is_terminal)
    points = Table.grid(padding=(0, 1, 0, 0))
    for label, text in verdict.labelled():
        line = Text.assemble((f"{harmless(label)}: ", "bold"), harmless(text))
        if screen.is_terminal:
            points.add_row("-", line)
        else:
            screen.print(Text("- ") + line, soft_wrap=True)
    if screen.is_terminal:
        screen.print(points)

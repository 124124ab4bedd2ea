"""`lstmcast audit`: does any forecast of a run know something that it should not?"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import figures, note, out, print_json
from lstmcast.cli.options import RUNS_DIR, DataDir, Json, RunArgument, RunsDir, data_dir
from lstmcast.cli.result_files import write_result
from lstmcast.cli.run_access import open_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from lstmcast.evaluation.audit import AuditReport, Check
    from lstmcast.prices.history import PriceHistory

_MARKS = {True: ("passed", "green"), False: ("LEAKS", "bold red"), None: ("not asked", "dim")}


def audit(
    run: RunArgument = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training/--no-training",
            help="Also run the checks that train small networks (some seconds).",
        ),
    ] = True,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the cut dates and of the alterations.")
    ] = 0,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Look for look-ahead leaks: cut, alter and shuffle a run's prices, and compare."""
    from lstmcast.prices.store import PriceStore

    opened = open_run(run, runs_dir)
    histories = opened.histories(PriceStore(data_dir(data)))
    predictions = opened.predictions()
    _require_the_prices_of_the_run(predictions, histories)
    from lstmcast.evaluation.audit import audit as audit_forecaster

    report = audit_forecaster(
        opened.forecaster(),
        histories,
        predictions=predictions,
        seed=seed,
        training=training,
        watch=_say,
    )
    # Shown first: a folder that cannot be written should not cost the answer.
    if json:
        print_json(report.to_dict())
    else:
        _print(report)
    write_result(opened.path / "audit.json", report.to_dict(), _is_whole)
    report.require()


def _is_whole(values: "Mapping[str, Any]") -> bool:
    """Whether the checks that train were asked for as well."""
    return any(check["name"] == "random walk" for check in values.get("checks", ()))


def _require_the_prices_of_the_run(
    predictions: "pd.DataFrame", histories: "Sequence[PriceHistory]"
) -> None:
    """Prices that were fetched again and differ are no leak, and must not be called one."""
    from lstmcast.baselines.table import check_truth

    for history in histories:
        rows = predictions[predictions["symbol"] == history.symbol]
        check_truth(rows, history.adjusted(), history.symbol)


def _mark(check: "Check") -> tuple[str, str]:
    """A word and its style; a network without skill is at fault, but does not leak."""
    from lstmcast.evaluation.audit.result import SKILL

    if check.passed is False and check.name == SKILL:
        return "FAILED", _MARKS[False][1]
    return _MARKS[check.passed]


def _say(name: str) -> None:
    note(f"checking {name}")


def _print(report: "AuditReport") -> None:
    from rich.text import Text

    table = figures()
    for name in ("check", "", "what was found", "seconds"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for check, seconds in zip(report.checks, report.seconds, strict=True):
        table.add_row(check.name, Text(*_mark(check)), check.detail, f"{seconds:.1f}")
    out().print(table)

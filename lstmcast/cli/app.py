"""The `lstmcast` program: its commands, and the boundary where errors become exit codes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from lstmcast import __version__
from lstmcast.cli.audit import audit
from lstmcast.cli.backtest import backtest
from lstmcast.cli.command import Command, Group, of_the_system, starved
from lstmcast.cli.console import be_quiet, note, print_error
from lstmcast.cli.data import data_app
from lstmcast.cli.doctor import doctor
from lstmcast.cli.evaluate import evaluate
from lstmcast.cli.fetch import fetch
from lstmcast.cli.forecast import forecast
from lstmcast.cli.init import init
from lstmcast.cli.interrupts import begin, exit_code, last_of_all, leave_with, listen, work_is_over
from lstmcast.cli.interrupts import ending as how_it_ended
from lstmcast.cli.plot import plot
from lstmcast.cli.pretrain import pretrain
from lstmcast.cli.report import report
from lstmcast.cli.run_access import holding_runs
from lstmcast.cli.runs import runs_app
from lstmcast.cli.streams import failure_of, steady_streams
from lstmcast.cli.track import track_app
from lstmcast.cli.train import train
from lstmcast.cli.tune import tune
from lstmcast.errors import LstmcastError, OutputError
from lstmcast.garbage import look_less_for_garbage
from lstmcast.harmless import harmless


class Commands(Group):
    """Runs a command; a user's mistake ends in a line and an exit code, never in a traceback."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the program's own options; typer loads what it needs for that here."""
        try:
            with _harmless_usage():
                return super().make_context(*args, **kwargs)
        except KeyboardInterrupt:
            raise _interrupted() from None

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command that was asked for."""
        begin()
        try:
            with _harmless_usage(), holding_runs():
                result = super().invoke(ctx)
                work_is_over()
                return result
        except LstmcastError as error:
            work_is_over()
            told = starved(error) or error
            print_error(told)
            raise typer.Exit(told.exit_code) from error
        except KeyboardInterrupt:
            raise _interrupted() from None
        except typer.Exit:
            raise
        except Exception as error:  # of the system, or raised again
            work_is_over()
            refused = of_the_system(error)
            if refused is None:
                raise
            print_error(refused)
            raise typer.Exit(refused.exit_code) from error


@contextmanager
def _harmless_usage() -> Iterator[None]:
    """What typer says of wrong usage quotes the command line, which a script may have made."""
    try:
        yield
    except TyperException as error:
        if isinstance(said := getattr(error, "message", None), str):
            error.message = harmless(said, lines=True)
        raise


def _interrupted() -> typer.Exit:
    work_is_over()
    note(how_it_ended())
    return typer.Exit(exit_code())


app = typer.Typer(
    cls=Commands,
    name="lstmcast",
    help="Forecast how far a stock may move, with a custom LSTM and an honest verdict.",
    epilog="Start with: lstmcast fetch AAPL, then lstmcast train AAPL",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lstmcast {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Print only data and errors; also allowed after the command."
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command; typer shows the program's own help."""
    be_quiet(wanted=quiet)


for _command in (
    fetch, init, train, evaluate, plot, forecast, backtest, audit, pretrain, tune, report, doctor,
):  # fmt: skip
    app.command(cls=Command)(_command)
app.add_typer(data_app)
app.add_typer(runs_app)
app.add_typer(track_app)


def ending() -> int:
    """Run the program on streams that bear with readers, encodings and disks.

    Returns:
        Its exit code, or that of an output that could not be written.
    """
    stdout = steady_streams()
    try:
        app()
        code: object = 0
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = _interrupted().exit_code
    failure = failure_of(stdout)
    if code in (0, None) and failure is not None:
        error = OutputError(
            f"the output cannot be written: {failure.strerror or failure}",
            "free space there; the command's files were written in any case",
        )
        print_error(error)
        return error.exit_code
    return code if isinstance(code, int) else int(code is not None)


def main() -> None:
    """Run the program."""
    look_less_for_garbage()
    # Before PyTorch is loaded: threads that wait give their core to others. By default they spin,
    # and two trainings side by side on two cores take more than twice as long for it.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    listen()
    code = 1
    last_of_all(lambda: code)
    code = ending()
    leave_with(code)
    sys.exit(code)

"""`lstmcast train`: an experiment and stored prices, to a run."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.clusters import computing_on, require_cluster
from lstmcast.cli.console import note, print_json
from lstmcast.cli.experiment import asked_experiment, tell_of_features
from lstmcast.cli.interrupts import ending, exit_code, patience, saying
from lstmcast.cli.options import (
    RUNS_DIR,
    Cluster,
    ConfigOption,
    DataDir,
    Json,
    Overrides,
    RunsDir,
    SymbolsArgument,
    data_dir,
)
from lstmcast.cli.processes import agreeing, compare, processes
from lstmcast.cli.progress import lines_or_bars
from lstmcast.cli.train_progress import Finished
from lstmcast.cli.workers import load_training
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.cli.train_progress import BarProgress, LineProgress
    from lstmcast.config import Experiment
    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run
    from lstmcast.training import PoolReport, Trained
    from lstmcast.training.distributed import Team

FEW = 8
"""Symbols that are named one by one."""


def train(
    symbols: SymbolsArgument = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue an interrupted training of the same experiment."),
    ] = False,
    checkpoint_every: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Time between checkpoints; 0: after every epoch."
        ),
    ] = 30.0,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Worker processes that train the networks; 0 uses every core. By default they"
            " train in threads of one process; on a cluster, on all of its cores.",
            show_default=False,
        ),
    ] = None,
    cluster: Cluster = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Train an experiment's networks, and keep them with their test forecasts in a run folder.

    Prices come from the local store: fetch them first. Without --config the default experiment is
    trained. Ctrl-C or SIGTERM keeps the best networks so far. After a crash, the same command with
    --resume continues the training and ends with the same networks.
    """
    jobs = (1 if cluster is None else 0) if jobs is None else jobs
    if cluster is None:
        load_training(jobs)

    from lstmcast.api.fitting import settle
    from lstmcast.prices.selection import select_histories
    from lstmcast.prices.store import PriceStore
    from lstmcast.run import ensure_writable
    from lstmcast.training.device import keep_freed_memory

    require_cluster(cluster)
    with processes() as team:
        if team and (jobs != 1 or cluster is not None):
            raise UsageError(
                "`torchrun` shares each batch out, and `--jobs` or `--cluster` the networks",
                "leave one of them out",
            )
        with agreeing(team):
            experiment = asked_experiment(symbols, config, overrides or ())
            histories = select_histories(PriceStore(data_dir(data)), experiment.data)
            experiment = settle(experiment, histories)
            ensure_writable(runs_dir)
            if team:
                _check_alike(team, experiment, histories)
        keep_freed_memory()
        if team and not team.leads:
            _follow(experiment, histories)
            return
        if cluster is not None:
            _check_device(experiment.training.device)
        with saying(lambda: _kept(jobs)), computing_on(cluster):
            run, trained, late = _train(
                runs_dir,
                experiment,
                histories,
                resume=resume,
                keep_every=checkpoint_every,
                jobs=jobs,
            )
    _report(run, trained, json=json)
    if late:
        note(f"{ending()} when all networks were trained: the run is complete")
    if late or trained.ensemble.interrupted:
        raise typer.Exit(exit_code())


def _check_device(name: str) -> None:
    """Refuse a GPU where a cluster trains, each network on a core or more."""
    if name not in {"auto", "cpu"}:
        raise UsageError(
            f"`--cluster` trains on CPUs, and `training.device` is {name!r}",
            "use `--set training.device=cpu`, or train here without `--cluster`",
        )


def _kept(jobs: int) -> str:
    """What a signal leaves that comes before any network is done."""
    if jobs == 1:
        return "nothing is kept"
    return "no run is written; `--resume` continues from what was kept, if anything was"


def _check_alike(
    team: "Team", experiment: "Experiment", histories: Sequence["PriceHistory"]
) -> None:
    """Check that all processes train the same."""
    import platform

    from lstmcast.run import training_identity

    known = {"python": platform.python_version(), **training_identity(experiment, histories)}
    compare(team, known)


def _follow(experiment: "Experiment", histories: Sequence["PriceHistory"]) -> None:
    """Train together with the process that writes the run."""
    from lstmcast.baselines import baseline_members
    from lstmcast.training.experiment import follow_training

    if follow_training(experiment, histories, baseline_members(experiment.model.pool.baselines)):
        raise typer.Exit(exit_code())


def _train(
    runs_dir: Path,
    experiment: "Experiment",
    histories: Sequence["PriceHistory"],
    *,
    resume: bool,
    keep_every: float,
    jobs: int,
) -> "tuple[Run, Trained, bool]":
    """Train and write the run; go on with an interrupted training if asked to.

    Returns:
        The run, what was trained, and whether a signal to end came after that.
    """
    from lstmcast.api.fitting import fit_into
    from lstmcast.config import groups_of

    members = sum(group.model.members for group in groups_of(experiment))
    words = "all networks are trained: writing the run"
    with _progress(members, experiment.training.epochs) as shown:
        observer = Finished(shown, members)
        with patience(lambda: observer.all, words) as late:
            run, trained = fit_into(
                runs_dir,
                experiment,
                histories,
                observer,
                resume=resume,
                keep_every=keep_every,
                jobs=jobs,
                tell=shown.say,
            )
    return run, trained, late.asked


@contextmanager
def _progress(members: int, epochs: int) -> Iterator["BarProgress | LineProgress"]:
    """Bars on a terminal, plain lines elsewhere; both on stderr."""
    from lstmcast.cli.train_progress import BarProgress, LineProgress

    with lines_or_bars(LineProgress, BarProgress)(members, epochs) as observer:
        yield observer


def _tell_of_prices(histories: Sequence["PriceHistory"]) -> None:
    """Which prices are trained on: a symbol may be stored from several sources."""
    for history in histories[:FEW]:
        note(
            f"{history.symbol} from {history.source}: {len(history)} sessions,"
            f" {history.first:%Y-%m-%d} to {history.last:%Y-%m-%d}"
        )
    if more := histories[FEW:]:
        sources = ", ".join(sorted({history.source for history in more}))
        note(f"and {len(more)} more symbols from {sources}")


def _tell_of_parts(trained: "Trained") -> None:
    """Where the parts of the split end, and who has none to learn from."""
    ends = trained.prepared.boundaries
    note(
        f"training to {ends.train_end:%Y-%m-%d}, validation to {ends.validation_end:%Y-%m-%d},"
        f" test to {ends.test_end:%Y-%m-%d}"
    )
    for words, names in (
        (
            "no session to train on; forecast by networks trained on the other symbols",
            _without(trained, "train"),
        ),
        ("no session in the test period", _without(trained, "test")),
    ):
        if names:
            more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
            note(f"note: {', '.join(names[:FEW])}{more}: {words}")


def _tell_of_a_short_test(trained: "Trained") -> None:
    """Say now, not after the evaluation, that it will conclude nothing."""
    from lstmcast.evaluation.significance import MIN_DAYS

    days = trained.test_days
    if days < MIN_DAYS:
        note(
            f"note: forecasts from {days} test sessions have a known outcome; with fewer than "
            f"{MIN_DAYS} `lstmcast evaluate` cannot conclude anything"
        )


def _without(trained: "Trained", part: str) -> list[str]:
    return [name for name, rows in trained.prepared.parts.items() if not len(getattr(rows, part))]


def _report(run: "Run", trained: "Trained", *, json: bool) -> None:
    """Say what was trained, where it is, and what to do next."""
    best = [r.validation_loss for m in trained.ensemble.members for r in m.records if r.kept]
    if json:
        print_json(
            {
                "run": str(run.path),
                "status": run.record["status"],
                "device": trained.device,
                "validation_loss": [loss if math.isfinite(loss) else None for loss in best],
                "diverged_members": trained.ensemble.diverged,
                "pool": None if trained.pool is None else trained.pool.to_dict(),
                "networks": [movement.to_dict() for movement in trained.movements],
                "seconds": trained.seconds,
            }
        )
        return
    _tell_of_prices(trained.histories)
    tell_of_features(trained.prepared.experiment, trained.histories)
    _tell_of_parts(trained)
    _tell_of_a_short_test(trained)
    if trained.ensemble.interrupted:
        note(f"{ending()}: the best networks so far were kept; `--resume` trains on to the end")
    for member in trained.ensemble.diverged:
        note(f"member {member} diverged twice and was left out")
    _tell_of_networks(trained)
    count = "1 network" if len(best) == 1 else f"{len(best)} networks"
    if trained.pool is not None and not trained.pool.plain:
        _print_pool(trained.pool)
    did = "trained" if trained.prepared.experiment.training.epochs else "took"
    note(f"{did} {count} in {trained.seconds['fit']:.1f} s on {trained.device}; run {run.path}")
    note("next: lstmcast evaluate")


def _tell_of_networks(trained: "Trained") -> None:
    """What the networks began as, how far they went, and whose LSTM does nothing."""
    if not trained.prepared.experiment.training.epochs:
        note("nothing was trained: the networks forecast as pretrained")
        return
    _tell_of_layers(trained)
    _tell_of_idle_training(trained)
    for number, movement in enumerate(trained.movements):
        for line in movement.lines():
            note(f"group {number}: {line}" if len(trained.movements) > 1 else line)


def _tell_of_idle_training(trained: "Trained") -> None:
    """Whose epochs came to nothing: the lowest loss may still be that of a later one."""
    back = [
        str(member.records[0].member)
        for member in trained.ensemble.members
        if len(member.records) > 1 and member.records[0].kept
    ]
    if back:
        who = f"member{'s' * (len(back) > 1)} {', '.join(back)}"
        note(
            f"early stopping kept epoch 0 of {who}, before any gradient step: later epochs"
            " lowered the validation loss too little to count"
        )


def _tell_of_layers(trained: "Trained") -> None:
    """What a network of each group is made of."""
    from lstmcast.explain import summary

    groups = trained.forecaster.groups
    for group in groups:
        *layers, total = summary(group.networks[0])
        parts = ", ".join(
            f"{row.name} {row.kind} {row.shape}".rstrip() + f" ({row.parameters:,})"
            for row in layers
        )
        which = f"a network of group {group.number}" if len(groups) > 1 else "each network"
        note(f"{which}: {parts}; {total.parameters:,} parameters in all")


def _print_pool(pool: "PoolReport") -> None:
    """What each member is worth: weight at the nearest and furthest horizon, score, and gain."""
    note(f"pool of {len(pool.members)} members: validation log score {pool.log_score:.4f}")
    for member in pool.members:
        near, far = member.weights[0], member.weights[-1]
        weight = f"{near:.3f}" if near == far else f"{near:.3f} to {far:.3f}"
        gain = "" if member.gain is None else f", without it {member.gain:+z.4f}"
        note(f"  {member.name}: weight {weight}, alone {member.log_score:.4f}{gain}")

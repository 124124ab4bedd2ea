"""Running the folds: each in a file of its own, so that a broken walk goes on where it stopped."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast import __version__
from lstmcast.baselines import (
    BASELINES,
    FitCache,
    baseline_context,
    baseline_members,
    baseline_tables,
    get_baseline,
)
from lstmcast.config import Experiment, SplitDates, dump_experiment, groups_of
from lstmcast.errors import DataError, RunError, UsageError
from lstmcast.evaluation.backtest.folds import (
    MIN_SESSIONS,
    MIN_UNTRAINED,
    Fold,
    Window,
    folds_of,
    plan_folds,
)
from lstmcast.evaluation.backtest.saved import FORECASTER, fold_file, read_folds
from lstmcast.evaluation.backtest.splitter import Splitter, planned_by
from lstmcast.evaluation.report import MODEL
from lstmcast.features import build_matrices
from lstmcast.files import make_folder, to_json, write_atomically
from lstmcast.left_overs import sweep
from lstmcast.parallel import as_completed, elsewhere
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster, Trained

MIN_TO_JOIN = 400
"""A symbol joins the folds once it has as many sessions before their first forecast."""


@dataclass(frozen=True)
class Settings:
    """How to walk.

    Args:
        folds: how often to train.
        window: learn from everything before, or from as many sessions as the first fold.
        first: first session to be forecast; None for the middle one.
        embargo: sessions left out between validation and the first forecast.
        baselines: names out of `BASELINES`, fitted anew for each fold.
        warm_start: begin each fold's networks with the weights of the fold before.
    """

    folds: int = 10
    window: Window = "expanding"
    first: pd.Timestamp | None = None
    embargo: int = 0
    baselines: tuple[str, ...] = tuple(BASELINES)
    warm_start: bool = False


@dataclass(frozen=True)
class Backtest:
    """A planned walk over some histories, and the folder of what is done.

    Args:
        experiment: what every fold trains; its split is not used.
        histories: the prices.
        settings: how to walk.
        root: folder under which the walk gets its own.
        jobs: worker processes for the folds; 0 takes one for each core. They share the threads.
        splitter: plans the folds in the place of the settings' `folds`, `window`, `first` and
            `embargo`.
        folds: the plan.
    """

    experiment: Experiment
    histories: Sequence[PriceHistory]
    settings: Settings
    root: Path
    jobs: int = 1
    splitter: Splitter | None = None
    folds: tuple[Fold, ...] = field(init=False)

    def __post_init__(self) -> None:
        calendars = [pd.DatetimeIndex(history.bars.index) for history in self.histories]
        sessions = calendars[0]
        for dates in calendars[1:]:
            sessions = sessions.union(dates)
        fewest = MIN_SESSIONS if self.experiment.training.epochs else MIN_UNTRAINED
        horizon = self.experiment.target.horizon
        if self.splitter is not None:
            parts = planned_by(self.splitter, sessions)
            plan = folds_of(parts, sessions, calendars=calendars, horizon=horizon, fewest=fewest)
        else:
            plan = plan_folds(
                sessions,
                calendars=calendars,
                folds=self.settings.folds,
                horizon=horizon,
                window=self.settings.window,
                first=self.settings.first,
                embargo=self.settings.embargo,
                fewest=fewest,
            )
        object.__setattr__(self, "folds", tuple(plan))

    @cached_property
    def folder(self) -> Path:
        """Where this walk is kept: the same experiment, prices, plan and threads find it again.

        Threads count because another number of them moves forecasts by a rounding, and folds that
        were trained with different ones are not one walk.
        """
        parts = [
            __version__,
            dump_experiment(self.experiment),
            *(history.sha256 for history in self.histories),
            *(repr(history.context.origins) for history in self.histories if history.context),
            repr(self.settings),
            repr(self._threads_per_network()),
            *([] if self.splitter is None else [repr(self.folds)]),
        ]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return self.root / f"backtest-{self.experiment.name}-{digest[:10]}"

    @property
    def threads(self) -> int:
        """CPU threads that each fold trains with, the same for a walk that goes on."""
        from lstmcast.training.device import available_threads

        threads = available_threads(self.experiment.training.threads)
        return max(1, threads // self._workers(len(self.folds)))

    def _workers(self, folds: int) -> int:
        """Worker processes for some folds; 1 where each waits for the one before."""
        if self.settings.warm_start:
            return 1
        from lstmcast.training.device import available_threads

        return max(1, min(self.jobs or available_threads(0), folds))

    def _threads_per_network(self) -> list[int]:
        from lstmcast.training.device import threads_per_network

        groups = groups_of(self.experiment)
        return [threads_per_network(self.threads, group.model.members) for group in groups]

    def path(self, fold: Fold) -> Path:
        """The file of a fold's forecasts."""
        return fold_file(self.folder, fold)

    def weights(self, fold: Fold) -> Path:
        """The file of a fold's networks, which is kept for the next fold's warm start alone."""
        return self.path(fold).with_suffix(".safetensors")

    def missing(self) -> list[Fold]:
        """The folds that are still to do."""
        kept = [self.path, self.weights] if self.settings.warm_start else [self.path]
        return [fold for fold in self.folds if not all(file(fold).is_file() for file in kept)]

    def run(self, jobs: int | None = None, cache: FitCache | None = None) -> Iterator[Fold]:
        """Do the folds that are missing, yielding each when its file is written.

        Args:
            jobs: worker processes at most, the walk's own by default. Each gets its share of the
                threads, since threads that wait for each other cost more than they save. With a
                warm start each fold waits for the one before, and they fit its baselines alone.
            cache: where slow fits of baselines are kept.

        Raises:
            UsageError: if `jobs` gives each network another number of threads than the walk's own.
            OutputError: if the folder cannot be written.
            DataError: if a fold has too little to train on.
            RunError: if the weights to begin with cannot be read.
        """
        if jobs is not None and jobs != self.jobs:
            yield from self._with(jobs).run(cache=cache)
            return
        todo = self.missing()
        make_folder(self.folder, "choose another folder with `--runs-dir`")
        sweep(self.folder)
        plan = {
            "settings": _plain(asdict(self.settings)),
            "folds": [_plain(asdict(f)) for f in self.folds],
            "threads": self.threads,
            "threads_per_network": self._threads_per_network(),
        }
        write_atomically(self.folder / "config.yaml", dump_experiment(self.experiment).encode())
        write_atomically(self.folder / "plan.json", to_json(plan))
        if self.settings.warm_start or (self._workers(len(todo)) == 1 and not elsewhere()):
            for fold in todo:
                self._write(fold, self.do(fold, cache, self.threads, self.jobs))
                yield fold
            return
        threads = self.threads
        work = as_completed(_do, (self, cache, threads), todo, jobs=self.jobs, threads=threads)
        for number, files in work:
            self._write(todo[number], files)
            yield todo[number]

    def _write(self, fold: Fold, files: "FoldFiles") -> None:
        if files.weights is not None:
            write_atomically(self.weights(fold), files.weights)
        write_atomically(self.path(fold), files.table)

    def _with(self, jobs: int) -> "Backtest":
        """The same walk with other worker processes, where it is still the same."""
        other = replace(self, jobs=jobs)
        if other.folder != self.folder:
            raise UsageError(
                f"`jobs` {jobs} gives a network other threads than the walk's `jobs` {self.jobs}",
                f"plan the walk with `Backtest(..., jobs={jobs})`",
            )
        return other

    def do(self, fold: Fold, cache: FitCache | None, threads: int, jobs: int = 1) -> "FoldFiles":
        """Train, forecast, and let the baselines forecast the same rows; nothing is written.

        Args:
            fold: which sessions are for what.
            cache: where slow fits of baselines are kept.
            threads: CPU threads, which another machine would count otherwise.
            jobs: worker processes for the baselines.
        """
        trained = train_fold(self.experiment, self.histories, fold, threads, self._start(fold))
        table = stretch(trained.predictions, fold)
        chosen = {str(name) for name in table["symbol"].unique()}
        known = [history for history in self.histories if history.symbol in chosen]
        groups = self.experiment.features
        matrices = build_matrices(known, groups) if groups else {}
        features = {symbol: matrix.table for symbol, matrix in matrices.items()}
        results, replaced = baseline_tables(
            [get_baseline(name) for name in self.settings.baselines],
            table,
            {history.symbol: history.adjusted() for history in known},
            fit_end={history.symbol: fold.validation_end for history in known},
            features=features or None,
            context=baseline_context(self.experiment, known, self.settings.baselines, features),
            markets={history.symbol: market(history) for history in known},
            jobs=jobs,
            cache=cache,
        )
        parts = [table.assign(**{FORECASTER: MODEL})]
        parts += [part.table.assign(**{FORECASTER: name}) for name, part in results.items()]
        whole = pd.concat(parts, ignore_index=True)
        notes = [*replaced, *(n for part in results.values() for n in part.notes)]
        whole.attrs["notes"] = [*trained.notes, *notes]
        buffer = io.BytesIO()
        whole.to_parquet(buffer, index=False)
        if not self.settings.warm_start:
            return FoldFiles(buffer.getvalue())
        from lstmcast.training.checkpoint import dump_forecaster

        return FoldFiles(buffer.getvalue(), dump_forecaster(trained.forecaster))

    def _start(self, fold: Fold) -> "Forecaster | None":
        """What the fold's networks begin as: those of the fold before, read from its file.

        They are read also where they are still in memory, so that a walk that was broken and one
        in one go do the same.
        """
        if not self.settings.warm_start or fold.number == 1:
            return None
        from lstmcast.training import resolve_experiment
        from lstmcast.training.checkpoint import load_forecaster

        experiment = resolve_experiment(self.experiment, self.histories)
        external_members = baseline_members(experiment.model.pool.baselines)
        before = self.folds[fold.number - 2]
        try:
            return load_forecaster(
                self.weights(before), experiment, external_members=external_members
            )
        except RunError as error:
            raise RunError(
                f"the weights of fold {before.number} of {self.folder} cannot be used",
                f"remove {self.weights(before).name} and run the backtest again: it goes on where "
                "it stopped",
            ) from error

    def tables(self) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
        """All folds' forecasts by forecaster, and the notes on them.

        Raises:
            RunError: if a fold is missing or its file cannot be read.
        """
        return read_folds(self.folder, self.folds, self.settings.baselines)


@dataclass(frozen=True)
class FoldFiles:
    """The content of a fold's files.

    Args:
        table: the forecasts of the networks and the baselines, as Parquet.
        weights: of the networks, where the next fold begins with them.
    """

    table: bytes
    weights: bytes | None = None


def _do(walk: tuple[Backtest, FitCache | None, int], fold: Fold) -> FoldFiles:
    """What a worker does: one fold, and its baselines by itself."""
    backtest, cache, threads = walk
    return backtest.do(fold, cache, threads)


def train_fold(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    fold: Fold,
    threads: int,
    start: "Forecaster | None" = None,
) -> "Trained":
    """Train an experiment on one fold and forecast what comes after.

    Args:
        experiment: what is trained; its split is not used.
        histories: the prices, longer than the fold may see.
        fold: which sessions are for what.
        threads: CPU threads in all.
        start: what the networks begin as; None for new weights.

    Raises:
        DataError: if no symbol has enough sessions before the first forecast.
        KeyboardInterrupt: on Ctrl-C, also where networks were trained for some epochs.
    """
    from lstmcast.training import SilentObserver, resolve_experiment, train_experiment

    fewest = MIN_TO_JOIN if experiment.training.epochs else MIN_UNTRAINED
    given = [cut for history in histories if (cut := _cut(history, fold, fewest)) is not None]
    if not given:
        raise DataError(
            f"fold {fold.number} has no symbol with {fewest} sessions up to "
            f"{fold.validation_end:%Y-%m-%d}",
            "let the backtest begin later with `--from`, or take an expanding window",
        )
    split = SplitDates(
        train_end=fold.train_end.date(),
        validation_end=fold.validation_end.date(),
        test_end=fold.last_outcome.date(),
    )
    symbols = tuple(history.symbol for history in given)
    chosen = experiment.model_copy(
        update={
            "split": split,
            "data": experiment.data.model_copy(update={"symbols": symbols}),
            "training": experiment.training.model_copy(update={"threads": threads}),
        }
    )
    chosen = resolve_experiment(chosen, given)
    external_members = baseline_members(chosen.model.pool.baselines)
    trained = train_experiment(chosen, given, SilentObserver(), external_members, start)
    if trained.ensemble.interrupted:
        raise KeyboardInterrupt  # networks that were cut short are no fold: it is done again
    return trained


def stretch(table: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The rows of a prediction table that the fold is to forecast."""
    origins = table["origin"]
    inside = (origins >= fold.first_origin) & (origins <= fold.last_origin)
    return table[inside].reset_index(drop=True)


def _cut(history: PriceHistory, fold: Fold, fewest: int) -> PriceHistory | None:
    """The sessions that a fold may see and be judged by; None where there are too few."""
    sessions = pd.DatetimeIndex(history.bars.index)
    seen = np.sum((sessions >= fold.start) & (sessions <= fold.validation_end))
    coming = np.sum((sessions > fold.first_origin) & (sessions <= fold.last_outcome))
    if seen < fewest or coming == 0:
        return None
    return history.between(fold.start, fold.last_outcome)


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Dates as ISO text."""
    return {
        key: f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value
        for key, value in values.items()
    }

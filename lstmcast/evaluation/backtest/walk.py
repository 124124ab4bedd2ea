"""Running the folds: each in a file of its own, so that a broken walk can go on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lstmcast import __version__
from lstmcast.baselines import (
    FitCache,
    baseline_context,
    baseline_members,
    baseline_tables,
    get_baseline,
)
from lstmcast.config import Experiment, dump_experiment, groups_of
from lstmcast.errors import RunError
from lstmcast.evaluation.backtest.fold_files import (
    FORECASTER,
    WALK,
    dump_fold,
    fold_file,
    owner_of,
    read_folds,
)
from lstmcast.evaluation.backtest.fold_training import rows_of_fold, train_fold
from lstmcast.evaluation.backtest.folds import (
    MIN_SESSIONS,
    MIN_UNTRAINED,
    Fold,
    folds_of,
    plan_folds,
)
from lstmcast.evaluation.backtest.saved import CONFIG_HASH
from lstmcast.evaluation.backtest.settings import Settings
from lstmcast.evaluation.backtest.splitter import Splitter, planned_by
from lstmcast.evaluation.backtest.workers import threads_of_fold, workers_of_walk
from lstmcast.evaluation.report import MODEL
from lstmcast.features import build_matrices
from lstmcast.files import make_folder, to_json, write_atomically
from lstmcast.left_overs import sweep
from lstmcast.parallel import as_completed, elsewhere
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory
from lstmcast.seals import ForeignFileError, Owner, sealed_values
from lstmcast.worker import limited

if TYPE_CHECKING:
    from lstmcast.training import Forecaster


@dataclass(frozen=True)
class Backtest:
    """A planned walk over some histories, and the folder of the finished folds.

    Args:
        experiment: what every fold trains; its split is not used.
        histories: the prices.
        settings: how to walk.
        root: folder under which the walk gets its own.
        jobs: worker processes for the folds; 0 takes one for each core. The files are the same
            whatever their number.
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
    def identity(self) -> str:
        """Hex SHA-256 of all that its forecasts depend on, by which its files name it.

        The threads of a network count because another number of them moves forecasts by a rounding,
        and folds that were trained with different ones are not one walk.
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
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def folder(self) -> Path:
        """Where this walk is kept: the same experiment, prices, plan and threads find it again."""
        return self.root / f"backtest-{self.experiment.name}-{self.identity[:10]}"

    @property
    def owner(self) -> Owner | None:
        """What its files belong to, as they say."""
        return owner_of(self.identity)

    @property
    def threads(self) -> int:
        """CPU threads that each fold trains with; a network has one unless the experiment says."""
        return threads_of_fold(self.experiment, self._workers(len(self.folds)))

    def _workers(self, folds: int) -> int:
        return workers_of_walk(self.settings, self.jobs, folds)

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
        """Run the missing folds, yielding each when its file is written.

        Args:
            jobs: worker processes at most, the walk's own by default. With a warm start each fold
                waits for the one before, and they fit its baselines alone.
            cache: where slow fits of baselines are kept.

        Raises:
            OutputError: if the folder cannot be written.
            DataError: if a fold has too little to train on.
            RunError: if the weights to begin with cannot be read.
        """
        if jobs is not None and jobs != self.jobs:
            yield from replace(self, jobs=jobs).run(cache=cache)
            return
        todo = self.missing()
        make_folder(self.folder, "choose another folder with `--runs-dir`")
        sweep(self.folder)
        plan = {
            "settings": _plain(asdict(self.settings)),
            "folds": [_plain(asdict(f)) for f in self.folds],
            "threads_per_network": self._threads_per_network(),
            WALK: self.identity,
        }
        config = dump_experiment(self.experiment).encode()
        write_atomically(self.folder / "config.yaml", config)
        sealed_plan = sealed_values({**plan, CONFIG_HASH: hashlib.sha256(config).hexdigest()})
        write_atomically(self.folder / "plan.json", to_json(sealed_plan))
        threads = self.threads
        if self.settings.warm_start or (self._workers(len(todo)) == 1 and not elsewhere()):
            for fold in todo:
                self._write(fold, _do((self, cache, threads), fold, self.jobs))
                yield fold
            return
        # The longest first: a long one that begins last is waited for by all other workers.
        todo.sort(key=lambda fold: fold.validation_end - fold.start, reverse=True)
        work = as_completed(_do, (self, cache, threads), todo, jobs=self.jobs, threads=threads)
        for number, files in work:
            self._write(todo[number], files)
            yield todo[number]

    def _write(self, fold: Fold, files: "FoldFiles") -> None:
        if files.weights is not None:
            write_atomically(self.weights(fold), files.weights)
        write_atomically(self.path(fold), files.table)

    def do(self, fold: Fold, cache: FitCache | None, threads: int, jobs: int = 1) -> "FoldFiles":
        """Train, forecast, and let the baselines forecast the same rows; nothing is written.

        Args:
            fold: which sessions are for what.
            cache: where slow fits of baselines are kept.
            threads: CPU threads, which another machine would count otherwise.
            jobs: worker processes for the baselines.
        """
        trained = train_fold(self.experiment, self.histories, fold, threads, self._start(fold))
        table = rows_of_fold(trained.predictions, fold)
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
        owner = owner_of(self.identity, fold)
        content = dump_fold(whole, [*trained.notes, *notes], owner)
        if not self.settings.warm_start:
            return FoldFiles(content)
        from lstmcast.training.checkpoint import dump_forecaster

        return FoldFiles(content, dump_forecaster(trained.forecaster, owner))

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
                self.weights(before),
                experiment,
                external_members=external_members,
                owner=owner_of(self.identity, before),
            )
        except RunError as error:
            why = error.__cause__
            told = f": {why}" if isinstance(why, ForeignFileError) else ""
            raise RunError(
                f"the weights of fold {before.number} of {self.folder} cannot be used{told}",
                f"remove {self.weights(before).name} and run the backtest again: it goes on where "
                "it stopped",
            ) from error

    def tables(self) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
        """All folds' forecasts by forecaster, and the notes on them.

        Raises:
            RunError: if a fold is missing or its file cannot be read.
        """
        return read_folds(self.folder, self.folds, self.settings.baselines, self.identity)


@dataclass(frozen=True)
class FoldFiles:
    """The content of a fold's files.

    Args:
        table: the forecasts of the networks and the baselines, as Parquet.
        weights: of the networks, where the next fold begins with them.
    """

    table: bytes
    weights: bytes | None = None


def _do(walk: tuple[Backtest, FitCache | None, int], fold: Fold, jobs: int = 1) -> FoldFiles:
    """One fold, wherever it is done with as many threads of BLAS: only networks may have more."""
    backtest, cache, threads = walk
    with limited(1):
        return backtest.do(fold, cache, threads, jobs)


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Dates as ISO text."""
    return {
        key: f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value
        for key, value in values.items()
    }

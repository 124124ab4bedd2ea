"""A finished walk, opened by its folder: what its folds forecast, without planning it again."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lstmcast.config import Experiment, load_experiment
from lstmcast.errors import ConfigError, RunError
from lstmcast.evaluation.backtest.fold_files import (
    AGAIN,
    WALK,
    fold_file,
    owner_of,
    read_folds,
    unreadable,
)
from lstmcast.evaluation.backtest.folds import Fold
from lstmcast.evaluation.backtest.summary import BacktestReport, summarise
from lstmcast.evaluation.report import MODEL
from lstmcast.files import make_folder
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.selection import select_histories
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import normalise_symbol
from lstmcast.reading import CONFIG_BYTES, RECORD_BYTES, hash_file, read_file
from lstmcast.seals import Owner, parse_sealed

PLAN = "plan.json"
CONFIG_HASH = "config_sha256"
"""The key of the plan under which the hash of `config.yaml` stands."""
TRIALS = "trials.json"


class WalkSymbol(NamedTuple):
    """A symbol of a walk, and where its prices came from."""

    symbol: str
    source: str


@dataclass(frozen=True)
class SavedWalk:
    """A walk whose folds are all done; charts and tables take it like a run.

    Args:
        path: the folder.
        folds: in order.
        baselines: names of those that were fitted in each fold.
        options: of `lstmcast backtest` that make the same plan.
        config: what every fold trained; its split is not used.
        identity: that its files name; None in walks of earlier versions, whose files name none.
    """

    path: Path
    folds: tuple[Fold, ...]
    baselines: tuple[str, ...]
    options: str
    config: Experiment
    identity: str | None = None

    @staticmethod
    def find(name: Path, runs_dir: Path) -> Path | None:
        """The folder of a walk by its path or its name under `runs_dir`; None for all else."""
        places = [name, runs_dir / name] if name.parent == Path() else [name]
        found = (place for place in places if place.is_dir())
        place = next(found, None)
        if place is None or (place / "run.json").exists() or not (place / PLAN).is_file():
            return None
        return place

    @classmethod
    def open(cls, path: Path) -> "SavedWalk":
        """Open a walk by its folder.

        Raises:
            RunError: if it is damaged, or not all of its folds are done.
        """
        try:
            plan = parse_sealed(read_file(path / PLAN, RECORD_BYTES))
            folds = tuple(_fold(entry) for entry in plan["folds"])
            baselines = tuple(str(name) for name in plan["settings"]["baselines"])
            options = _options(plan["settings"])
            if not folds or [fold.number for fold in folds] != list(range(1, len(folds) + 1)):
                raise ValueError("its folds are not numbered")  # noqa: TRY301 - told as any other
        except OSError as error:
            raise unreadable(path / PLAN, error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"`{PLAN}` of the walk {path} cannot be read",
                "run the same `lstmcast backtest` again",
            ) from error
        try:
            check_config(path, plan.get(CONFIG_HASH))
            experiment = load_experiment(path / "config.yaml")
        except ConfigError as error:
            faults = "; ".join((error.message, *error.problems))
            raise RunError(
                f"`config.yaml` of the walk {path} cannot be used: {faults}",
                "restore it, or run the same `lstmcast backtest` again",
            ) from error
        walk = cls(path, folds, baselines, options, experiment, plan.get(WALK))
        if missing := [fold for fold in folds if not fold_file(path, fold).is_file()]:
            raise RunError(
                f"the walk {path} is not finished: {len(folds) - len(missing)} of {len(folds)} "
                "folds are done",
                "the same `lstmcast backtest` goes on where it stopped",
            )
        return walk

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def symbols(self) -> list[WalkSymbol]:
        """What was forecast, and where the prices came from."""
        data = self.config.data
        return [WalkSymbol(normalise_symbol(symbol), data.source) for symbol in data.symbols]

    @property
    def boundaries(self) -> dict[str, pd.Timestamp]:
        """The first fold's parts, and the last session that was forecast."""
        first = self.folds[0]
        return {
            "train_end": first.train_end,
            "validation_end": first.validation_end,
            "test_end": self.folds[-1].last_outcome,
        }

    @property
    def owner(self) -> Owner | None:
        """What its files belong to, as they say; None where they do not."""
        return owner_of(self.identity)

    @property
    def charts(self) -> Path:
        """Where charts of the walk go."""
        return self.path / "charts"

    @property
    def trials(self) -> int:
        """Models tried on its symbols and days, as the backtest counted them.

        Raises:
            RunError: if the number that it kept cannot be read.
        """
        known = counted_trials(self.path, self.owner)
        return self.config.tuning.trials if known is None else known

    def experiment(self) -> Experiment:
        """What every fold trained."""
        return self.config

    def make_charts_folder(self) -> None:
        """Make the folder for charts.

        Raises:
            OutputError: if it cannot be made.
        """
        make_folder(self.charts, "use `--output` to write elsewhere")

    def histories(self, store: PriceStore, *, newest: bool = False) -> list[PriceHistory]:
        """The stored prices of its symbols with their context.

        Args:
            store: where prices are kept.
            newest: up to the newest stored bar, else up to the last session that was forecast.

        Raises:
            StoreError: if a symbol or context series is no longer stored.
        """
        histories = select_histories(store, self.config.data)
        last = None if newest else self.boundaries["test_end"]
        return [history.between(None, last) for history in histories]

    def predictions(self, symbol: str | None = None) -> pd.DataFrame:
        """The model's forecasts of all folds, of one symbol or of all."""
        table = self.tables()[0][MODEL]
        return table if symbol is None else table[table["symbol"] == symbol]

    def tables(self) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
        """All folds' forecasts by forecaster, and the notes on them.

        Raises:
            RunError: if a fold cannot be read, or holds what no forecast of the walk can.
        """
        tables, notes = read_folds(self.path, self.folds, self.baselines, self.identity)
        known = {entry.symbol for entry in self.symbols}
        if foreign := sorted(set(tables[MODEL]["symbol"]) - known):
            raise RunError(
                f"the walk {self.path} holds forecasts of {', '.join(foreign[:3])}, and is of "
                f"{', '.join(sorted(known)[:3])}",
                AGAIN,
            )
        return tables, notes

    def report(
        self, histories: Sequence[PriceHistory], baselines: Sequence[str] | None = None
    ) -> BacktestReport:
        """Judge all folds together.

        Args:
            histories: the prices of its symbols.
            baselines: those that are compared, out of the walk's; all if None.
        """
        tables, notes = self.tables()
        chosen = set(self.baselines if baselines is None else baselines) | {MODEL}
        return summarise(
            {name: table for name, table in tables.items() if name in chosen},
            {history.symbol: history.adjusted() for history in histories},
            notes=notes,
            trials=self.trials,
            chosen_from=self.config.tuning.trials,
        )


def counted_trials(folder: Path, owner: Owner | None) -> int | None:
    """The number of trials that a walk keeps; None where it keeps none.

    Args:
        folder: of the walk.
        owner: the walk, as its files name it.

    Raises:
        RunError: if the file is damaged, or of another walk.
    """
    try:
        known = parse_sealed(read_file(folder / TRIALS, RECORD_BYTES), owner)["trials"]
        if not isinstance(known, int) or known < 1:
            raise ValueError("it is no number of trials")  # noqa: TRY301 - told as any other damage
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(folder / TRIALS, error) from error
    except (ValueError, KeyError) as error:
        raise RunError(
            f"`{TRIALS}` of the walk {folder} cannot be read: {error}",
            "remove it and run the same `lstmcast backtest` again, which counts them anew",
        ) from error
    return known


def check_config(path: Path, known: object) -> None:
    """Compare a walk's configuration with its hash in the plan, where that has one."""
    with contextlib.suppress(OSError):  # told when it is loaded
        if known is not None and hash_file(path / "config.yaml", CONFIG_BYTES) != known:
            raise RunError(
                f"`config.yaml` of the walk {path} is not what the backtest wrote",
                "restore it, or run the same `lstmcast backtest` again",
            )


def _options(settings: Mapping[str, object]) -> str:
    """The options of `lstmcast backtest` that a plan was made by."""
    given = {
        "--folds": settings["folds"],
        "--window": settings["window"],
        "--from": settings["first"],
        "--embargo": settings["embargo"] or None,
    }
    words = [f"{name} {value}" for name, value in given.items() if value is not None]
    return " ".join([*words, *(["--warm-start"] if settings["warm_start"] else [])])


def _fold(entry: Mapping[str, object]) -> Fold:
    """A fold as the plan writes it."""
    dates = {
        name: pd.Timestamp(str(entry[name]))
        for name in (
            "start", "train_end", "validation_end", "first_origin", "last_origin", "last_outcome",
        )
    }  # fmt: skip
    number = entry["number"]
    if not isinstance(number, int) or any(pd.isna(date) for date in dates.values()):
        raise ValueError("a fold without its number or dates")
    return Fold(number, **dates)

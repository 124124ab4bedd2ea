"""The further kinds of cases of `fuzz.py`: what walks, searches, ledgers and graphs keep.

Each file is damaged as its reader would meet it: often with a seal or a hash that fits, so that
what lies behind the hash is tried as well.
"""

import io
import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from lstmcast.baselines.cache import FitCache
from lstmcast.cli.app import app
from lstmcast.config import Experiment, parse_experiment
from lstmcast.errors import LstmcastError
from lstmcast.evaluation.backtest import Backtest, SavedWalk, Settings, count_trials
from lstmcast.ledger import ledger as book
from lstmcast.ledger.entries import digest
from lstmcast.ledger.schema import GENESIS
from lstmcast.pretraining.files import shipped_file
from lstmcast.pretraining.weights import Pretrained
from lstmcast.prices.batch import read_symbols
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run, create_run
from lstmcast.run.inventory import inventory
from lstmcast.run.record import seal, sha256
from lstmcast.seals import BLANK, sealed, sealed_values
from lstmcast.tensors import values_of
from lstmcast.training import Keeper, SilentObserver, resolve_experiment, train_experiment
from lstmcast.tuning import KeptStudy, Plan, summarise, tune

Damage = Callable[[bytes, random.Random], bytes]

SCORES = """{"horizons": [1], "rows": {"AAA": {"count": 3,
"first": "2001-01-02", "last": "2001-01-05"}},
"forecasters": {"model": {"pooled": {"1": {"crps": 1.0, "log_score": 1.0, "coverage_80": 0.8}}}},
"verdict": {"best_baseline": null, "distribution_gain": null, "distribution_p": null,
"summary": "so", "too_good": ["x"]}}"""
"""What lists of runs read of `metrics.json`."""

SEARCH = "{training.learning_rate: {low: 0.001, high: 0.1, log: true}}"
CELLS: tuple[Any, ...] = (
    None, "", "x", "\x1b[31m", "[/]", -1, 0, 1, 2**63 - 1, -1.0, 1e308, float("inf"), float("nan"),
    b"\xff", "2020-13-45", "9999-12-31", "0001-01-01", "{", "[" * 5000, "null", '"x"',
)  # fmt: skip
"""What stands in a table where something else was."""


class Doors:
    """Cases over what a trained run, a walk, a study and a ledger keep.

    Args:
        root: a folder that is theirs.
        experiment: small, of one symbol.
        history: its prices, long enough for a walk.
        damage: damages the bytes of a file.
    """

    def __init__(
        self, root: Path, experiment: Experiment, history: PriceHistory, damage: Damage
    ) -> None:
        self.root, self.history, self.store = root, history, PriceStore(root / "data")
        self.experiment, self.damage = experiment, damage
        self.store.save(history)
        self.resolved = resolve_experiment(experiment, [history])
        trained = train_experiment(self.resolved, [history], SilentObserver())
        self.run = create_run(root / "runs", trained).path
        self.walk = self._walk()
        self.plan = self._plan()
        self.study = self._study()
        self.kept = self._kept()
        self.ledger = self._ledger()
        self.weights = shipped_file().read_bytes()
        self.files = {
            path: path.read_bytes()
            for folder in (self.walk.folder, self.study, self.kept, self.run)
            for path in sorted(folder.iterdir())
            if path.is_file()
        }

    def all(self) -> Mapping[str, tuple[Callable[[random.Random], object], int]]:
        """By name, with how many of a hundred rounds take it: some cases train."""
        return {
            "walks": (self.walks, 60),
            "scores": (self.scores, 100),
            "graphs": (self.graphs, 60),
            "checkpoints": (self.checkpoints, 12),
            "studies": (self.studies, 20),
            "best configurations": (self.best, 100),
            "ledgers": (self.ledgers, 60),
            "pretrained weights": (self.pretrained, 100),
            "symbols files": (self.symbols, 100),
            "fits": (self.fits, 100),
        }

    def _walk(self) -> Backtest:
        settings = Settings(folds=2, baselines=("ewma",))
        walk = Backtest(self.experiment, [self.history], settings, self.root / "walks")
        for _ in walk.run():
            pass
        count_trials(walk)
        return walk

    def _plan(self) -> Plan:
        searched = self.experiment.model_dump(mode="json", exclude_unset=True)
        experiment = parse_experiment(json.dumps(searched), [f"tuning.space={SEARCH}"])
        return Plan(experiment, (self.history,), experiment.tuning.space)

    def _study(self) -> Path:
        class Nobody:
            def on_start(self, loss: float) -> None: ...

            def on_trial(self, trial: object) -> None: ...

        with KeptStudy.opened(self.plan, self.root / "studies", "x") as kept:
            tune(kept, Nobody(), trials=2)
            summarise(kept, weigh=False).write()
            return kept.folder

    def _kept(self) -> Path:
        keeper = Keeper(self.root / "kept", {}, 0.0)
        train_experiment(self.resolved, [self.history], SilentObserver(), keeper=keeper)
        return keeper.folder

    def _ledger(self) -> bytes:
        path = self.root / "ledger.sqlite"
        for session in (-20, -10):
            day = f"{self.history.bars.index[session]:%Y-%m-%d}"
            self._command("forecast", "--as-of", day, "--ledger", str(path))
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()

    def _command(self, *words: str) -> object:
        """Run a command; what it refuses is raised as an error of lstmcast's own."""
        folders = {
            "LSTMCAST_DATA_DIR": str(self.store.root),
            "LSTMCAST_RUNS_DIR": str(self.run.parent),
        }
        result = CliRunner(env=folders).invoke(app, list(words))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code:
            raise LstmcastError(result.stderr)
        return result.stdout

    @contextmanager
    def _altered(self, *files: tuple[Path, bytes]) -> Iterator[None]:
        try:
            for path, content in files:
                path.write_bytes(content)
            yield
        finally:
            for path, _ in files:
                path.write_bytes(self.files[path])

    def _json(self, path: Path, chance: random.Random) -> bytes:
        """A damaged JSON file, half of the time with a seal that fits."""
        spoilt = self.damage(self.files[path], chance)
        if chance.random() < 0.5:
            return spoilt
        values = json.loads(self.files[path])
        _alter(values, chance)
        try:
            return json.dumps(sealed_values(values)).encode()
        except ValueError:
            return json.dumps(values).encode()

    def walks(self, chance: random.Random) -> object:
        """Open a walk of which one file is damaged, and judge it."""
        folder = self.walk.folder
        path = chance.choice([path for path in self.files if path.parent == folder])
        if path.suffix == ".parquet":
            content = odd_table(self.files[path], chance)
        elif path.suffix == ".json":
            content = self._json(path, chance)
        else:
            content = self.damage(self.files[path], chance)
        plan = folder / "plan.json"
        loose = {k: v for k, v in json.loads(self.files[plan]).items() if "sha256" not in k}
        files = (
            [(path, content)]
            if path == plan
            else [(plan, json.dumps(loose).encode()), (path, content)]
        )
        with self._altered(*files):
            inventory(folder.parent)
            walk = SavedWalk.open(folder)
            return walk.report(walk.histories(self.store)).to_dict()

    def scores(self, chance: random.Random) -> object:
        """List a run whose scores are damaged."""
        from lstmcast.forecasting.trust_checks import trust_on_test_days

        path = self.run / "metrics.json"
        known: Any = json.loads(SCORES)
        _alter(known, chance)
        try:
            path.write_text(json.dumps(sealed_values(known)))
            inventory(self.run.parent)
            return trust_on_test_days(Run.open(self.run, self.run.parent), [self.history], 1)
        except ValueError:
            path.write_text(json.dumps(known))
            return inventory(self.run.parent)
        finally:
            path.unlink()

    def graphs(self, chance: random.Random) -> object:
        """Forecast by a damaged graph whose hash fits."""
        path = self.run / chance.choice(("networks.onnx", "refitted.onnx"))
        if path not in self.files:
            raise LstmcastError("no such graph")
        content = odd_graph(self.files[path], self.damage, chance)
        record = json.loads(self.files[self.run / "run.json"])
        written = {p.name: p.read_bytes() for p in self.run.iterdir() if p.name in record["files"]}
        resealed = seal(
            {k: v for k, v in record.items() if k not in ("files", "sha256")},
            {name: sha256(content) for name, content in (written | {path.name: content}).items()},
        )
        with self._altered((path, content), (self.run / "run.json", json.dumps(resealed).encode())):
            return self._command("forecast", self.run.name, "--json", "--no-record")

    def checkpoints(self, chance: random.Random) -> object:
        """Go on with a training of which a part is gone and a file is damaged."""
        stages = [
            path for path in self.files if path.parent == self.kept and path.suffix != ".json"
        ]
        path = chance.choice(stages)
        content = self.damage(self.files[path], chance)
        if chance.random() < 0.6:
            content = odd_tensors(self.files[path], chance)
        try:
            for other in stages:
                if chance.random() < 0.5:
                    other.unlink()
            path.write_bytes(content)
            keeper = Keeper(self.kept, {}, 1e9)
            return train_experiment(self.resolved, [self.history], SilentObserver(), keeper=keeper)
        finally:
            for other in stages:
                other.write_bytes(self.files[other])

    def studies(self, chance: random.Random) -> object:
        """Go on with a damaged study."""
        path = self.study / "study.journal"
        content = self.damage(self.files[path], chance)
        if chance.random() < 0.5:
            lines = self.files[path].splitlines(keepends=True)
            at = chance.randrange(len(lines))
            entry = json.loads(lines[at])
            _alter(entry, chance)
            content = b"".join([*lines[:at], json.dumps(entry).encode() + b"\n", *lines[at + 1 :]])
        try:
            path.write_bytes(content)
            with KeptStudy.opened(self.plan, self.study.parent, "x", resume=True) as kept:
                return summarise(kept, weigh=False)
        finally:
            path.write_bytes(self.files[path])

    def best(self, chance: random.Random) -> object:
        """Read a damaged best configuration."""
        text = self.damage(self.files[self.study / "best.yaml"], chance).decode("utf-8", "replace")
        return parse_experiment(text)

    def ledgers(self, chance: random.Random) -> object:
        """Read a ledger that is damaged, or holds other values with hashes that fit."""
        path = self.root / "ledger.sqlite"
        content = self.damage(self.ledger, chance)
        try:
            path.write_bytes(content if chance.random() < 0.5 else self.ledger)
            if chance.random() < 0.7:
                _update(path, chance)
            what = chance.choice(("check", "show", "score"))
            own = () if what == "check" else ("--replayed", "--json")
            return self._command("track", what, *own, "--ledger", str(path))
        finally:
            for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), Path(f"{path}-journal")):
                name.unlink(missing_ok=True)

    def pretrained(self, chance: random.Random) -> object:
        """Load damaged pretrained weights by their path."""
        path = self.root / "weights.safetensors"
        odd = chance.random() < 0.5
        path.write_bytes(
            odd_tensors(self.weights, chance) if odd else self.damage(self.weights, chance)
        )
        return Pretrained.load(path)

    def symbols(self, chance: random.Random) -> object:
        """Read a damaged list of symbols."""
        path = self.root / "symbols.txt"
        path.write_bytes(
            self.damage(b"AAPL, MSFT # two\nBRK-B ^GSPC\nfred:DGS10\n600036.SS\n", chance)
        )
        return read_symbols((), path)

    def fits(self, chance: random.Random) -> object:
        """Recall a damaged fit, which counts as absent."""
        folder = self.root / "fits"
        shutil.rmtree(folder, ignore_errors=True)
        cache, data = FitCache(folder), np.arange(3.0)
        cache.recall("x", data, lambda: {"a": 0.5, "b": 1.5})
        (path,) = folder.iterdir()
        values = json.loads(path.read_bytes())
        _alter(values, chance)
        spoilt = self.damage(path.read_bytes(), chance)
        try:
            path.write_bytes(
                spoilt if chance.random() < 0.5 else json.dumps(sealed_values(values)).encode()
            )
        except ValueError:
            path.write_bytes(spoilt)
        found = cache.recall("x", data, lambda: {"a": 2.5})
        if not isinstance(found, dict | None):
            raise TypeError(type(found))
        return found


def _alter(values: Any, chance: random.Random) -> None:
    """Put something else in the place of a value somewhere in a JSON object."""
    while isinstance(values, dict | list) and values:
        key = chance.choice(list(values) if isinstance(values, dict) else range(len(values)))
        if not isinstance(values[key], dict | list) or not values[key] or chance.random() < 0.2:
            other = chance.choice(CELLS)
            values[key] = chance.choice(([], {}, True)) if isinstance(other, bytes) else other
            if isinstance(values, dict) and chance.random() < 0.3:
                del values[key]
            return
        values = values[key]


def odd_table(content: bytes, chance: random.Random) -> bytes:
    """A Parquet file with something else in a column, or without it, and a seal that fits."""
    table = pd.read_parquet(io.BytesIO(content))
    name = chance.choice(list(table.columns))
    others: list[Callable[[], pd.DataFrame]] = [
        lambda: table.drop(columns=[name]),
        lambda: table.assign(**{name: table[name].astype(object).where(table.index != 1, None)}),
        lambda: table.assign(**{name: pd.Series([[1.0]] * len(table))}),
        lambda: table.assign(**{name: pd.Series([{"a": 1}] * len(table))}),
        lambda: table.assign(**{name: chance.choice([x for x in CELLS if x is not None])}),
        lambda: table.iloc[: chance.choice((0, 1, 3))],
        lambda: pd.concat([table, table], ignore_index=True),
        lambda: table.assign(**{name: table[name].iloc[::-1].to_numpy()}),
    ]
    table = chance.choice(others)()
    table.attrs = {
        "sha256": BLANK,
        "notes": chance.choice(([], ["x"], "text", 3, None, [[1]], {"a": 1})),
    }
    buffer = io.BytesIO()
    try:
        table.to_parquet(buffer, index=False)
    except Exception:  # noqa: BLE001 - what cannot be written cannot be read either
        return content[: chance.randrange(len(content))]
    return sealed(buffer.getvalue())


def odd_tensors(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file with another tensor or another value in its metadata."""
    from safetensors.numpy import load, save

    length = int.from_bytes(content[:8], "little")
    metadata = {
        key: json.dumps(values_of(text))  # without the seal
        for key, text in json.loads(content[8 : 8 + length]).get("__metadata__", {}).items()
    }
    tensors = load(content)
    name = chance.choice(list(tensors))
    kind = chance.randrange(5)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[name] = np.zeros((3, 2), dtype=np.float32)
    elif kind == 2:
        tensors[name] = np.full_like(
            tensors[name], np.nan if tensors[name].dtype.kind == "f" else 255
        )
    else:
        key = chance.choice(list(metadata))
        values = json.loads(metadata[key])
        _alter(values, chance)
        metadata[key] = chance.choice(
            ("[" * 9000, "{", json.dumps(values), json.dumps(values), json.dumps(values))
        )
    return bytes(save(tensors, metadata))


def odd_graph(content: bytes, damage: Damage, chance: random.Random) -> bytes:
    """A damaged graph, mostly with a seal that fits."""
    blank = re.sub(rb'"sha256": "[0-9a-f]{64}"', f'"sha256": "{BLANK}"'.encode(), content)
    spoilt = damage(blank, chance)
    if chance.random() < 0.1:
        return spoilt
    try:
        return sealed(spoilt)
    except ValueError:  # the damage took its place away
        return spoilt


def _update(path: Path, chance: random.Random) -> None:
    """Put another value into a ledger, and hashes that fit where they can be computed."""
    try:
        with closing(sqlite3.connect(path)) as database, database:
            tables = [
                row[0]
                for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            table = chance.choice(tables)
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            name, cell = chance.choice(names), chance.choice(CELLS)
            database.execute(f"UPDATE {table} SET {name} = ? WHERE rowid % 2 = 0", [cell])  # noqa: S608 - own names
            if chance.random() < 0.7:
                _reseal(database)
    except (sqlite3.Error, UnicodeError, ValueError, OverflowError, TypeError):
        return


def _reseal(database: sqlite3.Connection) -> None:
    """Give each entry of a ledger the hash that its values have now."""
    previous = GENESIS
    # What is private in there reads rows; a second reader could differ from it.
    columns = ", ".join(book._ENTRIES)  # noqa: SLF001
    numbers = database.execute("SELECT number FROM entries ORDER BY number").fetchall()
    for (number,) in numbers:
        row = database.execute(
            f"SELECT {columns} FROM entries WHERE number = ?",  # noqa: S608 - own names
            [number],
        ).fetchone()
        said, stated = (
            book._grouped(database, table, order).get(number, [])  # noqa: SLF001
            for table, order in (
                ("statements", "entry, forecaster"), ("quantiles", "entry, forecaster, horizon"),
            )
        )  # fmt: skip
        values = dict(zip(book._ENTRIES, row, strict=True))  # noqa: SLF001
        entry = book._entry(values, said, stated)  # noqa: SLF001
        if entry is None:
            return
        own = digest(number, previous, entry.issued)
        database.execute(
            "UPDATE entries SET previous = ?, sha256 = ? WHERE number = ?", [previous, own, number]
        )
        previous = own

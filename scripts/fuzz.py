"""Read what nobody should have written, and count what ends in a traceback.

    python scripts/fuzz.py --seconds 60 --seed 0

In turn: configurations, run folders, store files, price files, command lines, and what walks,
searches, ledgers and graphs keep (`fuzz_doors.py`), each made from a sound one by a few damages.
Every case must give a value or an error of lstmcast's own. The same seed makes the same cases; a
sample of them is a test.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mutate_files
from fuzz_doors import Doors
from typer.testing import CliRunner

from lstmcast.cli.app import app
from lstmcast.config import parse_experiment
from lstmcast.errors import LstmcastError
from lstmcast.prices.maintenance import verify
from lstmcast.prices.store import PriceStore
from lstmcast.run import create_run, find_runs

Case = Callable[[random.Random], object]

CONFIG = """name: small
data: {symbols: [AAA], start: 2001-01-02}
features: [returns, range]
target: {horizon: 3}
split: {train: 0.6, validation: 0.2, test: 0.2}
model: {start: random, hidden_size: 4, num_layers: 1, members: 1,
        variants: [{head: quantile, members: 1}], pool: {baselines: [ewma]}}
training: {lookback: 24, burn_in: 4, batch_size: 16, epochs: 1, learning_rate: 0.01, seed: 7}
"""
RUN = """name: small
data: {symbols: [AAA]}
target: {horizon: 3}
split: {train: 0.6, validation: 0.2, test: 0.2}
model: {start: random, hidden_size: 4, members: 1}
training: {lookback: 24, burn_in: 4, epochs: 1, device: cpu, threads: 1, refit: none}
calibration: {kind: none}
"""
YAML = (
    b"!!int ", b"!!timestamp ", b"!!float ", b"!!binary ", b"!!set ", b"!!python/object:a.b ",
    b"&a ", b"*a", b"[" * 40, b"{" * 40, b"? ", b"<<: ", b"|\n", b">\n", b"%YAML 9\n", b"---\n",
    b"1e999", b"-.inf", b".nan", b"9" * 5000, b"0x", b"null", b"true", b"~", b"\x00", b"\xff",
    b"\x1b[31m", b"[/]", b"0001-01-01", b"9999-12-31", b"2020-13-45", b"10" * 40, b"-1", b"''",
)  # fmt: skip
JSON = (
    b"Infinity", b"NaN", b"1e999", b"[" * 5000, b"{", b"null", b"true", b'""', b"-1", b"9" * 5000,
    b"[]", b"{}", b'"\\ud800"', b'"x"', b"\x00", b"\xff", b"0.5", b'"9999-12-31"', b'"0001-01-01"',
)  # fmt: skip
WORDS = (
    "", "-", "--", "AAPL", "AAA", "csv:AAA", ":", "::", "../x", "a" * 300, "\x1b[31m", "[/]", "nan",
    "inf", "-inf", "-1", "0", "1e999", "9" * 30, "2020-13-45", "0001-01-01", "9999-12-31", "x,y",
    "crps<garch", "p<", "%", "/dev/null", "/nonexistent/x", ".", "a=b", "model.members=0",
    "model.hidden_size=4096", "training.lookback=1", "=", "\udcff", "é", "\n",
)  # fmt: skip


@dataclass
class Outcome:
    """What came of the cases so far."""

    cases: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    tracebacks: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def damaged(content: bytes, words: tuple[bytes, ...], chance: random.Random) -> bytes:
    """Return content with one to three damages."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.choice((0, 1, 2, 5, 40)))
        kind = chance.randrange(5)
        if kind == 0:
            content = content[:at] + chance.choice(words) + content[to:]
        elif kind == 1 and content:
            spoilt = bytearray(content)
            spoilt[at % len(content)] ^= 1 << chance.randrange(8)
            content = bytes(spoilt)
        elif kind == 2:
            content = content[:at]
        elif kind == 3:
            content = content[:at] + content[max(0, at - 80) :]
        else:
            values = [b": ", b", ", b"[", b'"', b"}"]
            content = content.replace(chance.choice(values), chance.choice(words), 1)
    return content


class Kinds:
    """All kinds of cases, over a store, a run, a walk, a study and a ledger of their own.

    Args:
        root: a folder that is theirs.
    """

    def __init__(self, root: Path) -> None:
        from support.experiments import Recorder
        from support.histories import simulated

        from lstmcast.training import resolve_experiment, train_experiment

        self.root, self.store = root, PriceStore(root / "data")
        history = simulated()
        self.stored = self.store.save(history)
        trained = train_experiment(
            resolve_experiment(parse_experiment(RUN), [history]), [history], Recorder()
        )
        self.run = create_run(root / "runs", trained).path
        self.files = {
            path: path.read_bytes() for path in sorted(self.run.iterdir()) if path.is_file()
        }
        self.content = self.stored.read_bytes()
        self.doors = Doors(
            root / "doors",
            parse_experiment(RUN),
            simulated(rows=820),
            lambda content, chance: damaged(content, (*YAML, *JSON), chance),
        )

    def all(self) -> Mapping[str, tuple[Case, int]]:
        """By name, with how many of a hundred rounds take it."""
        return {
            "configurations": (self.configuration, 100),
            "run folders": (self.run_folder, 100),
            "store files": (self.store_file, 100),
            "price files": (self.price_file, 100),
            "command lines": (self.command_line, 100),
            **self.doors.all(),
        }

    def configuration(self, chance: random.Random) -> object:
        """Read a configuration of odd text, with odd overrides."""
        text = damaged(CONFIG.encode(), YAML, chance).decode("utf-8", "replace")
        overrides = [chance.choice(WORDS) for _ in range(chance.choice((0, 0, 0, 1)))]
        return parse_experiment(text, overrides)

    def run_folder(self, chance: random.Random) -> object:
        """Read all of a run of which one file is damaged; often one without hashes."""
        path = chance.choice(list(self.files))
        words = YAML if path.suffix == ".yaml" else JSON
        with self._altered(path, damaged(self.files[path], words, chance), chance):
            runs, faults = find_runs(self.run.parent)
            if faults:
                raise faults[0]
            (run,) = runs
            run.experiment()
            run.predictions()
            run.history()
            return run.forecaster()

    @contextmanager
    def _altered(self, path: Path, content: bytes, chance: random.Random) -> Iterator[None]:
        record = self.run / "run.json"
        try:
            if chance.random() < 0.7:
                text = self.files[record].replace(b'"files"', b'"notes"')
                record.write_bytes(text.replace(b'"sha256": "', b'"digest": "'))
                if path != record:
                    record.write_bytes(self._without_hashes())
                else:
                    content = content.replace(b'"files"', b'"notes"')
            path.write_bytes(content)
            yield
        finally:
            for name in (path, record):
                name.write_bytes(self.files[name])

    def _without_hashes(self) -> bytes:
        import json

        record = json.loads(self.files[self.run / "run.json"])
        kept = {name: value for name, value in record.items() if name not in ("files", "sha256")}
        return json.dumps(kept).encode()

    def store_file(self, chance: random.Random) -> object:
        """List, load and check a damaged file of the store; sometimes of an earlier version."""
        content = self.content
        if chance.random() < 0.5:
            content = self._of_before(chance)
        else:
            content = damaged(content, JSON, chance)
        try:
            self.stored.write_bytes(content)
            list(verify(self.store, self.store.entries()))
            return self.store.load("AAA", "csv")
        finally:
            self.stored.write_bytes(self.content)

    def _of_before(self, chance: random.Random) -> bytes:
        """The stored file with damaged metadata and no hashes of them."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        from lstmcast.prices.stored import METADATA_KEY

        table = pq.read_table(pa.BufferReader(self.content))
        text = damaged(table.schema.metadata[METADATA_KEY], JSON, chance)
        buffer = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: text}), buffer)
        return buffer.getvalue()

    def price_file(self, chance: random.Random) -> object:
        """Read a damaged file of an exporter."""
        ((name, content),) = mutate_files.cases(1, chance.randrange(2**31))
        exports = sorted(path for path in mutate_files.EXPORTS.iterdir() if path.is_file())
        path, other = chance.choice(exports), chance.choice(exports)
        content = mutate_files.mutated(path.read_bytes(), other.read_bytes(), chance)
        file = self.root / f"price{path.suffix}"
        file.write_bytes(content)
        end = mutate_files.outcome(file)
        if end != "read":
            raise LstmcastError(f"{name}: {end}")
        return end

    def command_line(self, chance: random.Random) -> object:
        """Call a command with odd words."""
        commands: tuple[list[str], ...] = (
            ["data", "list"], ["data", "show"], ["data", "check"], ["data", "export"],
            ["evaluate"], ["forecast"], ["plot"], ["train"], ["backtest"], ["audit"],
            ["fetch", "--source", "csv"], ["fetch", "--source", "sample"], [], ["tune"], ["init"],
            ["report"], ["runs", "list"], ["runs", "show"], ["runs", "compare"], ["track", "show"],
            ["track", "score"], ["track", "check"], ["track", "export"], ["track", "plot"],
            ["data", "remove"], ["runs", "remove"], ["pretrain"],
        )  # fmt: skip
        options = (
            "--run", "--json", "--config", "--set", "--rows", "--data-dir", "--runs-dir",
            "--symbol", "--horizon", "--csv", "--baselines", "--fail-unless", "--jobs", "--path",
            "--start", "--end", "--kind", "--output", "--columns", "--decimal", "--date-format",
            "--from", "--study", "--trials", "--storage", "--resume", "--ledger", "--limit",
            "--since", "--until", "--folds", "--refit", "--as-of", "--levels", "--steps",
        )  # fmt: skip
        words = list(chance.choice(commands))
        words += [
            chance.choice(options if chance.random() < 0.5 else WORDS)
            for _ in range(chance.randrange(4))
        ]
        environment = {
            "LSTMCAST_DATA_DIR": str(self.root / "empty"),
            "LSTMCAST_RUNS_DIR": str(self.root / "none"),
        }
        before = Path.cwd()
        place = self.root / "place"
        place.mkdir(exist_ok=True)
        os.chdir(place)
        try:
            result = CliRunner(env=environment).invoke(app, words)
        finally:
            os.chdir(before)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            result.exception.add_note(f"command line: {words}")
            raise result.exception
        if result.exit_code:
            raise LstmcastError(f"exit code {result.exit_code}")
        return result.exit_code


def fuzz(seconds: float, seed: int, root: Path, *, most: int | None = None) -> Outcome:
    """Try cases of every kind in turn, for so many seconds.

    Args:
        seconds: to the last case.
        seed: of all cases.
        root: a folder that is theirs.
        most: cases at most.
    """
    kinds, outcome = Kinds(root).all(), Outcome()
    until = time.monotonic() + seconds
    number = -1
    while time.monotonic() < until and (most is None or outcome.cases.total() < most):
        number += 1
        name = list(kinds)[number % len(kinds)]
        chance = random.Random(f"{seed}-{number}")  # noqa: S311 - damage, not secrets
        case, share = kinds[name]
        if chance.randrange(100) >= share:
            continue
        outcome.cases[name] += 1
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case(chance)
        except LstmcastError:
            outcome.ends["refused"] += 1
        except KeyboardInterrupt:
            break
        except BaseException:  # noqa: BLE001 - whatever it is, it is counted and shown
            outcome.ends["traceback"] += 1
            told = traceback.format_exc(limit=-4)
            outcome.tracebacks.append(f"case {number} of seed {seed} ({name})\n{told}")
        else:
            outcome.ends["read"] += 1
        outcome.seconds[name] += time.process_time() - began
    return outcome


def main() -> None:
    """Fuzz, print what came of it, and exit with 1 if there was a traceback."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    root = Path(tempfile.mkdtemp(prefix="lstmcast-fuzz-"))
    try:
        outcome = fuzz(arguments.seconds, arguments.seed, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for told in outcome.tracebacks[:20]:
        print(told)
    for name, count in outcome.cases.items():
        print(f"{count:8,}  {name}, {1000 * outcome.seconds[name] / count:.0f} ms each")
    print(f"{outcome.cases.total():8,}  cases, seed {arguments.seed}")
    print(f"{outcome.ends['read']:8,}  read")
    print(f"{outcome.ends['refused']:8,}  refused in a line")
    print(f"{outcome.ends['traceback']:8,}  tracebacks")
    sys.exit(bool(outcome.tracebacks))


if __name__ == "__main__":
    main()

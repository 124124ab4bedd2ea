"""A whole file in the place of another of its kind is refused, told, or made anew.

Each is a file as the program writes it, of another run, walk, fold, member, symbol or request, so
that its seal fits. Nothing is trained.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from support.experiments import small
from support.histories import simulated
from support.runs import forecasts, write_run

from lstmcast.baselines import FitCache
from lstmcast.cli.result_files import result_path
from lstmcast.errors import RunError, UsageError
from lstmcast.evaluation.backtest import Backtest, Fold, SavedWalk, Settings, count_trials
from lstmcast.evaluation.backtest.fold_files import FORECASTER, dump_fold, owner_of
from lstmcast.evaluation.backtest.fold_training import rows_of_fold
from lstmcast.evaluation.backtest.walk import FoldFiles
from lstmcast.evaluation.report import MODEL
from lstmcast.forecasting import result_cache
from lstmcast.forecasting.trust_checks import trust_on_test_days
from lstmcast.left_overs import kept_folder
from lstmcast.prices.calendar_cache import Years, kept
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run, interrupted_training, training_identity
from lstmcast.run.inventory import inventory
from lstmcast.seals import hash_of, sealed_values
from lstmcast.tensors import dump_tensors
from lstmcast.training import Keeper, resolve_experiment
from lstmcast.training.progress import Kept
from lstmcast.training.saved import METADATA

HISTORIES = (simulated(rows=620), simulated(2, 620, symbol="BBB"))
SCORES = {
    "horizons": [1],
    "rows": {"AAA": {"count": 119, "first": "2002-12-04", "last": "2003-05-19"}},
    "forecasters": {
        MODEL: {"pooled": {"1": {"crps": 0.9876, "log_score": 1.75, "coverage_80": 0.78}}}
    },
    "verdict": {
        "best_baseline": None,
        "distribution_gain": None,
        "distribution_p": None,
        "summary": "In short: its ranges hold.",
        "too_good": ["it is"],
    },
}
SPLIT = {
    "split": {"train_end": "2001-06-01", "validation_end": "2002-06-03", "test_end": "2003-05-19"}
}
TABLE = forecasts(HISTORIES, first=450)


class Walk(Backtest):
    """A walk whose folds are made up."""

    def do(self, fold: Fold, *_: object) -> FoldFiles:
        owner = owner_of(self.identity, fold)
        table = rows_of_fold(TABLE, fold).assign(**{FORECASTER: MODEL})
        return FoldFiles(
            dump_fold(table, [], owner),
            dump_tensors({"w": torch.zeros(1)}, METADATA, {}, owner),
        )


@dataclass(frozen=True)
class Place:
    """Two runs and two walks, all of them whole and scored."""

    root: Path
    runs: tuple[Path, Path]
    walks: tuple[Walk, Walk]

    @classmethod
    def make(cls, root: Path) -> "Place":
        runs = tuple(
            write_run(root, name, HISTORIES[: k + 1], table, members=k + 1, changed=SPLIT)
            for k, (name, table) in enumerate(
                (("this", TABLE[TABLE["symbol"] == "AAA"]), ("that", TABLE))
            )
        )
        experiment = resolve_experiment(small("data.symbols=[AAA, BBB]"), HISTORIES)
        first = pd.Timestamp(HISTORIES[0].bars.index[500])
        walks = tuple(
            Walk(
                experiment,
                HISTORIES,
                Settings(3, "expanding", first, embargo, (), warm_start=True),
                root,
            )
            for embargo in (0, 1)
        )
        for walk in walks:
            list(walk.run())
            count_trials(walk)
        for path in (*runs, *(walk.folder for walk in walks)):
            owner = Run.open(path, root).owner if path in runs else None
            owner = owner or SavedWalk.open(path).owner
            (path / "metrics.json").write_text(json.dumps(sealed_values(SCORES, owner)))
        return cls(root, runs, walks)  # type: ignore[arg-type]  # two of each

    def copy(self, root: Path) -> "Place":
        """The same in another folder."""
        shutil.copytree(self.root, root)
        this, that = self.runs
        walks = tuple(replace(walk, root=root) for walk in self.walks)
        return Place(root, (root / this.name, root / that.name), walks)  # type: ignore[arg-type]  # two

    def run(self) -> Run:
        return Run.open(self.runs[0], self.root)

    def walk(self) -> SavedWalk:
        return SavedWalk.open(self.walks[0].folder)

    def problems(self) -> str:
        """What is wrong with which folder, and that the others are listed with their scores."""
        entries = inventory(self.root)
        assert len(entries) == 4
        assert sum(entry.scored is not None for entry in entries) >= 3
        return "\n".join(entry.problem for entry in entries if entry.problem)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.make(tmp_path_factory.mktemp("owners"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    return made.copy(tmp_path / "place")


def weights(place: Place) -> object:
    """Begin the third fold with those of the second."""
    return place.walks[0]._start(place.walks[0].folds[2])


def suspicions(place: Place) -> str:
    """What a forecast says of the scores of its run."""
    return "\n".join(w.message for w in trust_on_test_days(place.run(), HISTORIES, 1)[1])


Ask = Callable[[Place], object]
SWAPS: dict[str, tuple[str, str, Ask, str]] = {
    "a fold": ("walk 0/fold-01.parquet", "fold-02.parquet", lambda p: p.walk().tables(),
        r"`fold-02.parquet` of the walk .*: it belongs to fold 1, not to fold 2"),
    "a fold of another walk": ("walk 1/fold-01.parquet", "fold-01.parquet",
        lambda p: p.walk().tables(), r"`fold-01.parquet` of .*: it belongs to another walk"),
    "a fold that is gone on with": ("walk 1/fold-03.parquet", "fold-03.parquet",
        lambda p: p.walks[0].tables(), r"`fold-03.parquet` of .*: it belongs to another walk"),
    "weights of a fold": ("walk 0/fold-01.safetensors", "fold-02.safetensors", weights,
        r"the weights of fold 2 of .* cannot be used: it belongs to fold 1, not to fold 2"),
    "weights of a fold of another walk": ("walk 1/fold-02.safetensors", "fold-02.safetensors",
        weights, r"the weights of fold 2 of .* cannot be used: it belongs to another walk"),
    "trials": ("walk 1/trials.json", "trials.json", lambda p: p.walk().trials,
        r"`trials.json` of the walk .* cannot be read: it belongs to another walk"),
    "a plan": ("walk 1/plan.json", "plan.json", lambda p: p.walk().tables(),
        r"`fold-01.parquet` of the walk .*: it belongs to another walk"),
    "scores of a walk": ("walk 1/metrics.json", "metrics.json", Place.problems,
        r"`metrics.json` of the walk .*: it belongs to another walk; `lstmcast evaluate .*` rewr"),
    "scores of a run over a walk's": ("run 0/metrics.json", "metrics.json", Place.problems,
        r"`metrics.json` of the walk .* cannot be read: it belongs to something else"),
    "scores of a run": ("run 1/metrics.json", "this/metrics.json", Place.problems,
        r"`metrics.json` of the run .*: it belongs to another run; `lstmcast evaluate .*` rewr"),
    "scores that a forecast reads": ("run 1/metrics.json", "this/metrics.json", suspicions,
        r"`metrics.json` of the run .* cannot be read: it belongs to another run"),
    "a record": ("run 1/run.json", "this/run.json", Place.problems,
        r"`config.yaml` of the run .* is not what training wrote"),
    "forecasts": ("run 1/predictions.parquet", "this/predictions.parquet",
        lambda p: p.run().predictions(), r"`predictions.parquet` of .* is not what training wrote"),
    "networks": ("run 1/model.safetensors", "this/model.safetensors",
        lambda p: p.run().networks(), r"`model.safetensors` of .* is not what training wrote"),
}  # fmt: skip
"""What is copied, over what, what is asked, and what is said. Targets are of the first walk."""


@pytest.mark.parametrize("case", SWAPS)
def test_a_file_of_another_owner_is_refused(place: Place, case: str) -> None:
    source, target, ask, says = SWAPS[case]
    (kind, number), name = source.split("/")[0].split(), source.split("/")[1]
    folder = place.walks[int(number)].folder if kind == "walk" else place.runs[int(number)]
    into = place.root if target.startswith("this/") else place.walks[0].folder

    def said() -> str:
        try:
            return str(ask(place))
        except RunError as error:
            return error.message

    assert not re.search(says, said())
    shutil.copyfile(folder / name, into / target)
    assert re.search(says, said()), said()


def test_scores_of_another_run_do_not_keep_a_part_from_its_place(place: Place) -> None:
    this, that = (path / "metrics.json" for path in place.runs)
    part = sealed_values({"part": True}, place.run().owner)
    assert (
        result_path(this, part, lambda values: values.keys() >= SCORES.keys()).name
        == "metrics-partial.json"
    )
    shutil.copyfile(that, this)
    assert result_path(this, part, lambda values: values.keys() >= SCORES.keys()) == this


def test_a_run_or_walk_that_is_another_s_by_its_record_is_no_further_trial(place: Place) -> None:
    (place.walks[0].folder / "trials.json").unlink()
    assert count_trials(place.walks[0]) == 3  # a run and two walks
    (place.walks[0].folder / "trials.json").unlink()
    shutil.copytree(place.runs[0], place.root / "again")
    shutil.copyfile(place.runs[1] / "run.json", place.root / "again" / "run.json")
    shutil.copytree(place.walks[1].folder, place.root / "backtest-again")
    with (place.root / "backtest-again" / "config.yaml").open("a") as file:
        file.write("# of another\n")
    assert count_trials(place.walks[0]) == 3


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("here/member-1.fit", "it belongs to member 1, not to member 0"),
        ("here/member-0.again", "it belongs to stage again, not to stage fit"),
        ("there/member-0.fit", "it belongs to another training"),
        (None, "it does not say what it belongs to"),
    ],
)
def test_what_is_kept_of_another_training_or_member_is_not_gone_on_with(
    tmp_path: Path, source: str | None, says: str
) -> None:
    here, there = (Keeper(tmp_path / name, {"name": name}, 0) for name in ("here", "there"))
    for keeper in (here, there):
        for member, stage in ((0, "fit"), (1, "fit"), (0, "again")):
            keeper.write(member, stage, Kept({"w": torch.zeros(2)}, {"epochs": 3}))
    assert here.load(0, "fit") is not None
    path = tmp_path / "here" / "member-0.fit.safetensors"
    if source is None:
        path.write_bytes(dump_tensors({"w": torch.zeros(2)}, "lstmcast.kept", {"epochs": 3}))
    else:
        shutil.copyfile(tmp_path / f"{source}.safetensors", path)
    with pytest.raises(RunError, match=rf"member-0.fit.safetensors` cannot be resumed: {says}"):
        here.load(0, "fit")
    assert here.load(1, "fit") is not None


def test_the_identity_of_another_training_says_nothing_of_this_one(tmp_path: Path) -> None:
    experiment, other = small(), small("training.seed=9")
    identity = training_identity(other, HISTORIES[:1])
    own = kept_folder(tmp_path, "small", hash_of(identity)[:12])
    for name, text in ((own, identity), (kept_folder(tmp_path, "small", 12 * "f"), {"torch": ""})):
        name.mkdir()
        (name / "identity.json").write_text(json.dumps(text))

    def begin(said: list[str]) -> None:
        asked = interrupted_training(
            tmp_path, experiment, HISTORIES[:1], resume=True, every=1, tell=said.append
        )
        with asked:
            pass

    os.utime(own / "identity.json", (1, 1))
    said: list[str] = []
    begin(said)
    assert said == ["no checkpoint of this training was found: it starts from the beginning"]
    os.utime(own / "identity.json")
    with pytest.raises(UsageError, match=r"has another configuration: .*seed"):
        begin([])


def test_what_is_kept_under_the_name_of_another_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fits of baselines, calendars and forecasts: each was shown in the place of the other."""
    monkeypatch.setenv("LSTMCAST_CACHE_DIR", str(tmp_path))
    fits, values = FitCache(tmp_path / "fits"), {0.0: {"a": 0.5}, 1.0: {"a": 1.5}}

    def fitted(at: float) -> object:
        return fits.recall("x", np.array([at]), lambda: values[at])

    def sessions(year: int) -> int:
        days = pd.DatetimeIndex([f"{year}-01-02"], name="date")
        made = kept("XNYS", year, year, lambda: Years(days, days[0], days[0]))
        return int(made.days[0].year)

    def forecast(key: str) -> object:
        if (found := result_cache.recall(key)) is None:
            result_cache.keep(key, found := {"of": key})
        return found["of"]

    asked: tuple[tuple[str, Callable[[], list[object]]], ...] = (
        ("fits", lambda: [fitted(0.0), fitted(1.0)]),
        ("calendars", lambda: [sessions(2001), sessions(2002)]),
        ("forecasts", lambda: [forecast("a" * 64), forecast("b" * 64)]),
    )
    for folder, ask in asked:
        answers = ask()
        assert answers[0] != answers[1]
        one, other = (tmp_path / folder).iterdir()
        before = one.read_bytes(), other.read_bytes()
        one.write_bytes(before[1])
        other.write_bytes(before[0])
        assert ask() == answers
        assert (one.read_bytes(), other.read_bytes()) == before


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("csv/BBB.parquet", "holds AAA from csv, not BBB from csv"),
        ("sample/AAA.parquet", "holds AAA from csv, not AAA from sample"),
        ("csv/aaa.parquet", "holds AAA from csv, not aaa from csv"),
        ("csv/%41AA.parquet", "holds AAA, whose file is AAA.parquet"),
    ],
)
def test_a_stored_file_under_another_name_is_damage(tmp_path: Path, file: str, says: str) -> None:
    store = PriceStore(tmp_path)
    path = store.save(HISTORIES[0])
    target = path.parents[1] / file
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, target)
    good, bad = sorted(store.entries(), key=lambda entry: entry.path != path)
    assert good.problem is None
    assert bad.problem == f"`{target}` {says}"

"""`train --resume`: what is gone on with, what is refused, and what is left behind."""

import re
import shutil
from pathlib import Path

import pytest
from support.experiments import same_weights
from support.histories import simulated
from support.program import Workplace

from lstmcast.cli.train_progress import Finished
from lstmcast.left_overs import holding, sweep
from lstmcast.run import Run
from lstmcast.training import EpochRecord

EVERY = ("--checkpoint-every", "0", "--set", "training.threads=1")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A training whose process ended in its third epoch."""
    place = Workplace.make(tmp_path_factory.mktemp("begun"))
    real, seen = Finished.on_epoch_end, []

    def end(self: Finished, record: EpochRecord, *, best: bool) -> None:
        seen.append(record)
        if len(seen) > 2:
            raise SystemError
        real(self, record, best=best)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Finished, "on_epoch_end", end)
        result = place.invoke("train", "-c", place.config, *EVERY)
    assert isinstance(result.exception, SystemError)
    return place


@pytest.fixture
def place(begun: Workplace, tmp_path: Path) -> Workplace:
    return Workplace(Path(shutil.copytree(begun.root, tmp_path / "copy")))


@pytest.fixture
def cut(place: Workplace) -> Path:
    """The folder of the training that was begun."""
    (folder,) = place.runs.glob(".small.*.resume")
    return folder


def test_a_training_goes_on_with_resume_and_leaves_nothing(place: Workplace, cut: Path) -> None:
    result = place.invoke("train", "-c", place.config, *EVERY, "--resume")
    assert result.exit_code == 0, result.stderr
    assert f"continuing from the checkpoint in {cut}" in result.stderr
    assert [path.name for path in place.runs.iterdir() if path.name.startswith(".")] == []
    resumed = Run.open(None, place.runs)
    again = place.invoke("train", "-c", place.config, *EVERY, "--resume")
    assert again.exit_code == 0, again.stderr
    assert "no checkpoint of this training was found: it starts from the beginning" in again.stderr
    other = Run.open(None, place.runs)
    assert other.name != resumed.name
    for ours, theirs in zip(
        resumed.forecaster().networks, other.forecaster().networks, strict=True
    ):
        assert same_weights(ours, theirs)
    for name in ("model.safetensors", "predictions.parquet"):
        assert (resumed.path / name).read_bytes() == (other.path / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["training.epochs=3"], r"another configuration: `training\.epochs` was 2, now 3"),
        (["training.seed=8", "model.hidden_size=5"],
         r"another configuration: `model\.hidden_size` was 4, now 5, `training\.seed` was 7"),
        (["data.end=2002-07-01"], r"another configuration: `data\.end` was not there"),
    ],
)  # fmt: skip
def test_another_configuration_is_refused_and_nothing_is_lost(
    place: Workplace, cut: Path, options: list[str], fault: str
) -> None:
    before = {path: path.read_bytes() for path in cut.iterdir()}
    words = [word for option in options for word in ("--set", option)]
    result = place.invoke("train", "-c", place.config, *EVERY, *words, "--resume")
    assert result.exit_code == 2, result.stderr
    assert re.search(fault, result.stderr)
    assert {path: path.read_bytes() for path in cut.iterdir()} == before


def test_other_prices_are_refused(place: Workplace, cut: Path) -> None:
    place.store.save(simulated(rows=421))
    result = place.invoke("train", "-c", place.config, *EVERY, "--resume")
    assert result.exit_code == 2
    assert "the interrupted training of small is of other prices of AAA" in result.stderr
    assert any(cut.iterdir())


def test_another_process_that_trains_the_same_is_left_alone(place: Workplace, cut: Path) -> None:
    with holding(cut) as ours:
        assert ours
        result = place.invoke("train", "-c", place.config, *EVERY, "--resume")
    assert result.exit_code == 8
    assert "another process is training small at this moment" in result.stderr


def test_without_resume_it_begins_anew_and_says_what_that_gives_up(
    place: Workplace, cut: Path
) -> None:
    result = place.invoke("train", "-c", place.config, "--set", "training.threads=1")
    assert result.exit_code == 0, result.stderr
    assert "`--resume` would continue it" in result.stderr
    assert not cut.exists()


def test_what_nobody_goes_on_with_is_swept_after_two_weeks(
    place: Workplace, cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(place.runs)
    assert cut.exists()
    monkeypatch.setattr("lstmcast.left_overs.KEPT_FOR", 0.0)
    with holding(cut):
        sweep(place.runs)
    assert any(cut.iterdir())
    sweep(place.runs)
    assert not cut.exists()
    empty = place.runs / ".small.0123456789ab.resume"
    empty.mkdir()
    monkeypatch.undo()
    sweep(place.runs)
    assert not empty.exists()

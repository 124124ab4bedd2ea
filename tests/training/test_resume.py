"""A training that was cut off anywhere ends with the same weights, to the bit, when it goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from support.experiments import Recorder, same_weights, small, trained
from support.histories import simulated
from support.tensors import read_tensors, write_unsealed

from lstmcast.config import Experiment
from lstmcast.errors import DivergedError, RunError
from lstmcast.training import (
    EpochRecord,
    Keeper,
    Trained,
    member,
    resolve_experiment,
    train_experiment,
)
from lstmcast.training.kept import AGAIN, MemberKeeper
from lstmcast.training.loop import fit_member

# Everything that a loop remembers: two members, one after the other, a start that may be the best,
# weights that are averaged and masks that are drawn, and a refit.
WHOLE = ("model.start=pretrained", "training.epochs=3", "training.threads=1", "training.seed=3")
RANDOM = ("training.epochs=3", "training.threads=1")


class CutError(Exception):
    """The process ends here."""


class Cutter(Recorder):
    """Ends a training after so many epochs."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
        super().on_epoch_end(record, best=best)
        self.left -= 1
        if self.left < 0:
            raise CutError


def train(
    experiment: Experiment, folder: Path | None, observer: Any = None, every: float = 0.0
) -> Trained:
    keeper = None if folder is None else Keeper(folder, {}, every)
    resolved = resolve_experiment(experiment, [simulated()])
    return train_experiment(resolved, [simulated()], observer or Recorder(), keeper=keeper)


def assert_same(one: Trained, other: Trained) -> None:
    for ours, theirs in zip(one.ensemble.members, other.ensemble.members, strict=True):
        assert same_weights(ours.network, theirs.network)
        assert (ours.refitted is None) == (theirs.refitted is None)
        if ours.refitted is not None and theirs.refitted is not None:
            assert same_weights(ours.refitted, theirs.refitted)
        for mine, its in zip(ours.records, theirs.records, strict=True):
            assert {**vars(mine), "seconds": 0} == {**vars(its), "seconds": 0}
    pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)


@pytest.mark.parametrize(
    ("overrides", "after"), [(WHOLE, -1), (RANDOM, 1)], ids=["pretrained", "random"]
)
def test_a_training_that_was_cut_off_ends_as_one_that_was_not(
    tmp_path: Path, overrides: tuple[str, ...], after: int
) -> None:
    """In the last epoch of the second member, or in the first."""
    experiment = small(*overrides)
    whole = trained(*overrides)
    epochs = sum(len(member.records) for member in whole.ensemble.members)
    assert epochs == (8 if overrides is WHOLE else 6)
    with pytest.raises(CutError):
        train(experiment, tmp_path, Cutter(after % epochs))
    heard = Recorder()
    assert_same(train(experiment, tmp_path, heard), whole)
    # What was done before is told again, and not done again.
    assert len(heard.records) == epochs
    assert heard.finished == {0: True, 1: True}


def test_a_refit_goes_on_and_what_is_done_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = small(*RANDOM)
    whole = trained(*RANDOM)
    offer, left = MemberKeeper.offer, [1]

    def cut_off(self: MemberKeeper, stage: str, *about: Any, **options: Any) -> None:
        offer(self, stage, *about, **options)
        left[0] -= stage == AGAIN
        if not left[0]:
            raise CutError

    monkeypatch.setattr(MemberKeeper, "offer", cut_off)
    with pytest.raises(CutError):
        train(experiment, tmp_path)
    monkeypatch.setattr(MemberKeeper, "offer", offer)
    kept = {path.name for path in tmp_path.glob("member-0.*")}
    assert kept == {f"member-0.{stage}.safetensors" for stage in ("fit", "stopped", "again")}
    taken: list[int] = []

    def fitted(*arguments: Any, member: int, **named: Any) -> Any:
        taken.append(member)
        return fit_member(*arguments, member=member, **named)

    monkeypatch.setattr(member, "fit_member", fitted)
    assert_same(train(experiment, tmp_path), whole)
    assert taken == [1]
    taken.clear()
    assert_same(train(experiment, tmp_path), whole)
    assert taken == []


def test_a_member_that_diverged_goes_on_at_its_lower_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = small(*RANDOM, "model.members=1", "training.refit=none")

    def diverges_first(*arguments: Any, learning_rate: float, **named: Any) -> Any:
        if learning_rate == experiment.training.learning_rate:
            raise DivergedError("the loss is no longer finite")
        return fit_member(*arguments, learning_rate=learning_rate, **named)

    monkeypatch.setattr(member, "fit_member", diverges_first)
    whole = train(experiment, None)
    with pytest.raises(CutError):
        train(experiment, tmp_path, Cutter(2))
    monkeypatch.setattr(member, "fit_member", fit_member)  # the first rate is not tried again
    assert_same(train(experiment, tmp_path), whole)


def test_a_short_training_writes_nothing_and_a_long_one_all_that_is_done(tmp_path: Path) -> None:
    experiment = small(*RANDOM)
    train(small(*RANDOM, "training.refit=none"), tmp_path / "kept", every=3600.0)
    assert not (tmp_path / "kept").exists()
    with pytest.raises(CutError):
        train(experiment, tmp_path / "kept", Cutter(5))
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"identity.json", "member-0.refitted.safetensors", "member-1.fit.safetensors"} <= names


def damage_metadata(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def lose_a_best_weight(path: Path) -> None:
    """Write it as it was, but for one of the weights that early stopping remembers."""
    tensors, values = read_tensors(path)
    del tensors[max(name for name in tensors if "best." in name)]
    write_unsealed(path, tensors, values, "lstmcast.kept")


def test_a_damaged_file_is_named_and_can_be_removed(tmp_path: Path) -> None:
    experiment = small(*RANDOM)
    with pytest.raises(CutError):
        train(experiment, tmp_path, Cutter(4))
    path = tmp_path / "member-1.fit.safetensors"
    whole = path.read_bytes()
    # Of another rate: nothing that this loop could go on from.
    values = {"full_rate": experiment.training.learning_rate}
    others: list[Callable[[Path], object]] = [
        lambda path: path.write_bytes(b""),
        lambda path: write_unsealed(path, {"order": torch.zeros(1)}, values, "lstmcast.kept"),
    ]
    for damage in (damage_metadata, lose_a_best_weight, *others):
        path.write_bytes(whole)
        damage(path)
        with pytest.raises(
            RunError, match=r"member-1\.fit\.safetensors` cannot be resumed"
        ) as caught:
            train(experiment, tmp_path)
        assert "remove it" in str(caught.value.hint)
    path.unlink()
    assert_same(train(experiment, tmp_path), trained(*RANDOM))

"""Members that workers train end as those that are trained here, to the bit."""

from pathlib import Path
from typing import Any

import pytest
from support.elsewhere import Elsewhere
from support.experiments import Recorder, small, trained
from support.histories import simulated

from lstmcast.config import Experiment
from lstmcast.errors import DivergedError
from lstmcast.parallel import using
from lstmcast.training import (
    EpochRecord,
    Keeper,
    SilentObserver,
    Trained,
    member,
    resolve_experiment,
    train_experiment,
)
from lstmcast.training.loop import fit_member

WHOLE = ("training.epochs=3", "training.threads=1")
VARIANTS = ("model.variants=[{network: lstm_cnn}]", "training.epochs=1")


def assert_same(one: Trained, other: Trained) -> None:
    for ours, theirs in zip(one.ensemble.members, other.ensemble.members, strict=True):
        for mine, its in ((ours.network, theirs.network), (ours.refitted, theirs.refitted)):
            assert (mine is None) == (its is None)
            if mine is not None and its is not None:
                states = mine.state_dict(), its.state_dict()
                assert all(states[0][name].equal(states[1][name]) for name in states[0])
        for record, told in zip(ours.records, theirs.records, strict=True):
            assert {**vars(record), "seconds": 0} == {**vars(told), "seconds": 0}
    assert one.predictions.equals(other.predictions)


def train(
    experiment: Experiment, folder: Path | None = None, observer: Any = None, every: float = 0.0
) -> Trained:
    keeper = None if folder is None else Keeper(folder, {}, every)
    resolved = resolve_experiment(experiment, [simulated()])
    heard = observer or SilentObserver()
    return train_experiment(resolved, [simulated()], heard, keeper=keeper, jobs=0)


def test_workers_train_the_same_members_in_any_order_and_all_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, heard = Elsewhere(monkeypatch), Recorder()
    with using(backend):
        found = train(small(*VARIANTS), observer=heard)
    assert_same(found, trained(*VARIANTS))
    assert [item.number for item in backend.items] == [1, 0, 2]
    assert backend.threads == {1, 2}  # two networks share two threads, the variant has both
    assert len(heard.records) == sum(len(member.records) for member in found.ensemble.members)
    assert heard.finished == dict.fromkeys(range(3), True)


def test_ctrl_c_keeps_the_members_that_are_done_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with using(Elsewhere(monkeypatch, results=0)), pytest.raises(KeyboardInterrupt):
        train(small(*WHOLE), tmp_path)
    with using(Elsewhere(monkeypatch, results=1)):
        found = train(small(*WHOLE), tmp_path, every=3600.0)
    assert found.ensemble.interrupted
    assert [member.records[0].member for member in found.ensemble.members] == [1]
    backend = Elsewhere(monkeypatch)
    with using(backend):
        whole = train(small(*WHOLE), tmp_path)
    assert_same(whole, trained(*WHOLE))
    assert [item.number for item in backend.items] == [0]


def test_a_worker_goes_on_from_the_checkpoint_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CutError(Exception):
        """The process ends here."""

    class Cutter(SilentObserver):
        def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:  # noqa: ARG002
            if record.member == 0 and record.epoch == 2:
                raise CutError

    keeper = Keeper(tmp_path, {}, 0)
    resolved = resolve_experiment(small(*WHOLE), [simulated()])
    with pytest.raises(CutError):
        train_experiment(resolved, [simulated()], Cutter(), keeper=keeper)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        found = train(small(*WHOLE), tmp_path)
    assert_same(found, trained(*WHOLE))
    (kept,) = [item.kept for item in backend.items if item.number == 0]
    assert kept["fit"].values["records"][-1]["epoch"] == 1


def test_members_that_diverge_are_told_by_those_who_train_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def diverges(*arguments: Any, member: int, learning_rate: float, **named: Any) -> Any:
        if member == 1 or learning_rate == small().training.learning_rate:
            raise DivergedError("the loss is no longer finite")
        return fit_member(*arguments, member=member, learning_rate=learning_rate, **named)

    monkeypatch.setattr(member, "fit_member", diverges)
    heard = Recorder()
    with using(Elsewhere(monkeypatch)):
        found = train(small("training.refit=none"), observer=heard)
    assert found.ensemble.diverged == [1]
    assert sorted(number for number, _ in heard.restarts) == [0, 1]
    assert heard.finished == {0: True, 1: False}

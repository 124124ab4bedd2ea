"""Members: independent, reproducible, and not all lost when one is."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pandas as pd
import pytest
import torch
from support.experiments import LAST, LINEAR, Recorder, same_weights, small, train, trained
from support.histories import simulated

from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training import ensemble, member
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.ensemble import FittedEnsemble, fit_ensemble
from lstmcast.training.loop import refit_member
from lstmcast.training.member import RESTART_FACTOR
from lstmcast.training.observers import EpochRecord
from lstmcast.training.prepare import prepare
from lstmcast.training.turns import Turns

RATE = 0.01


def fit(
    spoil: Callable[[int, int], bool],
    observer: Recorder | None = None,
    members: int = 3,
    *,
    again: bool = False,
) -> FittedEnsemble:
    """Fit; `spoil(member, attempt)` says which networks begin with a weight that is no number."""
    experiment = small(
        f"model.members={members}", f"training.learning_rate={RATE}", "training.epochs=1"
    )
    prepared = prepare(experiment, [simulated()])
    panel = DevicePanel(prepared)
    attempts: Counter[int] = Counter()

    class Spoilt(MemberBuilder):
        def build(self, member: int, seed: int) -> Network:
            network = super().build(member, seed)
            attempts[member] += 1
            if spoil(member, attempts[member]):
                with torch.no_grad():
                    next(network.parameters()).fill_(math.nan)
            return network

    builder = Spoilt(prepared.experiment, panel)
    last = builder if again else None
    return fit_ensemble(builder, prepared.experiment, observer or Recorder(), refit=last)


@pytest.mark.parametrize("overrides", [(), LINEAR, LAST], ids=["every", "linear", "last"])
def test_the_same_seed_gives_the_same_run_to_the_bit(overrides: tuple[str, ...]) -> None:
    first = trained(*overrides)
    again = train(small(*overrides, "training.threads=1"))
    assert first.prepared.experiment.training.threads == 2
    pd.testing.assert_frame_equal(first.predictions, again.predictions, check_exact=True)
    for one, other in zip(first.forecaster.networks, again.forecaster.networks, strict=True):
        assert same_weights(one, other)


def test_members_differ_by_their_seeds_and_do_not_depend_on_how_many_there_are() -> None:
    two = trained().forecaster.networks
    assert not same_weights(two[0], two[1])
    (alone,) = train(small("model.members=1")).forecaster.networks
    assert same_weights(alone, two[0])
    (other,) = train(small("model.members=1", "training.seed=8")).forecaster.networks
    assert not same_weights(other, alone)


def test_training_leaves_torch_s_own_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train(small("model.members=1", "training.epochs=1"))
    assert torch.equal(torch.rand(4), expected)


def test_a_member_that_diverges_begins_again_once_with_a_lower_rate() -> None:
    recorder = Recorder()
    fitted = fit(lambda member, attempt: member == 1 and attempt == 1, recorder)
    assert recorder.restarts == [(1, RATE * RESTART_FACTOR)]
    assert recorder.finished == {0: True, 1: True, 2: True}
    assert fitted.diverged == []
    rates = [member.records[-1].learning_rate for member in fitted.members]
    assert rates == [RATE, RATE * RESTART_FACTOR, RATE]


def test_a_member_that_diverges_twice_is_left_out_and_named() -> None:
    recorder = Recorder()
    fitted = fit(lambda member, _: member == 1, recorder)
    assert [member.records[0].member for member in fitted.members] == [0, 2]
    assert fitted.diverged == [1]
    assert recorder.finished == {0: True, 1: False, 2: True}
    clean = fit(lambda *_: False)
    assert same_weights(fitted.members[1].network, clean.members[2].network)


def test_nothing_is_left_when_every_member_diverges() -> None:
    with pytest.raises(DivergedError, match=r"every member .* `training.learning_rate` 0.003") as e:
        fit(lambda *_: True)
    assert "lower `training.learning_rate`" in str(e.value.hint)


def test_a_fault_in_one_member_ends_all_and_is_told() -> None:
    class Broken(Recorder):
        def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
            super().on_epoch_end(record, best=best)
            if record.member == 1:
                raise RuntimeError("the observer fell over")

    with pytest.raises(RuntimeError, match="the observer fell over"):
        fit(lambda *_: False, Broken())


def interrupt_when(ready: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wait for the members end in a Ctrl-C as soon as `ready` is set."""

    def wait(futures: Sequence[Future[object]]) -> None:
        assert ready.wait(timeout=60)
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble, "_wait", wait)


def test_ctrl_c_keeps_the_best_of_the_members_that_have_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = threading.Event()

    class Watching(Recorder):
        def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
            super().on_epoch_end(record, best=best)
            seen.set()

    interrupt_when(seen, monkeypatch)
    recorder = Watching()
    fitted = fit(lambda *_: False, recorder, members=6)
    assert fitted.interrupted
    assert 1 <= len(fitted.members) < 6
    assert fitted.diverged == []  # they did not begin, which is something else
    assert {m.records[0].member for m in fitted.members} == {
        record.member for record, _ in recorder.records
    }


def test_ctrl_c_in_the_last_training_leaves_nothing_half_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = threading.Event()

    def late(*args: Any, stop: threading.Event, **options: Any) -> Turns[bool]:
        began.set()
        assert stop.wait(timeout=60)
        return refit_member(*args, stop=stop, **options)

    monkeypatch.setattr(member, "refit_member", late)
    interrupt_when(began, monkeypatch)
    fitted = fit(lambda *_: False, again=True)
    assert fitted.interrupted
    assert fitted.members
    assert all(member.refitted is None for member in fitted.members)


def test_ctrl_c_before_there_is_anything_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()
    ready.set()
    interrupt_when(ready, monkeypatch)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        fit(lambda *_: True)

"""Studies: the same for the same seed, shared by processes, and going on after they are killed."""

import math
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.elsewhere import Elsewhere
from support.experiments import small
from support.histories import altered_after, simulated

from lstmcast.config import Experiment, load_experiment
from lstmcast.errors import ConfigError, DivergedError, RunError, TrainingError, UsageError
from lstmcast.parallel import using
from lstmcast.prices.history import PriceHistory
from lstmcast.training import EpochRecord, SilentObserver, resolve_experiment, validation_loss
from lstmcast.tuning import KeptStudy, Plan, Summary, Tried, summarise, tune
from lstmcast.tuning.pruning import limits

SPACE = "{training.learning_rate: {low: 1e-3, high: 1e-1, log: true}, model.hidden_size: [2, 4, 8]}"
HISTORY = simulated()


def plan(space: str = SPACE, *overrides: str, history: PriceHistory = HISTORY) -> Plan:
    experiment = small(f"tuning.space={space}", *overrides)
    return Plan(experiment, (history,), experiment.tuning.space)


class Heard:
    def __init__(self, after: Callable[[Tried], object] = lambda _: None) -> None:
        self.start: float | None = None
        self.trials: list[Tried] = []
        self.after = after

    def on_start(self, loss: float) -> None:
        self.start = loss

    def on_trial(self, trial: Tried) -> None:
        self.trials.append(trial)
        self.after(trial)


def bowl(experiment: Experiment, *_: Any) -> float:
    """A made-up loss that is best at a rate of 0.02 and four units."""
    rate = experiment.training.learning_rate or 1.0
    return (math.log(rate) - math.log(0.02)) ** 2 + abs(experiment.model.hidden_size - 4) / 10


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Trials that cost nothing, and no wait for the disk, so that searches can be long."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr("lstmcast.training.validation_loss", bowl)
    return monkeypatch


def search(
    root: Path,
    trials: int,
    *,
    what: Plan | None = None,
    observer: Heard | None = None,
    weigh: bool = False,
    batch: int = 1,
    jobs: int = 1,
    **options: Any,
) -> Summary:
    with KeptStudy.opened(what or plan(), root, "x", **options) as kept:
        tune(kept, observer or Heard(), trials=trials, batch=batch, jobs=jobs)
        return summarise(kept, weigh=weigh)


def tried(summary: Summary) -> pd.DataFrame:
    """What was tried and what came of it, without the trials that were cut off."""
    columns = ["state", "loss", "training.learning_rate", "model.hidden_size"]
    done = summary.trials[summary.trials["state"] != "interrupted"]
    return done[columns].reset_index(drop=True)


def test_a_search_finds_better_values_and_the_same_seed_finds_the_same(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    first = search(tmp_path / "a", 20, weigh=True)
    second = search(tmp_path / "b", 20)
    assert first.start == pytest.approx(bowl(small()))
    assert first.loss < 0.1
    assert first.start is not None
    assert first.start > 0.4
    pd.testing.assert_frame_equal(tried(first), tried(second), check_exact=True)
    other = search(tmp_path / "c", 5, what=plan(SPACE, "training.seed=8"))
    assert not tried(other).equals(tried(first)[:5])
    assert set(first.importances) == {"training.learning_rate", "model.hidden_size"}
    assert sum(first.importances.values()) == pytest.approx(1)
    assert first.importances["training.learning_rate"] > 0.6


def test_the_best_configuration_is_one_that_trains_and_knows_what_it_was_chosen_from(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    summary = search(tmp_path, 12)
    summary.write()
    best = load_experiment(summary.folder / "best.yaml")
    assert bowl(best) == pytest.approx(summary.loss, rel=1e-12)
    different = len(summary.trials[list(plan().space)].drop_duplicates())
    assert (best.tuning.trials, best.tuning.study) == (different + 1, "tune-x")
    again = search(tmp_path / "again", 3, what=plan(SPACE, f"tuning.trials={different + 1}"))
    assert again.chosen_from == different + 1 + 3
    table = pd.read_csv(summary.folder / "trials.csv")
    assert list(table["number"]) == list(range(12))
    assert table["loss"].min() == pytest.approx(summary.loss)


def test_where_no_trial_is_better_the_configuration_as_it_stands_is_the_best(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    summary = search(
        tmp_path, 4, what=plan("{model.hidden_size: [2, 8]}", "training.learning_rate=0.02")
    )
    assert (summary.number, summary.values, summary.gain) == (None, {}, 0.0)
    assert summary.best.model.hidden_size == 4


def test_the_same_values_are_trained_once(tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(experiment: Experiment, *_: Any) -> float:
        calls.append(experiment.model.hidden_size)
        return bowl(experiment)

    quick.setattr("lstmcast.training.validation_loss", counted)
    summary = search(tmp_path, 10, what=plan("{model.hidden_size: [2, 8]}"))
    assert sorted(calls) == [2, 4, 8]
    assert (summary.counts["complete"], summary.chosen_from) == (10, 3)


def test_an_interrupted_study_goes_on_to_what_it_would_have_come_to(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    whole = search(tmp_path / "whole", 12)

    def cut(experiment: Experiment, *_: Any) -> float:
        left.pop()
        if not left:
            raise KeyboardInterrupt
        return bowl(experiment)

    for turn in (6, 1, 5):
        left = [0] * turn
        quick.setattr("lstmcast.training.validation_loss", cut)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "cut", 12)
    quick.setattr("lstmcast.training.validation_loss", bowl)
    summary = search(tmp_path / "cut", 12, resume=True)
    assert summary.counts == {**whole.counts, "interrupted": 3}
    pd.testing.assert_frame_equal(tried(summary), tried(whole), check_exact=True)


def test_what_ends_its_process_again_and_again_fails_and_the_others_go_on(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    quick.setattr("lstmcast.tuning.study.MOST_ATTEMPTS", 2)

    def bad(experiment: Experiment, *_: Any) -> float:
        if experiment.model.hidden_size == 2:
            raise MemoryError
        return bowl(experiment)

    quick.setattr("lstmcast.training.validation_loss", bad)
    what = plan("{model.hidden_size: [2, 8]}")
    for _ in range(2):
        with pytest.raises(MemoryError):
            search(tmp_path, 2, what=what)
    summary = search(tmp_path, 2, what=what)
    failed = summary.trials[summary.trials["state"] == "failed"]
    assert list(failed["fault"]) == ["the process ended in it 2 times"]
    assert summary.counts["complete"] == 1


def test_ctrl_c_is_no_fault_of_the_trial_that_it_comes_in(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any) -> float:
        raise KeyboardInterrupt

    search(tmp_path, 1)
    quick.setattr("lstmcast.training.validation_loss", cut)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path, 2)
    quick.setattr("lstmcast.training.validation_loss", bowl)
    counts = search(tmp_path, 2).counts
    assert (counts["complete"], counts["failed"], counts["interrupted"]) == (2, 0, 4)


def test_a_batch_is_the_same_wherever_it_is_measured_and_after_it_was_cut_off(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    whole = search(tmp_path / "whole", 18, batch=4)
    assert not tried(whole).equals(tried(search(tmp_path / "single", 18)))
    with using(Elsewhere(quick)):
        there = search(tmp_path / "there", 18, batch=4, jobs=2)
    pd.testing.assert_frame_equal(tried(there), tried(whole), check_exact=True)
    assert (there.start, there.loss, there.values) == (whole.start, whole.loss, whole.values)
    # The eleventh trial is the third of its batch; in the other order two are done before it.
    with using(Elsewhere(quick, results=1 + 8 + 2)), pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut", 18, batch=4, jobs=2)
    assert search(tmp_path / "cut", 10, batch=4).counts["complete"] == 10
    again = search(tmp_path / "cut", 18, batch=4, resume=True)
    assert again.counts == {**whole.counts, "interrupted": 2}
    first, second = (
        tried(summary).sort_values(["loss", "training.learning_rate"], ignore_index=True)
        for summary in (again, whole)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_the_same_values_in_a_batch_are_trained_once(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    backend = Elsewhere(quick)
    with using(backend):
        summary = search(tmp_path, 6, what=plan("{model.hidden_size: [2, 8]}"), batch=6)
    assert [item.values["model.hidden_size"] for item in backend.items[1:]] in ([2, 8], [8, 2])
    assert (summary.counts["complete"], summary.chosen_from) == (6, 3)


def test_trials_are_given_up_as_optuna_s_median_pruner_would() -> None:
    import optuna

    study = optuna.create_study(
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=5)
    )
    rng = np.random.default_rng(3)
    given_up = 0
    for _ in range(12):
        above = limits(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)))
        trial, low, theirs, ours = study.ask(), math.inf, False, False
        for epoch in range(int(rng.integers(6, 12))):
            low = min(low, float(rng.normal()) - epoch / 4)
            trial.report(low, epoch)
            theirs, ours = trial.should_prune(), low > above.get(epoch, math.inf)
            assert ours == theirs
            if theirs:
                break
        given_up += theirs
        state = optuna.trial.TrialState.PRUNED if theirs else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if theirs else low, state=state)
    assert 0 < given_up < 7


def killed_in_a_trial(root: Path, trials: int, name: str = "x") -> int:
    """Do some trials in another process, which is killed in the next one."""
    child = os.fork()
    if child:
        return child

    def stuck(experiment: Experiment, *_: Any) -> float:
        time.sleep(60)
        return bowl(experiment)

    try:
        with KeptStudy.opened(plan(), root, name) as kept, pytest.MonkeyPatch.context() as patch:
            tune(kept, Heard(), trials=trials)
            patch.setattr("lstmcast.training.validation_loss", stuck)
            (root / "ready").touch()
            tune(kept, Heard(), trials=trials + 1)
    finally:
        os._exit(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_study_goes_on_after_kill_9_and_lets_the_living_be(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    whole = search(tmp_path / "whole", 5)
    child = killed_in_a_trial(tmp_path, 5)
    try:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        # While it lives its trial is under way, and counts.
        alive = search(tmp_path, 7)
        assert alive.counts == {
            "complete": 6, "pruned": 0, "failed": 0, "interrupted": 0, "running": 1,
        }  # fmt: skip
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    journal = tmp_path / "tune-x" / "study.journal"
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_')  # as a process leaves it that is killed in a write
    summary = search(tmp_path, 8, resume=True)
    assert summary.counts["interrupted"] == 1
    assert summary.counts["complete"] == 8
    # The values that were cut off are tried again; those after them knew one trial less.
    numbers = tried(summary)
    assert numbers["training.learning_rate"].nunique() == 8
    pd.testing.assert_frame_equal(numbers[:5], tried(whole), check_exact=True)
    assert not list((tmp_path / "tune-x").glob(".worker-*"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_share_a_study(tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    def slow(experiment: Experiment, *_: Any) -> float:
        time.sleep(0.02)
        return bowl(experiment)

    quick.setattr("lstmcast.training.validation_loss", slow)
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            code = 1
            try:
                heard = Heard()
                search(tmp_path, 8, observer=heard)
                code = 0 if heard.trials else 2
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    summary = search(tmp_path, 8)
    assert summary.counts["complete"] == 8
    assert summary.trials["training.learning_rate"].nunique() == 8
    assert summary.start == bowl(small())


def test_a_trial_that_diverges_fails_and_the_search_goes_on(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    def some(experiment: Experiment, *_: Any) -> float:
        if experiment.model.hidden_size == 8:
            raise DivergedError("the loss of member 0 stopped being finite")
        return bowl(experiment)

    quick.setattr("lstmcast.training.validation_loss", some)
    heard = Heard()
    summary = search(tmp_path, 10, observer=heard)
    failed = summary.trials[summary.trials["model.hidden_size"] == 8]
    assert 0 < len(failed) < 10
    assert set(failed["state"]) == {"failed"}
    assert set(failed["fault"]) == {"the loss of member 0 stopped being finite"}
    assert len(heard.trials) == 10
    assert summary.counts["failed"] == len(failed)


def test_what_cannot_be_trained_as_it_stands_ends_the_search_at_once(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> float:
        raise ConfigError("`features` is wrong")

    quick.setattr("lstmcast.training.validation_loss", never)
    with pytest.raises(ConfigError, match="`features` is wrong"):
        search(tmp_path, 10)
    with (
        KeptStudy.opened(plan(), tmp_path, "x") as kept,
        pytest.raises(TrainingError, match=r"no trial of .* is complete"),
    ):
        summarise(kept)


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (lambda: plan("{model.hidden_size: [2, 4]}"),
         r"of another space: `training\.learning_rate` was .*`model\.hidden_size` was \[2, 4, 8\]"),
        (lambda: plan(SPACE, "training.epochs=3"),
         r"another configuration: `training\.epochs` was 2, now 3"),
        (lambda: plan(SPACE, "training.seed=3"), r"`training\.seed` was 7, now 3"),
        (lambda: plan(SPACE, "tuning.pruning=none"), r"another `tuning\.pruning`"),
        (lambda: plan(history=simulated(rows=421)), "a study of other prices"),
    ],
)  # fmt: skip
def test_a_study_of_something_else_is_refused_and_stays_as_it_is(
    tmp_path: Path, quick: pytest.MonkeyPatch, other: Callable[[], Plan], fault: str
) -> None:
    search(tmp_path, 2)
    journal = tmp_path / "tune-x" / "study.journal"
    before = journal.read_text()
    with pytest.raises(UsageError, match=fault) as caught:
        search(tmp_path, 4, what=other())
    assert "--study NAME" in str(caught.value.hint)
    assert before in journal.read_text()
    assert search(tmp_path, 4).counts["complete"] == 4


def test_threads_and_device_may_be_others(tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    search(tmp_path, 2)
    assert search(tmp_path, 3, what=plan(SPACE, "training.threads=1")).counts["complete"] == 3


def test_a_damaged_journal_is_named_with_its_line(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    search(tmp_path, 2)
    journal = tmp_path / "tune-x" / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    for damage in (b"\x00\x00\n", b'{"op_code": "x"}\n', b"[1]\n"):
        journal.write_bytes(b"".join([*lines[:3], damage, *lines[4:]]))
        with pytest.raises(RunError, match=r"study\.journal` is damaged in line 4"):
            search(tmp_path, 4)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"values": [', '"values": ["x", '),
        ('"values": [', '"values": null, "b": ['),
        ('"told": {', '"told": [], "b": {'),
        ('"distribution": "', '"distribution": 3, "b": "'),
    ],
)
def test_a_journal_with_values_of_another_kind_is_damaged(
    tmp_path: Path, quick: pytest.MonkeyPatch, old: str, new: str
) -> None:
    search(tmp_path, 2)
    journal = tmp_path / "tune-x" / "study.journal"
    text = journal.read_text()
    spaced = old if old in text else old.replace(": ", ":")
    assert spaced in text
    journal.write_text(text.replace(spaced, new))
    with pytest.raises(RunError, match="is damaged"):
        search(tmp_path, 2)


def test_a_start_that_is_no_number_is_damage_to_a_summary_too(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    search(tmp_path, 1)
    journal = tmp_path / "tune-x" / "study.journal"
    text = re.sub(r'"start": ?[-+.\de]+', '"start": "x"', journal.read_text())
    assert '"start": "x"' in text
    journal.write_text(text)
    with (
        KeptStudy.opened(plan(), tmp_path, "x") as kept,
        pytest.raises(RunError, match=r"study\.journal` is damaged"),
    ):
        summarise(kept, weigh=False)


def test_a_journal_that_is_locked_is_waited_for_and_then_told(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    search(tmp_path, 1)
    quick.setattr("lstmcast.tuning.storage.PATIENCE", 0.05)
    with (
        FileLock(tmp_path / "tune-x" / "study.journal.lock"),
        pytest.raises(RunError, match=r"study\.journal` is locked for more than 0\.05 s"),
    ):
        search(tmp_path, 2)


def test_nothing_to_resume_and_storages_that_are_none(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="there is nothing to resume"):
        search(tmp_path, 2, resume=True)
    assert not (tmp_path / "tune-x").exists()
    for url, fault in (
        ("nodb://x", "`--storage` nodb://x is no URL of a database"),
        ("postgresql://me:secret@host/db", "`--storage` postgresql://me@host/db cannot be opened"),
    ):
        with pytest.raises(UsageError, match=fault):
            search(tmp_path, 2, storage=url)


def test_a_study_in_a_database_goes_on(tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'a{1}b.db'}"
    with pytest.raises(RunError, match="has no study lstmcast-x"):
        search(tmp_path, 2, storage=url, resume=True)
    search(tmp_path, 1, storage=url)
    assert (tmp_path / "a{1}b.db").is_file()  # Optuna would take it for a template
    summary = search(tmp_path, 3, storage=url, resume=True)
    pd.testing.assert_frame_equal(tried(summary), tried(search(tmp_path / "journal", 3)))


def test_the_test_part_changes_nothing_and_is_not_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmcast.training.experiment.predict_each", None)
    bars = HISTORY.bars.index
    validation_end = bars[int(0.8 * len(bars)) - 1]
    experiment = resolve_experiment(small("model.members=1"), [HISTORY])
    losses = {
        validation_loss(experiment, [history], SilentObserver())
        for history in (HISTORY, *(altered_after(HISTORY, validation_end, k) for k in (1, 2)))
    }
    assert len(losses) == 1
    earlier = bars[int(0.7 * len(bars))]
    other = validation_loss(experiment, [altered_after(HISTORY, earlier, 1)], SilentObserver())
    assert other not in losses


def test_a_trial_whose_first_member_falls_behind_is_given_up(
    tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def epochs(experiment: Experiment, histories: Any, watch: Any, *_: Any) -> float:
        loss = bowl(experiment)
        for epoch in range(10):
            watch.on_epoch_end(
                EpochRecord(1, epoch, 0.0, 99.0, 0.1, 0.0), best=False
            )  # not the first
            watch.on_epoch_end(
                EpochRecord(0, epoch, 0.0, loss + 1 / (epoch + 1), 0.1, 0.0), best=True
            )
            seen.append(epoch)
        return loss

    quick.setattr("lstmcast.training.validation_loss", epochs)
    summary = search(tmp_path / "a", 14)
    pruned = summary.trials[summary.trials["state"] == "pruned"]
    assert len(pruned) > 2
    assert summary.counts["complete"] + len(pruned) == 14
    assert pruned["loss"].isna().all()
    assert len(seen) < 14 * 10
    assert summary.loss < 0.2
    without = search(tmp_path / "c", 7, what=plan(SPACE, "tuning.pruning=none"))
    assert without.counts["pruned"] == 0
    # Losses of other heads are of another kind.
    heads = "{training.learning_rate: {low: 1e-3, high: 1}, model.head: [student_t, quantile]}"
    assert search(tmp_path / "d", 7, what=plan(heads)).counts["pruned"] == 0

"""A Ray cluster in the place of processes: the same bytes, also where a machine is lost."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.program import Workplace
from support.unlike import late, new_york, tokyo

from lstmcast.cluster import cluster
from lstmcast.cluster.versions import PACKAGES, compare
from lstmcast.errors import ClusterError, UsageError

WALK = (
    *("--folds", "6", "--baselines", "random_walk,ewma"),
    *("--set", "data.symbols=[AAA, 7203.T, LATE]", "--set", "training.threads=1"),
)


@pytest.mark.cluster
def test_a_walk_on_two_machines_of_which_one_is_lost_is_that_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    place = Workplace.make(tmp_path, new_york(rows=1000), tokyo(rows=1000), late(rows=1000))
    here = place.invoke("backtest", "-c", place.config, *WALK, "--runs-dir", tmp_path / "here")
    assert here.exit_code == 0, here.stderr

    there = tmp_path / "there"
    words = ("backtest", "-c", place.config, *WALK, "--runs-dir", there, "--cluster", "auto")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    with machines(cluster_utils) as (address, lose):
        monkeypatch.setenv("RAY_ADDRESS", address)
        with place.start(*words, "--json") as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "fold" in line:
                    assert re.search(r"fold \d done \(1 of 6\)", line)
                    break
            lose()
            out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert out.startswith("{")
    assert out.rstrip().endswith("}")  # Ray prints nothing among the figures
    ours, theirs = (sorted(runs.glob("backtest-*/fold-*")) for runs in (tmp_path / "here", there))
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert len(ours) == 6
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]


SPACE = "{training.learning_rate: {low: 1e-3, high: 1e-1, log: true}, model.dropout: [0.0, 0.2]}"


@pytest.mark.cluster
def test_trials_and_networks_of_a_cluster_that_loses_a_machine_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    place = Workplace.make(tmp_path)
    one = ("-c", place.config, "--set", "training.threads=1")
    tune = ("tune", *one, "--set", f"tuning.space={SPACE}", "--trials", "12")
    train = ("train", *one, "--set", "model.members=6", "--set", "training.epochs=12", "--json")
    here, there = tmp_path / "here", tmp_path / "there"
    assert place.invoke(*tune, "--batch", "8", "--runs-dir", here).exit_code == 0
    assert place.invoke(*train, "--runs-dir", here).exit_code == 0
    monkeypatch.setenv("RAY_worker_niceness", "0")
    with machines(cluster_utils) as (address, lose):
        monkeypatch.setenv("RAY_ADDRESS", address)
        for words in (tune, train):
            with place.start(*words, "--cluster", "auto", "--runs-dir", there) as process:
                assert process.stderr is not None
                until(process.stderr, r"trial \d|member \d done")
                lose()
                out, err = process.communicate(timeout=200)
            assert process.returncode == 0, err
            assert "Traceback" not in err
    assert json.loads(out)["diverged_members"] == []
    ours, theirs = (runs / "tune-small" for runs in (here, there))
    assert kept_of(ours) == kept_of(theirs)
    (run,), (other,) = (list(runs.glob("2*")) for runs in (here, there))
    for name in ("model.safetensors", "predictions.parquet", "networks.onnx", "config.yaml"):
        assert (run / name).read_bytes() == (other / name).read_bytes()


def kept_of(study: Path) -> tuple[str, str]:
    """What a study has come to, without its place and what it took."""
    best = (study / "best.yaml").read_text().partition("\n")[2]
    return best, pd.read_csv(study / "trials.csv").drop(columns="seconds").to_csv()


def until(lines: Iterable[str], pattern: str) -> None:
    """Read up to the first line that has the pattern."""
    read = []
    for line in lines:
        read.append(line)
        if re.search(pattern, line):
            return
    pytest.fail("".join(read))


@pytest.mark.cluster
def test_ctrl_c_cancels_the_tasks_and_the_walk_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    place = Workplace.make(tmp_path, new_york(rows=1000))
    words = ("backtest", "-c", place.config, "--folds", "12", "--baselines", "random_walk")
    with place.start(*words, "--cluster", "local", session=True) as process:
        assert process.stderr is not None
        until(process.stderr, r"fold \d+ done")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to Ray's daemons as well
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"\d+ of 12 folds are kept; run the same command again to resume", err)
    assert "Traceback" not in err
    assert not session_of(process.pid)
    again = place.invoke(*words)
    assert again.exit_code == 0, again.stderr
    assert re.search(r"\d+ of 12 folds were already done", again.stderr)


def session_of(leader: int) -> list[str]:
    """The processes that are left of a session."""
    found = subprocess.run(
        ["pgrep", "-s", str(leader)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


@contextmanager
def machines(cluster_utils: Any) -> Iterator[tuple[str, Any]]:
    """Two of them with a core each: the address of the first, and how the second is lost."""
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=small)
    try:
        second = started.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield started.address, partial(_lose, started, [second])
    finally:
        started.shutdown()


def _lose(started: Any, left: list[Any]) -> None:
    """Lose the second machine as by a cable that is cut; another one comes into its place."""
    started.remove_node(left.pop(), allow_graceful=False)
    left.append(started.add_node(num_cpus=1, object_store_memory=80 * 2**20))


@pytest.mark.parametrize("address", ["", "10.0.0.1:6379", "ray://", "ray://host", "ray://h:70000"])
def test_what_is_no_address_is_refused(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(UsageError, match="`--cluster`"), cluster(address):
        pass


def test_an_address_that_does_not_answer_is_told_at_once() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ClusterError, match="does not answer"), cluster(address):
            pass


@pytest.mark.parametrize("command", ["backtest", "tune", "train"])
def test_without_ray_the_command_says_how_to_install_it_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    place = Workplace.make(tmp_path, new_york(rows=1000))
    result = place.invoke(command, "-c", place.config, "--cluster", "local")
    assert result.exit_code == 18
    assert "`--cluster` needs Ray, which is not installed" in result.stderr
    assert "hint: run `pip install 'lstmcast[ray]'`" in result.stderr
    assert not any(place.runs.glob("**/*"))


def test_another_version_is_named_and_another_processor_is_noted() -> None:
    here = {"python": "3.11.7", **dict.fromkeys(PACKAGES, "1"), "processor": "one"}
    told: list[str] = []
    compare(here, {**here, "processor": "two"}, "10.0.0.3", told.append)
    assert len(told) == 1
    assert "10.0.0.3 has another processor (two)" in told[0]
    with pytest.raises(ClusterError, match=r"10.0.0.3 of the cluster has torch 2, here it is 1"):
        compare(here, {**here, "torch": "2"}, "10.0.0.3", told.append)
    with pytest.raises(ClusterError, match=r"has Python 3.12.1, here it is 3.11.7"):
        compare(here, {**here, "python": "3.12.1"}, "10.0.0.3", told.append)

"""A Ray cluster in the place of processes: the same bytes, also where a machine is lost."""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


@contextmanager
def machines(cluster_utils: Any) -> Iterator[tuple[str, Any]]:
    """Two of them with a core each: the address of the first, and how the second is lost."""
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=small)
    try:
        second = started.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield started.address, lambda: started.remove_node(second, allow_graceful=False)
    finally:
        started.shutdown()


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


def test_without_ray_the_command_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    place = Workplace.make(tmp_path, new_york(rows=1000))
    result = place.invoke("backtest", "-c", place.config, "--folds", "2", "--cluster", "local")
    assert result.exit_code == 18
    assert "`--cluster` needs Ray, which is not installed" in result.stderr
    assert "hint: run `pip install 'lstmcast[ray]'`" in result.stderr


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

"""Training by two real processes, each on its share of every batch, against one process alone."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from support.experiments import random_member
from support.program import Workplace
from support.unlike import coin, late, new_york

from lstmcast.errors import DeviceError, TrainingError
from lstmcast.nn import Network
from lstmcast.nn.dropout import SharedMasks
from lstmcast.run import Run
from lstmcast.training import distributed
from lstmcast.training.batch import Batch
from lstmcast.training.device import available_threads, threads_per_network
from lstmcast.training.distributed import Team, own_device
from lstmcast.training.objective import total_loss

SCRIPT = """
import os, pathlib
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
import lstmcast.run
from lstmcast.cli.app import main
from lstmcast.training import member

fit = member.fit_member
def fitted(network, *args, **options):
    found = yield from fit(network, *args, **options)
    name = f"rank-{os.environ['RANK']}-{options['member']}"
    whole = b"".join(weight.numpy().tobytes() for weight in network.state_dict().values())
    (pathlib.Path(__file__).parent / name).write_bytes(whole)
    return found

def work():
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"ended with {ended.code}") from None

member.fit_member = fitted
two = LaunchConfig(1, 1, 2, run_id="two", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
                   max_restarts=0, start_method="fork")
elastic_launch(two, work)()
"""
"""The program in two processes; beside it each writes the weights that its networks came to.

They are started by what is behind `torchrun`, as forks: three programs would each load PyTorch.
"""

POOL = ("data.symbols=[AAA, BTC-USD, LATE]", "training.threads=1", "training.batch_size=5")


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Batches of five rows, of which one process has two; masks, unlike symbols, a refit."""
    place = Workplace.make(tmp_path, new_york(rows=300), coin(rows=300), late(rows=300))
    train = ["train", "-c", str(place.config), "--set", "training.refit=validation"]
    train += [word for setting in POOL for word in ("--set", setting)]
    alone = place.invoke(*train)
    assert alone.exit_code == 0, alone.stderr
    one = Run.open(None, place.runs)

    script = tmp_path / "program.py"
    script.write_text(SCRIPT, encoding="utf-8")
    both = subprocess.run(
        [sys.executable, str(script), *train],
        env={**os.environ, **place.environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert both.returncode == 0, both.stderr
    assert both.stderr.count("next: lstmcast evaluate") == 1  # one of them speaks
    assert len(list(place.runs.glob("*/run.json"))) == 2
    assert not list(place.runs.glob(".*.resume"))
    two = Run.open(None, place.runs)
    assert two.record["processes"] == 2
    assert "processes" not in one.record

    losses = ["train_loss", "validation_loss"]
    histories = [pd.read_csv(run.path / "history.csv") for run in (one, two)]
    assert len(histories[0]) == 4
    pd.testing.assert_frame_equal(
        histories[0][losses], histories[1][losses], rtol=2e-6, check_exact=False
    )
    quantiles = ["q05", "q50", "q95", "log_density"]
    tables = [run.predictions()[quantiles] for run in (one, two)]
    pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-4, atol=1e-7, check_exact=False)
    for member in (0, 1):
        ours, theirs = ((tmp_path / f"rank-{k}-{member}").read_bytes() for k in (0, 1))
        assert ours == theirs


def batch_with_gaps(rows: int) -> tuple[Batch, Network]:
    network, panel, _ = random_member()
    with torch.no_grad():  # new ones are zero, and hear nothing of masks
        network.head.weight.normal_(std=0.3, generator=torch.Generator().manual_seed(2))
    batch = next(iter(panel.training_batches(torch.Generator().manual_seed(3))))
    known = torch.rand(rows, *batch.weight.shape[1:], generator=torch.Generator().manual_seed(5))
    weight = batch.weight * (known > 0.2)
    return (
        Batch(
            batch.features[:rows],
            batch.scale[:rows],
            batch.targets[:rows],
            weight,
            batch.symbols[:rows],
            weight.sum(),
        ),
        network.train(),
    )


@torch.no_grad()
@pytest.mark.parametrize("processes", [2, 3, 7])
def test_shares_of_a_batch_add_up_to_it(processes: int) -> None:
    """Also where there are fewer rows than processes, and with dropout."""
    whole, network = batch_with_gaps(5)
    expected = total_loss(network, whole, torch.Generator().manual_seed(1))
    found = 0.0
    for rank in range(processes):
        masks = SharedMasks().manual_seed(1)
        share = Team(rank, processes, rank).share(whole, masks)
        assert torch.equal(share.total, whole.total)
        found += float(total_loss(network, share, masks))
    assert found == pytest.approx(float(expected), rel=1e-6)
    assert found != pytest.approx(float(total_loss(network.eval(), whole)), rel=1e-3)


def test_weights_that_hold_for_all_rows_are_not_cut() -> None:
    whole, _ = batch_with_gaps(4)
    same = replace(whole, weight=whole.weight[:1])
    share = Team(1, 2, 1).share(same)
    assert share.weight.shape[0] == 1
    assert torch.equal(share.features, whole.features[2:])


def test_a_process_that_is_gone_ends_the_others_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise RuntimeError("Connection closed by peer [127.0.0.1]:1234")

    team = Team(1, 3, 1)
    monkeypatch.setattr(distributed, "_joined", [team])
    monkeypatch.setattr(torch.distributed, "all_reduce", lost)
    with pytest.raises(TrainingError, match="process 2 of 3 lost the others"):
        team.any(flag=False)


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda", 0)
    assert own_device(cuda, "cuda") == cuda
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for local, rank in ((0, 2), (1, 3)):
        monkeypatch.setattr(distributed, "_joined", [Team(rank, 4, local)])
        assert own_device(cuda, "auto") == torch.device("cuda", local)
    assert own_device(torch.device("cpu"), "auto").type == "cpu"
    assert own_device(torch.device("mps"), "auto").type == "cpu"
    with pytest.raises(DeviceError, match="'mps', which several processes cannot train on"):
        own_device(torch.device("mps"), "mps")
    with pytest.raises(DeviceError, match="'cuda:1', and `torchrun` started 4 processes"):
        own_device(torch.device("cuda", 1), "cuda:1")
    monkeypatch.setattr(distributed, "_joined", [Team(2, 3, 2)])
    with pytest.raises(DeviceError, match="3 processes beside 2 CUDA devices"):
        own_device(cuda, "cuda")


def test_processes_on_a_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = available_threads(0)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert available_threads(0) == cores  # not of `torchrun`
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert available_threads(0) == max(1, cores // 2)
    assert available_threads(3) == 3
    assert threads_per_network(3, 2) == 3  # members train one after the other


def test_other_commands_refuse_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    result = Workplace(tmp_path).invoke("runs", "list")
    assert result.exit_code == 2
    assert "`torchrun` started `list` in 2 processes" in result.stderr

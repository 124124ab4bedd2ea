"""A run that was fitted in memory, shared: nothing may change it."""

from pathlib import Path

import pytest
from support.experiments import trained
from support.histories import simulated

import lstmcast
from lstmcast.api.run import Run
from lstmcast.run import FittedRun

OVERRIDES = ("calibration.kind=adaptive",)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder, a store and runs of the test's own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("LSTMCAST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LSTMCAST_RUNS_DIR", str(tmp_path / "runs"))


@pytest.fixture
def run() -> Run:
    """A run of two small networks on simulated prices, in memory."""
    history = simulated()
    return lstmcast.Run(FittedRun.of(trained(*OVERRIDES)), prices=[history])

"""Names of devices, with and without the hardware; threads; memory."""

import ctypes
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from support.experiments import small, train
from support.histories import simulated

from lstmcast.errors import ConfigError, DeviceError
from lstmcast.training import device
from lstmcast.training.device import (
    available_threads,
    in_threads,
    keep_freed_memory,
    one_thread_each,
    resolve_device,
    thread_pool,
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with two CUDA devices and no MPS."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def test_auto_takes_cuda_then_mps_then_the_cpu(machine: pytest.MonkeyPatch) -> None:
    assert resolve_device("auto") == torch.device("cuda", 0)
    machine.setattr(torch.cuda, "is_available", lambda: False)
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")
    machine.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "device"), [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_a_device_that_is_there(machine: pytest.MonkeyPatch, name: str, device: str) -> None:
    assert resolve_device(name) == torch.device(device)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("cuda:2", "`training.device` is 'cuda:2', and PyTorch finds only 2 CUDA devices here"),
        ("mps", "`training.device` is 'mps', and this machine or build .* has no MPS device"),
    ],
)
def test_a_device_that_is_not_there(machine: pytest.MonkeyPatch, name: str, fault: str) -> None:
    with pytest.raises(DeviceError, match=fault) as caught:
        resolve_device(name)
    assert "training.device=cpu" in str(caught.value.hint)


def test_no_cuda_at_all(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="PyTorch finds no CUDA device here"):
        resolve_device("cuda")


@pytest.mark.parametrize(
    "name", ["", "gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA", "meta", "cuda:1 "]
)
def test_what_is_not_a_device(name: str) -> None:
    with pytest.raises(ConfigError, match="which is not a device"):
        resolve_device(name)


def test_threads_are_as_many_as_wanted_or_as_there_are_cores() -> None:
    assert available_threads(3) == 3
    assert available_threads(0) >= 1


def test_one_thread_each_gives_back_what_it_took() -> None:
    before = torch.get_num_threads()
    with one_thread_each():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_pool_of_threads_has_ended_when_its_context_ends() -> None:
    """Also where Ctrl-C comes while it waits for them: that is raised after."""
    done = threading.Event()

    def work() -> None:
        time.sleep(0.2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        done.set()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), thread_pool(1) as executor:
        executor.submit(work)
    assert done.is_set()
    assert signal.getsignal(signal.SIGINT) is before


def test_results_come_in_the_order_of_the_items() -> None:
    assert in_threads(lambda k: k * k, range(20), wanted=3) == [k * k for k in range(20)]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda k: 1 // k, [1, 0], wanted=2)


MAPPED = """
import ctypes, torch
from lstmcast.training.device import keep_freed_memory
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcd"] + [
        ("hblkhd", ctypes.c_size_t)] + [(name, ctypes.c_size_t) for name in "fghij"]
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info
held = []  # to free a block would change how the next one is made
def mapped():
    before = mallinfo2().hblkhd
    held.append(torch.zeros(6_000_000))
    return mallinfo2().hblkhd - before
first = mapped()
assert keep_freed_memory()
print(first, mapped())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="a matter of glibc, from 2.33 on",
)
def test_large_blocks_come_from_memory_that_is_kept() -> None:
    """A block that is mapped by itself goes back to the system when it is freed."""
    command = [sys.executable, "-c", MAPPED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    left, kept = map(int, done.stdout.split())
    assert left >= 24_000_000
    assert kept == 0


def test_a_worker_that_trains_keeps_freed_memory_and_a_library_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(device, "keep_freed_memory", lambda: told.append(True))
    experiment = small("training.epochs=1", "model.members=1")
    for worker in (False, True):
        monkeypatch.setattr(device, "inside", lambda worker=worker: worker)
        train(experiment, simulated())
        assert told == [True] * worker


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_freed_memory.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
    keep_freed_memory.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
    keep_freed_memory.cache_clear()

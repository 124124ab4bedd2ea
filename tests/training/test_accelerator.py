"""When a GPU pays, how it rounds, and what is said when it is full; without one."""

import re

import pytest
import torch
from support.experiments import small, train, trained
from support.histories import simulated

from lstmcast.config import Training
from lstmcast.errors import ConfigError, DeviceError, LstmcastError, ResourcesError
from lstmcast.training import accelerator, full_memory
from lstmcast.training.accelerator import (
    LIBRARIES,
    MOST_AT_ONCE,
    PAYS,
    arithmetic,
    choose_device,
    network_bytes,
    networks_at_once,
    training_work,
)
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.prepare import Prepared, prepare


def prepared(*overrides: str) -> Prepared:
    return prepare(small(*overrides), [simulated()])


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were one CUDA device."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)


@pytest.mark.usefixtures("with_gpu")
def test_the_work_decides_where_nobody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    auto, parts = Training(device="auto"), [prepared()]
    assert choose_device(auto, parts) == torch.device("cpu")
    monkeypatch.setattr(accelerator, "PAYS", training_work(parts))
    assert choose_device(auto, parts) == torch.device("cuda", 0)
    monkeypatch.setattr(accelerator, "PAYS", float("inf"))
    assert choose_device(Training(device="cuda"), parts) == torch.device("cuda", 0)
    assert choose_device(Training(device="cpu"), parts) == torch.device("cpu")
    with pytest.raises(DeviceError, match="only 1 CUDA device"):
        choose_device(Training(device="cuda:1"), parts)
    with pytest.raises(ConfigError, match="is not a device"):
        choose_device(Training(device="gpu"), parts)


def test_without_a_gpu_large_work_runs_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(accelerator, "PAYS", 0.0)
    assert choose_device(Training(device="auto"), [prepared()]) == torch.device("cpu")


def test_work_grows_with_what_is_trained() -> None:
    one = prepared()
    rows = len(one.parts["AAA"].train) * 24 // 20  # a burn-in of 4 before each 20 sessions
    columns = one.inputs.features.shape[1]
    assert training_work([one]) == 2 * 2 * rows * 4 * 4 * (columns + 4)
    assert training_work([one, one]) == 2 * training_work([one])
    assert training_work([prepared("training.epochs=500")]) == 10 * training_work([one])
    assert training_work([prepared("training.epochs=0", "model.start=pretrained",
                                   "model.hidden_size=64")]) == 0  # fmt: skip
    layers = training_work([prepared("model.num_layers=3")])
    assert layers == training_work([one]) * (columns + 4 + 16) / (columns + 4)
    last = training_work([prepared("training.supervision=last")])
    assert last == 24 * training_work([one]) * len(one.parts["AAA"].train) / rows


def test_the_measured_cases_lie_on_their_sides() -> None:
    """Four stocks are done first on the CPU, a hundred with wider networks on the GPU."""
    four = 3 * 20 * 4 * 2200 * 300 / 250 * 4 * 64 * (25 + 64)
    hundred = 3 * 20 * 100 * 3500 * 300 / 250 * 4 * 128 * (25 + 128)
    assert four < PAYS / 2
    assert hundred > 2 * PAYS


def test_as_many_networks_train_at_once_as_half_the_memory_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, free = prepared(), 0
    panel = DevicePanel(part)

    def at_once(*overrides: str, device: str = "cuda:0") -> int:
        panel.device = torch.device(device)
        return networks_at_once(small(*overrides), panel)

    def free_there(device: torch.device) -> int | None:
        return free if device.type == "cuda" else None

    monkeypatch.setattr(accelerator, "free_on", free_there)
    one = network_bytes(small(), panel)
    for amount, expected in ((0, 1), (one, 1), (6 * one, 3), (10**12, MOST_AT_ONCE)):
        free = amount
        assert at_once() == expected
    assert at_once("training.precision=tf32") == 1  # a setting of the whole process
    assert at_once("training.precision=bfloat16") == MOST_AT_ONCE
    assert at_once(device="mps") == 1
    batch = 4 * 640 * 24 * (200 + 32 * 4)  # more steps than its validation has
    assert network_bytes(small("training.batch_size=640"), panel) - LIBRARIES == batch
    validated = len(panel.validation[0].whole().features.flatten(0, 1))
    validation = 4 * validated * (200 + 32 * 4)
    assert network_bytes(small("training.batch_size=1"), panel) - LIBRARIES == validation


def test_the_cpu_rounds_as_it_always_does() -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    with arithmetic("tf32", torch.device("cpu")):
        assert torch.backends.cuda.matmul.allow_tf32 == before


def rounding() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("before", [(True, False), (False, True)])
def test_cuda_rounds_as_asked_and_afterwards_as_before(
    precision: str, before: tuple[bool, bool]
) -> None:
    def fails(found: list[tuple[bool, bool]]) -> None:
        with arithmetic(precision, torch.device("cuda")):
            found.append(rounding())
            raise ValueError("inside")

    was = rounding()
    found: list[tuple[bool, bool]] = []
    accelerator._set_tf32(*before)
    try:
        with pytest.raises(ValueError, match="inside"):
            fails(found)
        assert found == [(precision == "tf32",) * 2]
        assert rounding() == before
    finally:
        accelerator._set_tf32(*was)


def test_tf32_is_float32_on_the_cpu() -> None:
    other = train(small("training.precision=tf32"))
    assert other.predictions.equals(trained().predictions)


@pytest.mark.parametrize(
    ("error", "kind", "asked", "lower"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"),
            DeviceError,
            r"cuda:0 is out of memory \(3 GiB are free\): training asked for 20 GiB more",
            # 25 GiB are needed at least and 8 can be had: a fourth of all that grows with these.
            {"training.batch_size": "8", "model.hidden_size": "1", "training.device": "cpu"},
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has"),
            DeviceError,
            "training asked for 512 MiB more, with `training.batch_size` 32",
            {"training.batch_size": "16", "model.hidden_size": "2", "training.device": "cpu"},
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate "
                         "8589934592 bytes. Error code 12"),
            ResourcesError,
            r"cpu is out of memory \(.* are free\): training asked for 8 GiB more",
            {"training.batch_size": "8", "model.hidden_size": "1", "model.members": "1"},
        ),
        (
            MemoryError(),
            ResourcesError,
            "training asked for more, with .* and `model.members` 2",
            {"training.batch_size": "16", "model.hidden_size": "2", "model.members": "1"},
        ),
    ],
)  # fmt: skip
def test_a_full_memory_names_the_settings_to_lower(
    error: Exception,
    kind: type[LstmcastError],
    asked: str,
    lower: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise error

    gib = 2**30
    monkeypatch.setattr("lstmcast.training.experiment.fit_groups", full)
    device = torch.device("cuda", 0) if kind is DeviceError else torch.device("cpu")
    monkeypatch.setattr("lstmcast.training.experiment.choose_device", lambda *_: device)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 5 * gib)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 7 * gib)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1 * gib, 80 * gib))
    monkeypatch.setattr(full_memory, "free_memory", lambda: 2 * gib)
    with pytest.raises(kind, match=asked) as caught:
        train(small())
    found = dict(re.findall(r"`--set (\S+)=(\w+)`", str(caught.value.hint)))
    assert found == lower


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB). Tried to allocate "
                      "256 bytes on private pool."), "256 bytes more"),
        (RuntimeError("MPS backend out of memory. Tried to allocate 1.50 GB on private pool."),
         "1.5 GiB more"),
        (RuntimeError("CUDA error: out of memory"), "asked for more,"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
         "asked for more,"),
    ],
)  # fmt: skip
def test_every_way_to_say_that_memory_is_full_is_understood(error: Exception, asked: str) -> None:
    told = full_memory.full_memory(error, small(), torch.device("mps"))
    assert isinstance(told, DeviceError)
    assert asked in told.message
    assert "--set training.device=cpu" in str(told.hint)


def test_the_machine_s_memory_may_be_full_while_a_gpu_trains() -> None:
    error = MemoryError("Unable to allocate 8.00 TiB for an array with shape (9, 9)")
    told = full_memory.full_memory(error, small(), torch.device("mps"))
    assert isinstance(told, ResourcesError)
    assert told.message.startswith("this machine is out of memory")
    assert "asked for 8 TiB more" in told.message
    assert "training.device" not in str(told.hint)


def test_where_nothing_can_be_lowered_other_programs_end() -> None:
    least = small("training.batch_size=1", "model.hidden_size=1", "model.members=1")
    told = full_memory.full_memory(MemoryError(), least, torch.device("cpu"))
    assert told is not None
    assert told.hint == "end other programs, or raise the limit (`ulimit -v`)"


def test_an_error_that_is_not_of_memory_is_passed_on() -> None:
    with (
        pytest.raises(RuntimeError, match="shapes do not fit"),
        accelerator.on_device(small(), torch.device("cpu")),
    ):
        raise RuntimeError("shapes do not fit")

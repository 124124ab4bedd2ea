"""When a GPU pays, how it rounds, and what is said when it is full; without one."""

import pytest
import torch
from support.experiments import small, train
from support.histories import simulated

from lstmcast.config import Training
from lstmcast.errors import ConfigError, DeviceError
from lstmcast.training import accelerator
from lstmcast.training.accelerator import PAYS, arithmetic, choose_device, training_work
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
    one, other = (train(small(f"training.precision={name}")) for name in ("float32", "tf32"))
    assert one.predictions.equals(other.predictions)


def test_a_full_memory_names_what_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has")

    monkeypatch.setattr("lstmcast.training.experiment.fit_groups", full)
    message = (
        r"`training.device` cpu is out of memory: training asked for 2.50 GiB more than it has "
        r"free, with `training.batch_size` 16 and `training.lookback` 24"
    )
    with pytest.raises(DeviceError, match=message) as caught:
        train(small())
    assert "--set training.batch_size=8" in str(caught.value.hint)

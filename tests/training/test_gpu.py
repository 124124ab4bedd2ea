"""On a CUDA device: the same numbers as on the CPU, the same bits twice, recorded or not.

    python -m pytest -m gpu tests

Where there is no such device these tests are skipped, and counted.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from support.experiments import small, train, weights
from support.histories import simulated
from support.pretrained import same_weights, tiny
from support.program import Workplace

from lstmcast.dataset import PanelTargets
from lstmcast.errors import DeviceError
from lstmcast.nn import LSTM
from lstmcast.pretraining.training import pretrain
from lstmcast.run import Run
from lstmcast.training import Trained, accelerator, panel_home
from lstmcast.training.accelerator import arithmetic
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.loop import run_epoch
from lstmcast.training.panel_home import PanelHome
from lstmcast.training.prepare import prepare
from lstmcast.training.steps import Steps

pytestmark = pytest.mark.gpu

CUDA = torch.device("cuda", 0)
ON_GPU = ("training.device=cuda", "training.epochs=4")
TWO = ("data.symbols=[AAA, BBB]", "model.start=pretrained", "training.refit=validation")

KINDS = {
    "random": (),
    "pretrained": ("model.start=pretrained", "model.hidden_size=64"),
    "lstm_cnn": ("model.network=lstm_cnn",),
    "quantile": ("model.head=quantile", "model.num_layers=2"),
    "last": ("training.supervision=last",),
    "no average": ("training.ema_decay=0", "training.clip_norm=0.1"),
    "two symbols": TWO,
    "variants": (*TWO, "model.variants=[{head: quantile}, {network: lstm_cnn}]"),
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def trained(kind: str, *overrides: str) -> Trained:
    histories = [simulated(), simulated(2, 380, symbol="BBB", first="2000-03-01")]
    experiment = small(*KINDS[kind], *ON_GPU, *overrides)
    return train(experiment, *histories[: len(experiment.data.symbols)])


def all_weights(run: Trained) -> list[torch.Tensor]:
    groups = run.forecaster.groups
    networks = [n for group in groups for n in (*group.networks, *group.refitted)]
    return [value for network in networks for value in weights(network).values()]


@pytest.fixture
def whole_memory() -> Iterator[None]:
    """Give a device back the memory that a test took from it."""
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, CUDA)
    torch.cuda.empty_cache()


@every_kind
def test_a_recorded_step_gives_the_same_bits(kind: str) -> None:
    recorded, plain = (trained(kind, f"training.replay={replay}") for replay in ("auto", "none"))
    assert recorded.device == "cuda:0"
    assert recorded.ensemble.diverged == []
    pairs = list(zip(all_weights(recorded), all_weights(plain), strict=True))
    assert pairs
    assert all(torch.equal(one, other) for one, other in pairs)
    assert recorded.predictions.equals(plain.predictions)


@every_kind
def test_the_same_seed_gives_the_same_bits(kind: str) -> None:
    one, other = (trained(kind) for _ in range(2))
    assert one.predictions.equals(other.predictions)


@every_kind
def test_training_goes_as_on_the_cpu(kind: str) -> None:
    """Without masks, which every device draws in its own way; the windows are the same."""
    without = ("model.dropout=0", "model.input_dropout=0", "training.epochs=2")
    gpu, cpu = (trained(kind, *without, f"training.device={name}") for name in ("cuda", "cpu"))
    for one, other in zip(gpu.ensemble.members, cpu.ensemble.members, strict=True):
        for ours, theirs in zip(one.records, other.records, strict=True):
            assert ours.train_loss == pytest.approx(theirs.train_loss, rel=2e-3)
            assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=2e-3)
    width, expected = (
        (table["q90"] - table["q10"]).to_numpy() for table in (gpu.predictions, cpu.predictions)
    )
    assert np.median(np.abs(width / expected - 1)) < 0.01


@pytest.mark.parametrize(
    ("kind", "replay"), [*((kind, "auto") for kind in KINDS), ("random", "none")]
)
def test_networks_in_turn_give_the_same_bits_as_one_after_the_other(
    kind: str, replay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = ("model.members=3", f"training.replay={replay}")
    together = trained(kind, *several)
    monkeypatch.setattr(accelerator, "MOST_AT_ONCE", 1)
    alone = trained(kind, *several)
    pairs = list(zip(all_weights(together), all_weights(alone), strict=True))
    assert pairs
    assert all(torch.equal(one, other) for one, other in pairs)
    assert together.predictions.equals(alone.predictions)


@pytest.mark.parametrize("size", ["model.hidden_size=64", "model.num_layers=3"])
@pytest.mark.parametrize("batch_size", [8, 1024])
def test_a_network_takes_no_more_memory_than_is_reckoned_with(size: str, batch_size: int) -> None:
    options = (size, f"training.batch_size={batch_size}")
    network, panel, steps, batches, masks = _member(*options)
    torch.cuda.reset_peak_memory_stats(CUDA)
    before = torch.cuda.memory_allocated(CUDA)
    run_epoch(network, batches[:1], steps, masks)
    run_epoch(steps.ema, panel.validation)
    taken = torch.cuda.max_memory_allocated(CUDA) - before
    assert taken < accelerator.network_bytes(small(*options), panel)


def test_by_default_steps_are_recorded_and_played() -> None:
    network, panel, steps, batches, masks = _member("training.replay=auto")
    run_epoch(network, batches, steps, masks)
    assert steps._replay is not None
    assert steps._replay._play is not None
    steps = Steps(network, panel.settings.model_copy(update={"replay": "none"}), 0.01)
    assert steps._replay is None


def test_a_batch_of_another_shape_is_stepped_on_as_it_is() -> None:
    """As the last of an epoch may be, between recorded ones."""
    found = []
    for replay in ("auto", "none"):
        network, panel, steps, batches, masks = _member(f"training.replay={replay}")
        smaller = [*panel._batches(panel.starts[:5], 5)]
        losses = [run_epoch(network, some, steps, masks) for some in (batches, smaller, batches)]
        found.append((losses, weights(network), weights(steps.ema)))
    (losses, ours, average), (others, theirs, plain) = found
    assert losses == others
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert all(torch.equal(average[name], plain[name]) for name in average)


def test_outcomes_that_are_not_known_are_left_out_of_recorded_steps_too() -> None:
    """Where there are any, each batch has weights of its own."""
    part = prepare(small(*ON_GPU), [simulated()])
    values = part.targets.values.copy()
    values[::3] = np.nan
    object.__setattr__(part, "targets", PanelTargets(values))
    found = []
    for replay in ("auto", "none"):
        network, panel, steps, batches, masks = _member(f"training.replay={replay}", part=part)
        assert panel.gaps
        losses = [run_epoch(network, batches, steps, masks) for _ in range(2)]
        found.append((losses, weights(network)))
    assert found[0][0] == found[1][0]
    assert np.isfinite(found[0][0]).all()
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])


def _member(*overrides: str, part: object = None) -> tuple:  # type: ignore[type-arg]
    """A member before its first step, its panel, steps, batches and masks."""
    prepared = part or prepare(small(*ON_GPU, *overrides), [simulated()])
    settings = small(*ON_GPU, *overrides).training
    panel = DevicePanel(prepared, CUDA)  # type: ignore[arg-type]
    network = MemberBuilder(prepared.experiment, panel).build(0, seed=3)  # type: ignore[attr-defined]
    steps = Steps(network, settings, learning_rate=0.05)
    batches = [*panel.training_batches(torch.Generator().manual_seed(1))]
    assert len(batches) > 5
    return network, panel, steps, batches, torch.Generator(CUDA).manual_seed(2)


@pytest.mark.parametrize("kernel", ["fused", "reference"])
def test_float32_is_float32_and_tf32_is_not(kernel: str) -> None:
    lstm = LSTM(24, 64, 2, generator=torch.Generator().manual_seed(1))
    lstm.kernel = kernel  # type: ignore[assignment]
    x = torch.randn(16, 200, 24, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        exact, _ = lstm.double()(x.double())
    lstm = lstm.float().to(CUDA)
    errors = {}
    for precision in ("float32", "tf32"):
        with torch.no_grad(), arithmetic(precision, CUDA):
            found, _ = lstm(x.to(CUDA))
        errors[precision] = float((found.cpu().double() - exact).abs().max())
    assert errors["float32"] < 1e-5
    if torch.cuda.get_device_capability(CUDA) >= (8, 0):  # which have TF32 at all
        assert 1e-5 < errors["tf32"] < 1e-2


@pytest.mark.parametrize("before", [(True, False), (False, True)])
def test_a_training_leaves_the_rounding_of_others_alone(before: tuple[bool, bool]) -> None:
    was = accelerator._tf32()
    accelerator._set_tf32(*before)
    try:
        trained("random", "training.precision=tf32", "model.members=1")
        assert accelerator._tf32() == before
    finally:
        accelerator._set_tf32(*was)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_less_precise_training_forecasts_much_the_same(precision: str) -> None:
    wide = "model.hidden_size=64"  # which narrow ones are too small for
    rough, exact = (
        trained("random", wide, f"training.precision={name}") for name in (precision, "float32")
    )
    assert not rough.predictions.equals(exact.predictions)
    ours, theirs = (run.predictions["log_density"].mean() for run in (rough, exact))
    assert ours == pytest.approx(theirs, abs=0.02)


def test_auto_takes_the_gpu_for_large_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained("random", "training.device=auto").device == "cpu"
    monkeypatch.setattr(accelerator, "PAYS", 0.0)
    assert trained("random", "training.device=auto").device == "cuda:0"


@every_kind
def test_a_panel_in_host_memory_gives_the_same_bits(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = trained(kind)
    assert "on cuda:0" in usual.panel
    monkeypatch.setattr(panel_home, "free_on", lambda _: 1000)
    apart = trained(kind)
    assert "in host memory" in apart.panel
    for one, other in zip(all_weights(apart), all_weights(usual), strict=True):
        assert torch.equal(one, other)
    assert apart.predictions.equals(usual.predictions)
    for ours, theirs in zip(apart.ensemble.members, usual.ensemble.members, strict=True):
        losses = [[(r.train_loss, r.validation_loss) for r in m.records] for m in (ours, theirs)]
        assert losses[0] == losses[1]


def test_batches_from_host_memory_are_copied_from_pinned_memory_one_after_the_other() -> None:
    """Memory that is taken again for a later batch must not change one that is on its way."""
    home = PanelHome(CUDA, apart=True)
    values = torch.arange(4_000_000, dtype=torch.float32).view(-1, 8)
    rows = [torch.randperm(len(values))[:200_000] for _ in range(20)]
    found = [home.chosen(values, some) for some in rows]
    for some, there in zip(rows, found, strict=True):
        assert there.device == CUDA
        assert torch.equal(there.cpu(), values[some])


def test_memory_that_nothing_uses_is_free() -> None:
    before = panel_home.free_on(CUDA)
    taken = torch.empty(256 * 1024**2, dtype=torch.uint8, device=CUDA)
    assert before is not None
    assert panel_home.free_on(CUDA) == pytest.approx(before - taken.nbytes, abs=32 * 1024**2)
    del taken
    assert panel_home.free_on(CUDA) == pytest.approx(before, abs=32 * 1024**2)


@pytest.mark.usefixtures("whole_memory")
def test_a_full_memory_is_told_by_its_settings() -> None:
    trained("random")  # what CUDA's libraries take for themselves is taken
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(CUDA).total_memory
    taken = torch.cuda.memory_reserved(CUDA) + 64 * 1024**2
    torch.cuda.set_per_process_memory_fraction(taken / whole, CUDA)
    large = ("model.hidden_size=512", "training.batch_size=1024", "training.replay=none")
    message = r"`training.device` cuda:0 is out of memory .* asked for [\d.]+ \w+ more"
    with pytest.raises(DeviceError, match=message) as caught:
        trained("random", *large)
    lowered = re.findall(r"--set (\S+)=(\d+)", str(caught.value.hint))
    assert [name for name, _ in lowered] == ["training.batch_size", "model.hidden_size"]
    assert int(lowered[0][1]) <= 512
    assert int(lowered[1][1]) <= 256
    assert "--set training.device=cpu" in str(caught.value.hint)


def test_a_run_from_a_gpu_opens_and_forecasts_on_a_cpu(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path)
    options = [word for value in ON_GPU for word in ("--set", value)]
    result = place.invoke("train", "-c", place.config, *options)
    assert result.exit_code == 0, result.stderr
    assert "on cuda:0" in result.stderr
    run = Run.open(None, place.runs)
    assert run.record["device"] == "cuda:0"
    stored = run.predictions()
    rows = stored[stored["horizon"] == 1]
    for device, most in (("cuda", 1e-4), ("cpu", 1e-3)):
        forecaster = run.forecaster(device)
        inputs = forecaster.inputs(run.histories(place.store))
        origins = inputs.dates[0].get_indexer(pd.DatetimeIndex(rows["origin"]))
        found = forecaster.forecast(inputs, {"AAA": origins})["AAA"].quantiles((0.1,))[:, 0, 0]
        np.testing.assert_allclose(found, rows["q10"].to_numpy(), rtol=most, atol=1e-6)
    shown = place.invoke("forecast", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["forecaster"] == "trained"


def test_pretraining_gives_the_same_bits_twice() -> None:
    one, other = (pretrain(tiny(device="cuda")) for _ in range(2))
    assert same_weights(one, other)
    assert all(torch.isfinite(v).all() for state in one.states for v in state.values())

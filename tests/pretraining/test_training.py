"""Training on simulated markets: it learns, from a seed alone, and goes on where it was stopped."""

import json
import pickle
import re
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pretrained import same_weights, tiny
from support.tensors import read_tensors, write_unsealed

from lstmcast.errors import DivergedError, RunError, UsageError
from lstmcast.pretraining import supply
from lstmcast.pretraining import training as training_module
from lstmcast.pretraining.objective import HeldOut, HeldOutLoss, losses, new_network
from lstmcast.pretraining.observers import Interrupted, References, Silent
from lstmcast.pretraining.progress import LEARNING_RATE, WEIGHT_DECAY, Training
from lstmcast.pretraining.settings import BURN_IN, Settings
from lstmcast.pretraining.supply import HELD_OUT, Inputs, markets_of, order_of
from lstmcast.pretraining.training import learning_rate, pretrain
from lstmcast.pretraining.weights import Pretrained


class Stopper(Silent):
    """Asks for a stop after some steps in all, and keeps what it hears."""

    def __init__(self, after: int = 0) -> None:
        self.after = after
        self.stop = threading.Event()
        self.steps = 0
        self.looks: list[HeldOutLoss] = []
        self.references: References | None = None

    def on_train_begin(self, references: References) -> None:
        self.references = references

    def on_step_end(self, *_: object) -> None:
        self.steps += 1
        if self.steps == self.after:
            self.stop.set()

    def on_evaluate(self, _n: int, _t: Training, _share: float, loss: HeldOutLoss) -> None:
        self.looks.append(loss)


@pytest.fixture(scope="module")
def whole() -> Pretrained:
    """Two networks, never interrupted."""
    return pretrain(tiny(networks=2))


def test_the_held_out_loss_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_module, "WARM_UP_STEPS", 1)
    observer = Stopper()
    made = pretrain(tiny(steps=10), observer)
    assert observer.references is not None
    (end,) = observer.looks
    first = observer.references.untrained
    assert end.next_session < first.next_session - 0.005
    assert np.mean(end.further) < np.mean(first.further) - 0.005
    # One who knows the volatility is ahead of what ten steps teach.
    assert observer.references.known_volatility < end.next_session
    record = made.record
    assert record["networks"][0]["held_out"] == end.to_dict()
    assert record["untrained"] == first.to_dict()
    assert (record["steps"], record["markets"]) == (10, 80)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    whole: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_module, "markets_of", markets_of)  # simulated anew
    assert same_weights(whole, pretrain(tiny(networks=2)))
    other = pretrain(tiny(seed=1))
    assert not torch.equal(other.states[0]["head.weight"], whole.states[0]["head.weight"])
    first, second = (state["encoder.lstm.cells.0.weight_hh"] for state in whole.states)
    assert not torch.equal(first, second)


def test_processes_that_simulate_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them, and forked: a new one loads PyTorch, which takes longer than all of this."""

    def executor(_: int, context: Any, **begin: Any) -> ProcessPoolExecutor:
        assert context.get_start_method() == "spawn"
        assert pickle.loads(pickle.dumps(begin)) == begin  # noqa: S301 - the test's own
        return ProcessPoolExecutor(1, get_context("fork"), **begin)

    here = pretrain(tiny(steps=2))
    monkeypatch.setattr(training_module, "markets_of", markets_of)  # a function that can be sent
    monkeypatch.setattr(supply, "ProcessPoolExecutor", executor)
    assert same_weights(here, pretrain(tiny(steps=2), jobs=2))


@pytest.mark.parametrize("after", [3, 6, 8], ids=lambda k: f"{k} steps")
def test_it_goes_on_to_the_same_bits(whole: Pretrained, tmp_path: Path, after: int) -> None:
    """Inside a chunk, between two networks, and inside the second network."""
    file, settings = tmp_path / "w.partial", tiny(networks=2)
    stopper = Stopper(after)
    with pytest.raises(Interrupted, match=r"interrupted after \d steps") as stopped:
        pretrain(settings, stopper, partial_file=file, stop=stopper.stop)
    assert stopped.value.kept == file
    assert stopper.steps == after
    rest = Stopper()
    made = pretrain(settings, rest, partial_file=file, resume=True)
    assert rest.steps == 12 - after
    assert same_weights(made, whole)
    losses_of = [each["held_out"] for each in made.record["networks"]]
    assert losses_of == [each["held_out"] for each in whole.record["networks"]]
    assert made.record["steps"] == 12


def test_it_goes_on_from_a_save_on_the_way(whole: Pretrained, tmp_path: Path) -> None:
    """As after a crash: the file of the last save, which knows nothing of the end."""
    file, kept = tmp_path / "w.partial", []

    class Keeper(Silent):
        def on_step_end(self, *_: object) -> None:
            if file.exists():
                kept.append(file.read_bytes())

    pretrain(tiny(networks=2), Keeper(), partial_file=file, save_every=0.0)
    assert len(kept) == 11
    for content in (kept[0], kept[8]):
        file.write_bytes(content)
        made = pretrain(tiny(networks=2), partial_file=file, resume=True)
        assert same_weights(made, whole)


def test_a_stop_before_the_first_markets_are_there_keeps_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    file = tmp_path / "w.partial"
    with pytest.raises(Interrupted, match="interrupted after 0 steps") as stopped:
        pretrain(tiny(), partial_file=file, stop=stop)
    assert stopped.value.kept is None
    assert not file.exists()


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a pretraining keeps that was stopped after two steps."""
    file, stopper = tmp_path_factory.mktemp("partial") / "w.partial", Stopper(2)
    with pytest.raises(Interrupted, match="after 2 steps"):
        pretrain(tiny(), stopper, partial_file=file, stop=stopper.stop)
    return file.read_bytes()


def test_other_settings_are_refused_with_both_values(partial: bytes, tmp_path: Path) -> None:
    file = tmp_path / "w.partial"
    file.write_bytes(partial)
    other = tiny(seed=7, steps=None, minutes=2.0, without=("news",))
    with pytest.raises(UsageError, match="was begun with other settings") as refused:
        pretrain(other, partial_file=file, resume=True)
    for words in (
        "`seed` was 0, now 7",
        "`steps` was 6, now not given",
        "`minutes` was not given, now 2.0",
        "`without` was nothing, now news",
    ):
        assert words in refused.value.message
    assert file.read_bytes() == partial


def test_a_damaged_partial_file_is_refused(partial: bytes, tmp_path: Path) -> None:
    file = tmp_path / "w.partial"

    def message() -> str:
        with pytest.raises(RunError, match=re.escape(str(file))) as refused:
            pretrain(tiny(), partial_file=file, resume=True)
        return refused.value.message

    assert "does not exist" in message()
    for content in (b"", partial[:-9], b"not safetensors at all", pretrain(tiny(steps=1)).dump()):
        file.write_bytes(content)
        assert "cannot be resumed" in message()

    file.write_bytes(partial)
    tensors, told = read_tensors(file)

    def write(tensors: dict[str, torch.Tensor], **changes: object) -> None:
        write_unsealed(file, tensors, told | changes, "lstmcast.partial")

    write(tensors)
    pretrain(tiny(), partial_file=file, resume=True)  # written back as it was, it is whole
    write({n: t for n, t in tensors.items() if n != "average.head.bias"})
    assert "it has no 'average.head.bias'" in message()
    write(tensors | {"exp_avg.head.bias": torch.full((6,), torch.nan)})
    assert "not finite" in message()
    write(tensors | {"weight.head.bias": torch.zeros(5)})
    assert "cannot be resumed" in message()
    write(tensors, settings=told["settings"] | {"steps": "six"})
    assert "`steps` is 'six'" in message()
    write(tensors, settings={"steps": 6})
    assert "cannot be resumed" in message()
    write(tensors, settings=[])
    assert "cannot be resumed" in message()


def test_a_loss_that_is_not_finite_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(torch.nan), torch.zeros(6)

    monkeypatch.setattr(training_module, "losses", lost)
    with pytest.raises(DivergedError, match="the loss is nan in step 1"):
        pretrain(tiny())


def test_minutes_end_it_and_lower_the_rate() -> None:
    made = pretrain(tiny(steps=None, minutes=0.1 / 60))
    (network,) = made.record["networks"]
    assert network["steps"] >= 1
    assert 0.1 <= network["seconds"] < 60
    assert made.record["settings"]["minutes"] == 0.1 / 60


def test_steps_are_those_of_adamw() -> None:
    """Two of them by its formulas, the second down half the gradient of the first."""
    training, rate = Training(5, tiny(), 0), 0.01
    weights = {name: p.detach().clone() for name, p in training.network.named_parameters()}
    for number, share in enumerate((1.0, 0.5)):
        for name, parameter in training.network.named_parameters():
            slope = torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape)
            parameter.grad = share * slope
            mean, square = ((1.0, 1.0), (0.14 / 0.19, 0.001249 / 0.001999))[number]
            step = mean * slope / (square**0.5 * slope.abs() + 1e-8)
            weights[name] = weights[name] * (1 - rate * WEIGHT_DECAY) - rate * step
        training.step(rate, most_norm=1e9)
    for name, parameter in training.network.named_parameters():
        torch.testing.assert_close(parameter.detach(), weights[name], rtol=1e-5, atol=1e-6)


def test_whichever_ends_first_ends_it() -> None:
    settings = Settings(minutes=2.0, steps=10)
    assert settings.share_done(5, 30) == 0.5
    assert settings.share_done(1, 90) == 0.75
    assert settings.share_done(11, 500) == 1


def test_the_rate_rises_and_falls() -> None:
    assert learning_rate(0, 0.0) == pytest.approx(LEARNING_RATE / 100)
    assert learning_rate(49, 0.0) == pytest.approx(LEARNING_RATE / 2)
    assert learning_rate(500, 0.5) == pytest.approx(LEARNING_RATE / 2)
    assert learning_rate(1000, 1.0) == pytest.approx(LEARNING_RATE / 100)


def test_inputs_are_scaled_where_they_are_there_and_zero_where_not() -> None:
    panel = markets_of(tiny(), (0, 0))
    inputs = Inputs.of(panel)
    scaled = inputs.scaled(panel.features)
    missing = panel.features.isnan()
    assert missing.any()
    assert (scaled[missing] == 0).all()
    for k, name in enumerate(panel.columns):
        there = scaled[..., k][~missing[..., k]]
        if name.startswith("has_"):
            assert set(there.unique().tolist()) <= {0.0, 1.0}
            assert (scaled[..., k] == panel.features[..., k]).all()
        elif len(there) and there.std() > 0:
            assert float(there.mean()) == pytest.approx(0, abs=1e-4)
            assert float(there.std(correction=0)) == pytest.approx(1, abs=1e-3)


def test_columns_that_no_market_of_the_first_chunk_has_stay_finite() -> None:
    panel = markets_of(tiny(), (0, 0))
    lacking = panel.features.clone()
    lacking[..., 3] = torch.nan
    inputs = Inputs.of(type(panel)(**(vars(panel) | {"features": lacking})))
    assert (inputs.offset[3], inputs.factor[3]) == (0, 1)
    assert np.isfinite(inputs.offset).all()
    assert (inputs.factor > 0).all()


def test_markets_differ_by_network_and_chunk_and_from_those_held_out() -> None:
    settings = tiny()
    keys = [(0, 0), (0, 1), (1, 0), HELD_OUT]
    closes = [markets_of(settings, key).scale for key in keys]
    for k, one in enumerate(closes):
        assert torch.equal(one, markets_of(settings, keys[k]).scale)
        assert not any(torch.equal(one, other) for other in closes[:k])
    assert not torch.equal(order_of(settings, 0, 0), order_of(settings, 0, 1))
    assert sorted(order_of(settings, 0, 0).tolist()) == [*range(16)]


def test_losses_are_means_after_the_burn_in_over_what_is_known() -> None:
    """Beside SciPy's density, value by value."""
    from scipy.stats import t

    panel = markets_of(tiny(), (0, 0))
    inputs = Inputs.of(panel).scaled(panel.features)
    network = new_network(len(panel.columns), 4, seed=3)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    with torch.no_grad():
        near, far = losses(network, inputs, panel.scale, panel.next_returns, panel.cumulated)
        said, _ = network(inputs, panel.scale)
    df, loc, scale = (part.double().numpy() for part in said)
    draws = panel.next_returns.numpy()
    each = -t.logpdf(draws, df[..., :1], loc[..., :1], scale[..., :1])
    assert float(near) == pytest.approx(np.nanmean(each[:, BURN_IN:]), abs=1e-4)
    each = -t.logpdf(panel.cumulated.numpy(), df, loc, scale)[:, BURN_IN:]
    wanted = np.nanmean(each[..., 1:], axis=(0, 1))
    np.testing.assert_allclose(far.numpy(), wanted, atol=1e-4)
    assert np.isnan(each[..., -1]).any()
    held_out = HeldOut(panel, Inputs.of(panel), torch.device("cpu")).loss(network)
    assert held_out.next_session == pytest.approx(float(near), abs=1e-5)
    assert held_out.further == pytest.approx(far.tolist(), abs=1e-5)


def test_who_knows_the_volatility_scores_what_the_law_itself_scores() -> None:
    """Student-t returns of known volatility: the loss is the law's own but for the fit's noise."""
    from scipy.stats import t

    panel = markets_of(tiny(draws=1), (0, 0))
    shape = panel.next_returns.shape
    drawn = t.rvs(5, size=shape, random_state=1) * 0.7 * panel.volatility.numpy()[..., None]
    panel = type(panel)(
        **(vars(panel) | {"next_returns": torch.from_numpy(drawn.astype(np.float32))})
    )
    law = -t.logpdf(drawn, 5, 0, 0.7 * panel.volatility.numpy()[..., None])[:, BURN_IN:].mean()
    found = HeldOut(panel, Inputs.of(panel), torch.device("cpu")).known_volatility()
    assert law - 0.02 < found <= law + 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": None}, "neither `minutes` nor `steps` is given"),
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"minutes": 0.0}, "`minutes` must be above 0, got 0.0"),
        ({"minutes": float("nan")}, "`minutes` must be above 0, got nan"),
        ({"minutes": float("inf")}, "`minutes` must be above 0, got inf"),
        ({"networks": 0}, "`networks` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"sessions": 60}, "`sessions` must be at least 93, got 60"),
        ({"held_out": 12}, "`held_out` must be a multiple of 8, got 12"),
        ({"markets": 24, "batch": 16}, "`markets` must be a multiple of `batch`, got 24 and 16"),
        ({"without": ("nws",)}, "`without` names nws, which the prior does not have"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        tiny(**changes)


def test_settings_survive_their_json() -> None:
    settings = tiny(without=("news", "jumps"), minutes=3.5, seed=4)
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert settings == tiny(without=("jumps", "news"), minutes=3.5, seed=4)


def test_parts_left_out_change_the_markets() -> None:
    whole, less = (
        markets_of(tiny(without=without), HELD_OUT).scale for without in ((), ("feedback",))
    )
    assert not torch.equal(whole, less)

"""Whole networks: causal, resumable, reproducible, and clear about wrong settings."""

import copy
import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from lstmcast.errors import ConfigError
from lstmcast.nn import HEADS, NETWORKS, Network, build_network

INPUT, HIDDEN, BATCH, TIME = 5, 8, 3, 40
EVERY = [(network, head) for network in NETWORKS for head in HEADS]


def make(network: str = "lstm", head: str = "student_t", **options: object) -> Network:
    """A network whose forecasts depend on its inputs (a fresh head's would not)."""
    generator = torch.Generator().manual_seed(1)
    settings = {"input_size": INPUT, "hidden_size": HIDDEN, "horizons": (1, 5)} | options
    built = build_network(network, head, generator=generator, **settings)  # type: ignore[arg-type]
    with torch.no_grad():
        built.head.weight.normal_(generator=generator)
    return built.double()


def inputs() -> tuple[Tensor, Tensor]:
    x = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)
    return x, torch.rand(BATCH, TIME, dtype=torch.float64) * 0.02 + 0.005


@pytest.mark.parametrize(("network", "head"), EVERY)
def test_the_future_changes_nothing(network: str, head: str) -> None:
    model = make(network, head, num_layers=2).eval()
    x, scale = inputs()
    changed_x, changed_scale = x.clone(), scale.clone()
    changed_x[:, 20:] += 5.0
    changed_scale[:, 20:] *= 3.0
    before, _ = model(x, scale)
    after, _ = model(changed_x, changed_scale)
    for was, is_now in zip(before, after, strict=True):
        assert torch.equal(was[:, :20], is_now[:, :20])
    assert any(not torch.equal(was, is_now) for was, is_now in zip(before, after, strict=True))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("initial_state", ["zeros", "learned"])
def test_state_carried_over_cuts_is_one_pass(network: str, initial_state: str) -> None:
    model = make(network, num_layers=2, initial_state=initial_state).eval()
    x, scale = inputs()
    whole, last = model(x, scale)
    state, pieces = None, []
    for piece in (slice(0, 1), slice(1, 3), slice(3, 39), slice(39, 40)):
        params, state = model(x[:, piece], scale[:, piece], state)
        pieces.append(params)
    for parts, value in zip(zip(*pieces, strict=True), whole, strict=True):
        torch.testing.assert_close(torch.cat(parts, dim=1), value)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_input_and_every_weight_matters(network: str) -> None:
    model = make(network, num_layers=2, initial_state="learned")
    x, scale = inputs()
    x.requires_grad_()
    params, _ = model(x, scale)
    model.head.loss(params, torch.zeros(BATCH, TIME, 2).double() + 0.01).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert x.grad is not None
    assert (x.grad.abs().sum(dim=(0, 2)) > 0).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_learned_first_state_starts_as_zeros(network: str) -> None:
    x, scale = inputs()
    zeros, learned = (make(network, initial_state=kind).eval() for kind in ("zeros", "learned"))
    torch.testing.assert_close(zeros(x, scale), learned(x, scale))
    names = {name for name, _ in learned.named_parameters()}
    assert {name.rsplit(".", 1)[-1] for name in names} >= {"first_h", "first_c"}
    assert not any("first_" in name for name, _ in zeros.named_parameters())
    with torch.no_grad():
        for name, parameter in learned.named_parameters():
            if "first_" in name:
                parameter.add_(1.0)
    moved = learned(x, scale)[0].scale
    assert not torch.allclose(zeros(x, scale)[0].scale[:, 0], moved[:, 0])


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_go_through_a_state_dict(network: str) -> None:
    model = make(network, num_layers=2, initial_state="learned")
    other = build_network(
        network,
        "student_t",
        input_size=INPUT,
        hidden_size=HIDDEN,
        horizons=(1, 5),
        num_layers=2,
        initial_state="learned",
    ).double()
    other.load_state_dict(model.state_dict())
    x, scale = inputs()
    for one, two in zip(model.eval()(x, scale)[0], other.eval()(x, scale)[0], strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("network", NETWORKS)
def test_dropout_follows_its_generator_even_among_threads(network: str) -> None:
    model = make(network, num_layers=2, dropout=0.4, input_dropout=0.2)
    x, scale = inputs()

    def run(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        own = copy.deepcopy(model)
        draws = [own(x, scale, generator=generator)[0].scale for _ in range(5)]
        return torch.stack(draws).detach()

    alone = [run(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, range(4)))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(alone[0], alone[1])
    model.eval()
    assert torch.equal(model(x, scale)[0].scale, model(x, scale)[0].scale)


def test_input_dropout_and_output_dropout_each_do_something() -> None:
    x, scale = inputs()
    plain = make()(x, scale)[0].scale
    for model in (make(dropout=0.5), make(input_dropout=0.5)):
        dropped = model(x, scale, generator=torch.Generator())[0].scale
        assert not torch.allclose(plain, dropped)


@pytest.mark.parametrize("network", NETWORKS)
def test_same_generator_same_weights(network: str) -> None:
    one, other = make(network), make(network)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize(("network", "head"), EVERY)
def test_runs_on_the_meta_device(network: str, head: str) -> None:
    with torch.device("meta"):
        model = build_network(network, head, input_size=INPUT, horizons=range(1, 21), num_layers=2)
        params, state = model(torch.empty(BATCH, 4, INPUT), torch.empty(BATCH, 4))  # each is slow
    assert all(value.device.type == "meta" for value in (*params, *state))
    assert params[0].shape[:3] == (BATCH, 4, 20)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"network": "gru"}, "`network` has no choice 'gru'", "choose one of: lstm"),
        ({"head": "gauss"}, "`head` has no choice 'gauss'", "student_t"),
        ({"initial_state": "ones"}, "`initial_state` has no choice 'ones'", "zeros, learned"),
        ({"hidden_size": 0}, "`hidden_size` must be at least 1, got 0", ""),
        ({"num_layers": 0}, "`num_layers` must be at least 1, got 0", ""),
        ({"input_size": 0}, "`input_size` must be at least 1, got 0", ""),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\), got 1.0", ""),
        ({"input_dropout": -0.1}, r"`input_dropout` must be in \[0, 1\), got -0.1", ""),
        ({"horizons": ()}, "`horizons` must be sessions ahead", r"range\(1, 21\)"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], message: str, hint: str) -> None:
    settings = {"network": "lstm", "head": "student_t", "input_size": INPUT} | options
    build = inspect.unwrap(build_network)  # below the annotations that the tests enforce
    with pytest.raises(ConfigError, match=message) as caught:
        build(**settings)
    assert hint.replace("\\", "") in (caught.value.hint or "")

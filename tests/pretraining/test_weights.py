"""The file of pretrained networks, and networks of an experiment that begin as one."""

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.pretrained import COLUMNS, same_weights
from support.tensors import read_tensors, write_unsealed

from lstmcast.config import Model
from lstmcast.errors import RunError
from lstmcast.nn import Network, build_network
from lstmcast.pretraining.files import FLAG
from lstmcast.pretraining.objective import new_network
from lstmcast.pretraining.panel import INPUT_GROUPS, OPTIONAL_GROUPS
from lstmcast.pretraining.settings import HORIZONS
from lstmcast.pretraining.weights import Pretrained, shipped

HIDDEN = 5
ROWS = (3, 12)
OF_GROUP = {
    "returns": ("return", "abs_return"),
    "news": ("news_quarter",),
    "range": ("parkinson_1", "parkinson_5"),
    "volume": ("volume",),
    "pool": ("pool_return",),
    "pool_range": ("pool_parkinson_1",),
}


@pytest.fixture(scope="module")
def pretrained() -> Pretrained:
    """Two networks with weights of every size, none of them zero."""
    generator = torch.Generator().manual_seed(1)
    states = []
    for seed in (1, 2):
        state = new_network(len(COLUMNS), HIDDEN, seed).state_dict()
        states.append(
            {n: v + 0.2 * torch.randn(v.shape, generator=generator) for n, v in state.items()}
        )
    flags = np.array([name.startswith(FLAG) for name in COLUMNS])
    numbers = np.random.default_rng(0)
    return Pretrained(
        COLUMNS,
        np.where(flags, 0.0, numbers.normal(size=len(COLUMNS))),
        np.where(flags, 1.0, numbers.uniform(0.5, 2, len(COLUMNS))),
        HORIZONS,
        HIDDEN,
        1,
        tuple(states),
        {"date": "2026-01-01", "steps": 12},
    )


def said_by(network: Network, columns: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad():
        scale = torch.linspace(0.5, 2.0, ROWS[0] * ROWS[1]).reshape(ROWS)
        params, _ = network(torch.stack([*columns.values()], dim=-1), scale)
    return list(params)


def begun(pretrained: Pretrained, columns: list[str], groups: list[str], **kind: Any) -> Network:
    """A network of an experiment, whose own first weights must not matter."""
    generator = torch.Generator().manual_seed(99)
    network = build_network(
        "lstm", "student_t", input_size=len(columns), hidden_size=HIDDEN, skip_connection=True,
        generator=generator, **kind,
    )  # fmt: skip
    torch.nn.init.normal_(network.head.weight, generator=generator)
    number = 1
    pretrained.begin(network, number, columns, groups)
    return network


@pytest.mark.parametrize("horizons", [(1,), (1, 2, 3, 4, 5), (5,), (2, 20), HORIZONS], ids=str)
@pytest.mark.parametrize(
    "groups",
    [
        list(INPUT_GROUPS),
        ["returns"],
        ["returns", "news", "range"],
        ["volume", "pool", "returns"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("extra", [(), ("rsi_14", "SPY_return")], ids=["", "with extra columns"])
def test_a_network_that_begins_as_pretrained_says_what_that_one_says(
    pretrained: Pretrained, groups: list[str], extra: tuple[str, ...], horizons: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(5)
    there = [name for group in groups for name in OF_GROUP[group]]
    own = {name: torch.randn(ROWS, generator=generator) for name in (*extra, *there)}
    flags = {
        f"{FLAG}{group}": torch.full(ROWS, float(group in groups)) for group in OPTIONAL_GROUPS
    }
    zero = torch.zeros(ROWS)
    all_columns = {name: flags.get(name, own.get(name, zero)) for name in COLUMNS}
    whole = new_network(len(COLUMNS), HIDDEN)
    whole.load_state_dict(pretrained.states[1])
    network = begun(pretrained, [*own], groups, horizons=horizons)
    common = [h for h in horizons if h in HORIZONS]
    for theirs, ours in zip(said_by(whole, all_columns), said_by(network, own), strict=True):
        wanted = theirs[..., [HORIZONS.index(h) for h in common]]
        torch.testing.assert_close(ours[..., [horizons.index(h) for h in common]], wanted)


def test_the_flags_matter(pretrained: Pretrained) -> None:
    """Or the test above would not notice if they were forgotten."""
    own = {name: torch.zeros(ROWS) for name in OF_GROUP["returns"]}
    said = [
        said_by(begun(pretrained, [*own], groups), own)[2]
        for groups in (["returns"], ["returns", "range"])
    ]
    assert float((said[0] - said[1]).abs().min()) > 1e-3


def test_symbols_begin_alike_and_extra_columns_can_learn(pretrained: Pretrained) -> None:
    columns = ["return", "rsi_14"]
    network = begun(pretrained, columns, ["returns"], symbols=2)
    assert network.head.offsets is not None
    assert (network.head.offsets == 0).all()
    network(torch.ones(1, 4, 2), torch.ones(1, 4))[0].scale.sum().backward()
    weights = network.get_parameter("encoder.lstm.cells.0.weight_ih")
    assert (weights[:, 1] == 0).all()
    assert weights.grad is not None
    assert (weights.grad[:, 1] != 0).any()


def test_networks_are_taken_in_turn(pretrained: Pretrained) -> None:
    columns = ["return"]
    networks = [begun(pretrained, columns, []) for _ in range(4)]
    for k, network in enumerate(networks):
        pretrained.begin(network, k, columns, ["returns"])
    first, second, third, fourth = (n.get_parameter("head.weight") for n in networks)
    assert torch.equal(first, third)
    assert torch.equal(second, fourth)
    assert not torch.equal(first, second)


def test_scaling_is_known_for_the_columns_that_are_read(pretrained: Pretrained) -> None:
    offset, factor = pretrained.scaling(["volume", "rsi_14", "has_volume", "return"])
    place = [COLUMNS.index("volume"), COLUMNS.index("return")]
    assert np.isnan(offset).tolist() == np.isnan(factor).tolist() == [False, True, True, False]
    assert (offset[[0, 3]] == pretrained.offset[place]).all()
    assert (factor[[0, 3]] == pretrained.factor[place]).all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"hidden_size": 7}, "`model.hidden_size` is 7, theirs is 5"),
        ({"num_layers": 2}, "`model.num_layers` is 2, theirs is 1"),
        ({"network": "lstm_cnn"}, "`model.network` is lstm_cnn, theirs is lstm"),
        ({"head": "quantile"}, "`model.head` is quantile, theirs is student_t"),
    ],
)
def test_what_keeps_a_network_from_beginning_as_pretrained(
    pretrained: Pretrained, changes: dict[str, Any], problem: str
) -> None:
    settled: dict[str, Any] = {"hidden_size": HIDDEN, "head": "student_t"}
    assert pretrained.problem(Model(**(settled | changes))) == problem


def test_the_file_holds_what_was_written(pretrained: Pretrained, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(pretrained.dump())
    found = Pretrained.load(path)
    assert same_weights(found, pretrained)
    assert (found.horizons, found.hidden_size, found.num_layers) == (HORIZONS, HIDDEN, 1)
    assert found.record == pretrained.record
    assert pretrained.dump() == path.read_bytes()


Parts = tuple[dict[str, torch.Tensor], dict[str, Any]]


def without(name: str) -> Callable[[Parts], None]:
    return lambda parts: parts[0].__delitem__(name)


def tensor(name: str, value: object) -> Callable[[Parts], None]:
    return lambda parts: parts[0].__setitem__(name, torch.as_tensor(value))


def told(name: str, value: object) -> Callable[[Parts], None]:
    return lambda parts: parts[1].__setitem__(name, value)


def untold(name: str) -> Callable[[Parts], None]:
    return lambda parts: parts[1].__delitem__(name)


WIDTH = len(COLUMNS)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("network.1.head.bias"), "the weight head.bias"),
        (without("input.offset"), "it has no 'input.offset'"),
        (tensor("network.0.strange", [1.0]), "the weight strange"),
        (tensor("network.0.head.bias", [torch.nan] * 6), "a weight is not finite"),
        (tensor("network.0.head.bias", [1.0] * 5), "(5,) instead of (6,)"),
        (tensor("network.1.head.weight", [[1.0]]), "(1, 1) instead of"),
        (tensor("input.offset", [torch.nan] * WIDTH), "its scaling does not fit"),
        (tensor("input.factor", [torch.inf] * WIDTH), "its scaling does not fit"),
        (tensor("input.factor", [1.0]), "its scaling does not fit 13 columns"),
        (tensor("input.factor", [0.0] * WIDTH), "not above 0"),
        (tensor("input.factor", [2.0] * WIDTH), "a column that begins with `has_` is scaled"),
        (told("networks", 0), "it says that it holds 0 networks"),
        (told("networks", 10**12), "it says that it holds 1000000000000 networks"),
        (told("networks", 3), "the weight"),
        (told("networks", float("inf")), "cannot convert float infinity"),
        (told("hidden_size", 6), "instead of"),
        (told("hidden_size", 10**9), "Storage size calculation overflowed"),
        (told("hidden_size", 0), "`hidden_size` must be at least 1, got 0"),
        (told("num_layers", 2), "the weight"),
        (told("num_layers", 10**9), "it says that its networks have 1000000000 layers"),
        (told("horizons", []), "increasing order"),
        (told("horizons", [1]), "instead of"),
        (told("columns", ["return"] * WIDTH), "a column is there twice"),
        (told("columns", ["return"]), "its scaling does not fit 1 columns"),
        (told("record", "nothing"), "cannot be used"),
        (untold("record"), "it has no 'record'"),
        (untold("columns"), "it has no 'columns'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    pretrained: Pretrained, tmp_path: Path, damage: Callable[[Parts], None], message: str
) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(pretrained.dump())
    parts = read_tensors(path)
    damage(parts)
    write_unsealed(path, *parts)
    with pytest.raises(RunError, match=re.escape(message)) as refused:
        Pretrained.load(path)
    assert str(path) in refused.value.message


@pytest.mark.parametrize("cut", [0, 7, 1000, -1])
def test_a_file_cut_short_is_refused(pretrained: Pretrained, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(pretrained.dump()[:cut])
    with pytest.raises(RunError, match="cannot be used as pretrained weights"):
        Pretrained.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(RunError, match="does not exist"):
        Pretrained.load(path)
    with pytest.raises(RunError, match="cannot be used"):
        Pretrained.load(tmp_path)
    for metadata in (None, {"lstmcast": "[]"}, {"lstmcast": "{"}, {"other": "{}"}):
        save_file({"a": torch.zeros(1)}, path, metadata)
        with pytest.raises(RunError, match="cannot be used"):
            Pretrained.load(path)


def test_the_shipped_file_is_small_and_loads() -> None:
    found = shipped()
    size = len((files("lstmcast.pretraining") / "weights.safetensors").read_bytes())
    assert size <= 2_000_000
    assert found.states
    assert found.horizons == HORIZONS
    assert {f"{FLAG}{group}" for group in OPTIONAL_GROUPS} <= set(found.columns)
    # The default experiment begins with it.
    assert found.problem(Model(head="student_t")) == ""


def test_a_file_of_before_whose_encoder_is_called_body_is_read_to_the_bit(
    pretrained: Pretrained, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pretrained.dump())
    tensors, values = read_tensors(path)
    named = {name.replace(".encoder.", ".body."): tensor for name, tensor in tensors.items()}
    assert any(".body." in name for name in named)
    write_unsealed(path, named, values)
    assert same_weights(Pretrained.load(path), pretrained)

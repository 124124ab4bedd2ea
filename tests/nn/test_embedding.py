"""The symbol embedding: nothing at first, its own symbol's alone, and zeros for the unknown."""

import pytest
import torch
from torch import Tensor

from lstmcast.nn import NETWORKS, Network, SymbolEmbedding, build_network
from lstmcast.nn.embedding import UNKNOWN

INPUT, SYMBOLS, SIZE, TIME = 5, 3, 2, 30


def make(network: str = "lstm", *, stirred: bool = True) -> Network:
    generator = torch.Generator().manual_seed(1)
    embedding = SymbolEmbedding(SYMBOLS, SIZE)
    built = build_network(
        network,
        "student_t",
        input_size=INPUT,
        hidden_size=8,
        embedding=embedding,
        generator=generator,
    )
    with torch.no_grad():
        built.head.weight.normal_(generator=generator)
        if stirred:
            embedding.weight.normal_(generator=generator)
    return built


def widths(network: Network, x: Tensor, symbols: list[int] | None) -> Tensor:
    numbers = None if symbols is None else torch.tensor(symbols)
    params, _ = network.eval()(x, torch.ones(x.shape[:2]), symbols=numbers)
    found: Tensor = params.scale.detach()
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_each_symbol_has_its_own_and_an_unknown_one_none(network: str) -> None:
    x = torch.randn(1, TIME, INPUT).expand(5, -1, -1)
    found = widths(make(network), x, [0, 1, 2, SYMBOLS, SYMBOLS + 4])
    for k in range(3):
        for other in range(k + 1, 4):
            assert not torch.equal(found[k], found[other])
    torch.testing.assert_close(found[3], found[4])
    torch.testing.assert_close(found[3:], widths(make(network), x[3:], None))


def test_it_begins_as_nothing_and_is_learned() -> None:
    network, x = make(stirred=False), torch.randn(1, TIME, INPUT).expand(4, -1, -1)
    found = widths(network, x, [0, 1, 2, SYMBOLS])
    assert all(torch.equal(found[0], one) for one in found)
    params, _ = network(x[:2], torch.ones(2, TIME), symbols=torch.tensor([1, SYMBOLS]))
    network.head.loss(params, torch.ones(2, TIME, 1)).mean().backward()
    assert network.embedding is not None
    gradient = network.embedding.weight.grad
    assert gradient is not None
    assert gradient[1].abs().min() > 0
    assert not gradient[[0, 2]].any()


def test_some_training_sequences_are_read_without_their_symbol() -> None:
    embedding = SymbolEmbedding(SYMBOLS, SIZE)
    torch.nn.init.ones_(embedding.weight)
    x, symbols = torch.zeros(4000, 2, INPUT), torch.arange(4000) % SYMBOLS
    generator = torch.Generator().manual_seed(3)
    numbers = embedding.train()(x, symbols, generator)[..., INPUT:].detach()
    assert torch.equal(numbers[:, 0], numbers[:, 1])  # hidden for a whole sequence
    assert float((numbers == 0).float().mean()) == pytest.approx(UNKNOWN, abs=0.02)
    assert embedding.eval()(x, symbols, generator)[..., INPUT:].min() == 1.0
    again = embedding.train()(x, symbols, torch.Generator().manual_seed(3))[..., INPUT:]
    assert torch.equal(again, numbers)


@pytest.mark.parametrize("network", NETWORKS)
def test_state_carried_over_a_cut_is_one_pass(network: str) -> None:
    model, x, symbols = make(network).eval(), torch.randn(2, TIME, INPUT), torch.tensor([2, 0])
    scale = torch.ones(2, TIME)
    whole, _ = model(x, scale, symbols=symbols)
    first, state = model(x[:, :11], scale[:, :11], symbols=symbols)
    second, _ = model(x[:, 11:], scale[:, 11:], state, symbols=symbols)
    torch.testing.assert_close(torch.cat([first.scale, second.scale], dim=1), whole.scale)

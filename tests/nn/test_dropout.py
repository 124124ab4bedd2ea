"""Variational dropout: one mask a sequence, from the generator that was passed."""

import torch

from lstmcast.nn import variational_dropout


def test_a_feature_is_silenced_for_the_whole_sequence() -> None:
    dropped = variational_dropout(torch.ones(50, 9, 40), 0.25, training=True)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.flatten().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}


def test_the_expected_value_stays() -> None:
    ones = torch.ones(2000, 1, 50)
    dropped = variational_dropout(ones, 0.3, training=True, generator=torch.Generator())
    # The standard error of the mean of 100,000 masks is 0.002.
    assert abs(dropped.mean().item() - 1.0) < 0.01


def test_masks_come_from_the_generator_alone() -> None:
    x = torch.randn(8, 3, 10)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = variational_dropout(x, 0.5, training=True, generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    other = variational_dropout(x, 0.5, training=True, generator=torch.Generator().manual_seed(7))
    assert torch.equal(one, other)


def test_outside_training_and_at_rate_zero_nothing_happens() -> None:
    x = torch.randn(8, 3, 10)
    state = torch.get_rng_state()
    assert variational_dropout(x, 0.5, training=False) is x
    assert variational_dropout(x, 0.0, training=True) is x
    assert torch.equal(torch.get_rng_state(), state)

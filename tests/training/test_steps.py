"""The optimiser's steps against PyTorch's own, and the average that follows them."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from support.descent import AdamW
from support.experiments import random_member, weights

from lstmcast.training.loop import run_epoch
from lstmcast.training.replay import Replay
from lstmcast.training.steps import Steps


class Plain:
    """A recorder that plays a result and keeps nothing of what made it, as a CUDA graph does."""

    def warm_up(self, function: Callable[[], torch.Tensor]) -> torch.Tensor:
        return function()

    def record(
        self,
        function: Callable[[], torch.Tensor],
        generator: torch.Generator | None,  # noqa: ARG002 - the protocol's
    ) -> Callable[[], torch.Tensor]:
        result = function()
        return lambda: result


def test_the_steps_are_those_of_torch_s_adamw() -> None:
    """Clipped by PyTorch as well, with the warm-up written out; to rounding."""
    options = (
        "training.clip_norm=0.05",
        "training.weight_decay=0.1",
        "training.learning_rate_warmup=3",
    )
    (ours, panel, settings), (theirs, _, _) = (random_member(*options) for _ in range(2))
    matrices = [p for p in theirs.parameters() if p.dim() > 1]
    others = [p for p in theirs.parameters() if p.dim() <= 1]
    optimisers = AdamW(matrices, weight_decay=0.1), AdamW(others)
    steps = Steps(ours, settings, learning_rate=0.05)
    clipped = 0
    batches = [*panel.training_batches(torch.Generator().manual_seed(1))][:6]
    for number, batch in enumerate(batches):
        both = [torch.Generator().manual_seed(2) for _ in range(2)]
        run_epoch(ours, [batch], steps, both[0])
        params, _ = theirs.train()(batch.features, batch.scale, generator=both[1])
        losses = theirs.head.loss(params, batch.targets) * batch.weight
        theirs.zero_grad()
        (losses.sum() / (batch.weight.sum() * len(losses))).backward()
        clipped += float(torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)) > 0.05
        for optimiser in optimisers:
            optimiser.step(0.05 * min(1.0, (number + 1) / 3))
        expected = weights(theirs)
        for name, value in weights(ours).items():
            torch.testing.assert_close(value, expected[name], atol=3e-5, rtol=1e-3)
    assert clipped


def test_a_step_follows_a_gradient_no_longer_than_the_clip() -> None:
    network, panel, settings = random_member("training.clip_norm=0.001")
    batch = next(panel.training_batches(torch.Generator().manual_seed(1)))
    run_epoch(network, [batch], Steps(network, settings, learning_rate=0.01))
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    assert 0.9e-3 < float(torch.cat(gradients).norm()) <= 1.001e-3


def test_the_average_lags_behind_the_weights_and_is_what_is_kept() -> None:
    """With decay d the average after step n is d * average + (1 - d) * weights."""
    network, panel, settings = random_member("training.ema_decay=0.75")
    steps = Steps(network, settings, learning_rate=0.01)
    expected = weights(network)
    for seed, first in ((1, True), (2, False)):
        batch = next(panel.training_batches(torch.Generator().manual_seed(seed)))
        run_epoch(network, [batch], steps)
        share = 1.0 if first else 0.25  # the first step starts the average
        expected = {n: w + share * (weights(network)[n] - w) for n, w in expected.items()}
    for name, value in steps.ema.state_dict().items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("ema_decay", [0.75, 0.0])
def test_weights_in_one_block_are_taught_as_those_that_lie_apart(
    ema_decay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for joined in (True, False):
        monkeypatch.setattr("lstmcast.training.steps.joins_weights", lambda _, way=joined: way)
        network, panel, settings = random_member(
            f"training.ema_decay={ema_decay}", "training.weight_decay=0.1", "model.num_layers=2"
        )
        places = [weight.data_ptr() for weight in network.parameters()]
        steps = Steps(network, settings, learning_rate=0.01)
        moved = [weight.data_ptr() for weight in network.parameters()]
        assert (moved == places) is not joined
        masks = torch.Generator().manual_seed(2)
        run_epoch(network, panel.training_batches(torch.Generator().manual_seed(1)), steps, masks)
        found.append(weights(network) | {f"mean {k}": v for k, v in weights(steps.ema).items()})
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], atol=1e-6, rtol=1e-5)


def test_steps_are_freed_when_nobody_holds_them() -> None:
    """Not when Python next looks for cycles, which the program puts off."""
    network, panel, settings = random_member()
    gc.disable()
    try:
        steps = Steps(network, settings, learning_rate=0.01)
        steps._replay = Replay(Plain())
        run_epoch(network, panel.training_batches(torch.Generator().manual_seed(1)), steps)
        seen = weakref.ref(steps)
        del steps
        assert seen() is None
    finally:
        gc.enable()


def test_the_learning_rate_rises_over_the_warm_up() -> None:
    network, panel, settings = random_member("training.learning_rate_warmup=4")
    steps = Steps(network, settings, learning_rate=0.4)
    rates = []
    for seed in range(6):
        rates.append(steps.learning_rate)
        batch = next(panel.training_batches(torch.Generator().manual_seed(seed)))
        run_epoch(network, [batch], steps)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])

"""A recorded step against the plain one, with a recorder that works as a CUDA graph does.

A CUDA graph repeats kernels on fixed addresses: every Python number in the step is what it was when
it was recorded, and every tensor must lie where it lay. `Tape` does the same on the CPU, one
operator at a time, so a step that a graph would get wrong goes wrong here as well.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
import torch
from support.experiments import random_member, weights
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from lstmcast.nn.encoders.lstm import LSTMEncoder
from lstmcast.training.loop import run_epoch
from lstmcast.training.replay import WARM_UP, CudaRecorder, Replay
from lstmcast.training.steps import Steps


def bare(value: Any) -> Any:
    """A tensor's memory without the graph of its gradient."""
    return value.detach() if isinstance(value, Tensor) else value


class Tape(TorchDispatchMode):
    """Records operators, and plays them again on the same tensors; waits for none of them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate it
        self.recordings = self.plays = 0
        self.generators: list[torch.Generator | None] = []
        self._calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operator and write it down."""
        assert func is not torch.ops.aten._local_scalar_dense.default, "it fetches a number"
        found = func(*args, **(kwargs or {}))
        self._calls.append((func, *tree_map(bare, (args, kwargs or {}, found))))
        return found

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """Nothing to set up."""
        return function()

    def record(
        self, function: Callable[[], Tensor], generator: torch.Generator | None
    ) -> Callable[[], Tensor]:
        """Unlike CUDA it runs what it records: that stands for the first play."""
        self.recordings += 1
        self.generators.append(generator)
        with self:
            result = function()

        def play() -> Tensor:
            self.plays += 1
            if self.plays == 1:
                return result.clone()
            with torch.no_grad():
                for func, args, kwargs, found in self._calls:
                    again = func(*args, **kwargs)
                    for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                        if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                            old.copy_(new)
            return result.clone()

        return play


@pytest.mark.parametrize(("ema_decay", "joined"), [(0.9, True), (0.0, True), (0.9, False)])
def test_recorded_steps_are_the_plain_ones(
    ema_decay: float, joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the warm-up of the learning rate, with masks, and with a smaller batch in between."""
    options = (
        *("training.learning_rate_warmup=9", "model.dropout=0.3", "training.weight_decay=0.1"),
        f"training.ema_decay={ema_decay}",
    )
    monkeypatch.setattr("lstmcast.training.steps.joins_weights", lambda _: joined)
    found, losses, tape = {}, {}, Tape()
    for recorded in (False, True):
        network, panel, settings = random_member(*options, "training.clip_norm=0.05")
        # oneDNN's layer keeps what its backward pass needs only where a gradient is asked for.
        cast("LSTMEncoder", network.encoder).lstm.kernel = "reference"
        steps = Steps(network, settings, learning_rate=0.05)
        if recorded:
            steps._replay = Replay(tape)
        order, masks = (torch.Generator().manual_seed(seed) for seed in (1, 2))
        batches = [*panel.training_batches(order)]
        smaller = [*panel._batches(panel.starts[:5], 5)]
        assert len(batches) > WARM_UP + 2
        seen = (batches, smaller, batches)
        losses[recorded] = [run_epoch(network, some, steps, masks) for some in seen]
        found[recorded] = (weights(network), weights(steps.ema))
    assert tape.generators == [masks]
    assert (tape.recordings, tape.plays) == (1, 2 * len(batches) - WARM_UP)
    assert losses[True] == losses[False]
    for recorded_weights, plain in zip(found[True], found[False], strict=True):
        for name, value in plain.items():
            torch.testing.assert_close(recorded_weights[name], value, rtol=0, atol=0)


def test_without_cuda_nothing_is_recorded() -> None:
    network, panel, settings = random_member("training.replay=cuda_graph")
    steps = Steps(network, settings, learning_rate=0.01)
    plain, _, _ = random_member()
    batches = [*panel.training_batches(torch.Generator().manual_seed(1))]
    run_epoch(network, batches, steps, torch.Generator().manual_seed(2))
    others = Steps(plain, settings.model_copy(update={"replay": "none"}), learning_rate=0.01)
    run_epoch(plain, batches, others, torch.Generator().manual_seed(2))
    for name, value in weights(plain).items():
        assert torch.equal(weights(network)[name], value)


def test_a_cuda_graph_is_asked_for_as_pytorch_s_manual_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is called with what, in order, with stand-ins: no CUDA device is tested here."""
    asked: list[str] = []
    device, generator = torch.device("cuda", 1), cast("torch.Generator", object())
    before, stream, graph = MagicMock(), MagicMock(), MagicMock()
    names = {id(before): "before", id(stream): "stream"}
    before.wait_stream = lambda other: asked.append(f"before waits for {names[id(other)]}")
    stream.wait_stream = lambda other: asked.append(f"stream waits for {names[id(other)]}")
    graph.register_generator_state = lambda given: asked.append(f"generator {given is generator}")
    graph.replay = lambda: asked.append("replay")

    @contextmanager
    def inside(name: str) -> Iterator[None]:
        asked.append(f"into {name}")
        yield
        asked.append(f"out of {name}")

    def capture(*, cuda_graph: Any, stream: Any, capture_error_mode: str) -> Any:
        assert cuda_graph is graph
        return inside(f"capture on {names[id(stream)]}, {capture_error_mode}")

    def of(wanted: Any, answer: Any) -> Callable[[Any], Any]:
        def ask(given: Any) -> Any:
            assert given == wanted
            return answer

        return ask

    cuda = SimpleNamespace(
        CUDAGraph=lambda: graph,
        Stream=of(device, stream),
        current_stream=of(device, before),
        stream=lambda given: inside(names[id(given)]),
        graph=lambda given, **rest: capture(cuda_graph=given, **rest),
    )
    monkeypatch.setattr(torch, "cuda", cuda)
    recorder, held = CudaRecorder(device), torch.zeros(())

    def step() -> Tensor:
        asked.append("step")
        return held

    assert recorder.warm_up(step) is held
    assert asked == [
        *("stream waits for before", "into stream", "step", "out of stream"),
        "before waits for stream",
    ]
    asked.clear()
    play = recorder.record(step, generator)
    mode = "capture on stream, thread_local"
    assert asked == ["generator True", f"into {mode}", "step", f"out of {mode}"]
    first = play()
    held.add_(1.0)
    assert (float(first), float(play())) == (0.0, 1.0)
    assert asked[-2:] == ["replay", "replay"]

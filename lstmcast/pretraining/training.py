"""Training networks on simulated markets alone.

A step takes some of the markets that were simulated last and goes down the gradient of the loss
(`objective`) with AdamW; its rate rises for a hundred steps and then falls along a cosine over the
time or the steps that there are. What is kept is an exponential average of the weights. Each market
is seen once.

The same seed, steps, device and number of threads give the same weights to the last bit, whether or
not the training was interrupted on the way; given in minutes, it depends on the machine.

Source: networks that learn from simulations of a prior, Mueller et al. (2022), Transformers can do
Bayesian inference; the cosine, Loshchilov and Hutter (2017), SGDR; the average, Polyak and Juditsky
(1992), Acceleration of stochastic approximation by averaging.
"""

import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lstmcast import __version__
from lstmcast.errors import DivergedError
from lstmcast.files import write_atomically
from lstmcast.pretraining.objective import (
    FURTHER_WEIGHT,
    HeldOut,
    HeldOutLoss,
    losses,
    new_network,
)
from lstmcast.pretraining.observers import Interrupted, Observer, References, Silent
from lstmcast.pretraining.panel import SimulatedPanel
from lstmcast.pretraining.progress import LEARNING_RATE, Progress, Training
from lstmcast.pretraining.settings import HORIZONS, Settings
from lstmcast.pretraining.supply import HELD_OUT, Inputs, Stopped, Supply, markets_of, order_of
from lstmcast.pretraining.weights import Pretrained

WARM_UP_STEPS = 100
LOWEST_RATE = 0.01
"""Of the learning rate, at the end of the cosine."""

MOST_NORM = 1.0
"""Longer gradients are shortened to this (Pascanu, Mikolov and Bengio 2013)."""

SAVE_EVERY = 120.0
"""Seconds of training between two looks at the held-out markets, each with a save."""


def pretrain(
    settings: Settings,
    observer: Observer | None = None,
    *,
    partial_file: Path | None = None,
    resume: bool = False,
    stop: threading.Event | None = None,
    save_every: float = SAVE_EVERY,
    jobs: int = 1,
) -> Pretrained:
    """Train networks on simulated markets.

    Args:
        settings: how long, from which seed, and on which markets.
        observer: hears how it goes on.
        partial_file: where the pretraining is kept on the way, to go on from; None for nowhere.
        resume: go on from there.
        stop: set by another thread or a signal's handler, it ends the training after the step.
        save_every: seconds between two saves.
        jobs: processes that simulate markets; a GPU waits for fewer than a dozen.

    Raises:
        RunError: nothing to go on from, or a damaged file.
        UsageError: settings other than those that the file was begun with.
        DivergedError: a loss that is not finite.
        OutputError: a save that failed.
        Interrupted: if `stop` was set; what was trained is in the file.
    """
    run = _Pretraining(
        settings, observer or Silent(), partial_file, stop or threading.Event(), jobs
    )
    begun = Progress.load(partial_file, settings) if resume and partial_file else None
    return run(begun, save_every)


class _Pretraining:
    """One call of `pretrain`."""

    progress: Progress
    held_out: HeldOut
    references: References

    def __init__(
        self,
        settings: Settings,
        observer: Observer,
        file: Path | None,
        stop: threading.Event,
        jobs: int,
    ) -> None:
        self.settings = settings
        self.observer = observer
        self.file = file
        self.stop = stop
        self.device = torch.device(settings.device)
        self.supply = Supply(partial(markets_of, settings), stop, jobs)

    def __call__(self, begun: Progress | None, save_every: float) -> Pretrained:
        try:
            self._prepare(begun)
            while len(self.progress.finished) < self.settings.networks:
                self._train_next(save_every)
        except Stopped:
            training = self.progress.training if hasattr(self, "progress") else None
            raise Interrupted(training.steps if training else 0, self._save()) from None
        finally:
            self.supply.close()
        return self._pretrained()

    def _prepare(self, begun: Progress | None) -> None:
        """Simulate what is needed before the first step."""
        if begun is None:
            begun = Progress(self.settings, Inputs.of(self.supply.take((0, 0), [HELD_OUT])))
        self.progress = begun
        inputs = begun.inputs
        self.held_out = HeldOut(self.supply.take(HELD_OUT), inputs, self.device)
        untrained = new_network(len(inputs.columns), self.settings.hidden_size).to(self.device)
        self.references = References(
            self.held_out.loss(untrained), self.held_out.known_volatility()
        )
        self.observer.on_train_begin(self.references)

    def _train_next(self, save_every: float) -> None:
        """Train one network from where it stands to its end."""
        training = self.progress.begin_next()
        started = time.monotonic() - training.seconds
        saved = time.monotonic()
        for rows, chunk in self._batches(training):
            self._step(training, rows, chunk)
            training.seconds = time.monotonic() - started
            if time.monotonic() - saved > save_every:
                self._look(training)
                self._save()
                saved = time.monotonic()
            if self._share(training) < 1 and self.stop.is_set():
                raise Stopped
        self.progress.finish(self._look(training).to_dict())
        self._save()

    def _share(self, training: Training) -> float:
        return self.settings.share_done(training.steps, training.seconds)

    def _batches(self, training: Training) -> Iterator[tuple[Tensor, "_Chunk"]]:
        """Which markets of which chunk each step takes, until the training is over."""
        number, settings = len(self.progress.finished), self.settings
        per_chunk = settings.markets // settings.batch
        while self._share(training) < 1:
            chunk, done = divmod(training.steps, per_chunk)
            chunks = math.inf if settings.steps is None else settings.steps / per_chunk
            following = range(chunk + 1, chunk + 1 + self.supply.ahead)
            panel = self.supply.take(
                (number, chunk), [(number, k) for k in following if k < chunks]
            )
            data = _Chunk.of(panel, self.progress.inputs, self.device)
            for rows in order_of(settings, number, chunk).split(settings.batch)[done:]:
                yield rows.to(self.device), data
                if self._share(training) >= 1:
                    return

    def _step(self, training: Training, rows: Tensor, chunk: "_Chunk") -> None:
        share = self._share(training)
        training.network.zero_grad()
        next_session, further = losses(training.network, *(part[rows] for part in chunk))
        loss = next_session + FURTHER_WEIGHT * further.mean()
        if not math.isfinite(value := float(loss.detach())):
            raise DivergedError(
                f"the loss is {value} in step {training.steps + 1}", "begin with another seed"
            )
        loss.backward()
        training.step(learning_rate(training.steps, share), MOST_NORM)
        number = len(self.progress.finished)
        self.observer.on_step_end(
            number, training, self._share(training), float(next_session.detach())
        )

    def _look(self, training: Training) -> HeldOutLoss:
        """Hold the average of the weights against markets that it was not trained on."""
        network = new_network(len(self.progress.inputs.columns), self.settings.hidden_size)
        network.load_state_dict(training.average)
        found = self.held_out.loss(network.to(self.device).eval())
        self.observer.on_evaluate(
            len(self.progress.finished), training, self._share(training), found
        )
        return found

    def _save(self) -> Path | None:
        """Write where it stands, if there is anything yet and a place for it."""
        if self.file is None or not hasattr(self, "progress"):
            return None
        write_atomically(self.file, self.progress.dump())
        return self.file

    def _pretrained(self) -> Pretrained:
        inputs, settings, finished = self.progress.inputs, self.settings, self.progress.finished
        record = {
            "lstmcast": __version__,
            "torch": version("torch"),
            "date": datetime.now(UTC).date().isoformat(),
            "settings": settings.to_dict(),
            "steps": sum(each.steps for each in finished),
            "markets": settings.batch * sum(each.steps for each in finished),
            "minutes": round(sum(each.seconds for each in finished) / 60, 2),
            "networks": [each.to_dict() for each in finished],
            "untrained": self.references.untrained.to_dict(),
            "known_volatility": {"1": self.references.known_volatility},
        }
        return Pretrained(
            inputs.columns,
            inputs.offset,
            inputs.factor,
            HORIZONS,
            settings.hidden_size,
            1,
            tuple(each.weights for each in finished),
            record,
        )


class _Chunk(NamedTuple):
    """A chunk of markets where the training is: what `losses` takes after the network."""

    inputs: Tensor
    scale: Tensor
    next_returns: Tensor
    cumulated: Tensor

    @classmethod
    def of(cls, panel: SimulatedPanel, inputs: Inputs, device: torch.device) -> "_Chunk":
        parts = (panel.features, panel.scale, panel.next_returns, panel.cumulated)
        features, *others = (part.to(device) for part in parts)
        return cls(inputs.scaled(features), *others)


def learning_rate(steps: int, share: float) -> float:
    """The rate of the next step: a linear rise, then a cosine.

    Args:
        steps: taken so far.
        share: of the training that is behind the network, from 0 to 1.
    """
    cosine = max(LOWEST_RATE, 0.5 * (1 + math.cos(math.pi * share)))
    return LEARNING_RATE * min(1.0, (steps + 1) / WARM_UP_STEPS) * cosine

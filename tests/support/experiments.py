"""Experiments small enough to train in a second, and what came of training them."""

from dataclasses import dataclass, field
from functools import lru_cache

import torch

from lstmcast.config import Experiment, Training, parse_experiment
from lstmcast.nn import Network
from lstmcast.prices.history import PriceHistory
from lstmcast.training import EpochRecord, Trained, resolve_experiment, train_experiment
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.group import new_network
from lstmcast.training.prepare import prepare
from support.histories import simulated

SMALL = """
name: small
data: {symbols: [AAA]}
target: {horizon: 3}
split: {train: 0.6, validation: 0.2, test: 0.2}
model: {start: random, hidden_size: 4, num_layers: 1, dropout: 0.1, input_dropout: 0.1, members: 2}
training: {lookback: 24, burn_in: 4, batch_size: 32, epochs: 2, patience: 5,
           learning_rate: 0.01, learning_rate_warmup: 2, ema_decay: 0.5, device: cpu, seed: 7,
           threads: 2}
calibration: {kind: none}
"""
"""Every key that a default could change is given, so that a test does not depend on defaults.

The networks begin with random weights: the best epoch of one that begins as a linear model may be
the one before any training, and then a test would say nothing of the LSTM.
"""

LINEAR = ("model.start=pretrained", "calibration.kind=adaptive")

LAST = ("training.supervision=last",)
PRICE = (
    *LAST,
    "target.kind=price",
    "target.horizon=1",
    "features=[price]",
    "model.head=point",
    "model.members=1",
)


def small(*overrides: str) -> Experiment:
    """The small experiment with `a.b=c` overrides."""
    return parse_experiment(SMALL, overrides)


@dataclass
class Recorder:
    """An observer that keeps what it is told."""

    begun: list[int] = field(default_factory=list)
    records: list[tuple[EpochRecord, bool]] = field(default_factory=list)
    restarts: list[tuple[int, float]] = field(default_factory=list)
    finished: dict[int, bool] = field(default_factory=dict)

    def on_train_begin(self, member: int) -> None:
        self.begun.append(member)

    def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
        self.records.append((record, best))

    def on_restart(self, member: int, learning_rate: float) -> None:
        self.restarts.append((member, learning_rate))

    def on_train_end(self, member: int, *, kept: bool) -> None:
        self.finished[member] = kept


def train(experiment: Experiment, *histories: PriceHistory) -> Trained:
    """Train without watching."""
    histories = histories or (simulated(),)
    return train_experiment(resolve_experiment(experiment, histories), histories, Recorder())


@lru_cache(maxsize=48)
def trained(*overrides: str) -> Trained:
    """The small experiment trained on `simulated()`; shared, so leave it as it is."""
    return train(small(*overrides))


def random_member(*overrides: str) -> tuple[Network, DevicePanel, Training]:
    """A network of the small experiment before any training, and what it is trained on."""
    prepared = prepare(small(*overrides), [simulated()])
    panel = DevicePanel(prepared)
    network = new_network(prepared.experiment, panel.input_size, seed=11)
    return network, panel, prepared.experiment.training


def weights(network: Network) -> dict[str, torch.Tensor]:
    """A network's weights by name."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def same_weights(one: Network, other: Network) -> bool:
    """Whether two networks agree to the bit."""
    ours, theirs = weights(one), weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)

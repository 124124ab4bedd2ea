"""How the members of a group are made: what they begin as, are trained on, and end as.

A member begins as a network that was trained on simulated markets (`lstmcast.pretraining`); its
head is fitted to the training rows by as much as they can say (`head_fit`). From there the whole
network is trained, on the next session alone, with a head for one horizon. Then it is given the
head for all of them: what it knows of the next session stays as it is, and how the forecast goes on
from there is fitted in the same way. So further horizons cost the next session nothing, whatever
their number.

A network that has no pretrained weights begins with new ones; its head is fitted to the features
alone, which makes it a linear model of them before the LSTM says anything.

Training leaves the location where the fit put it: units find a mean in any history, and it is not
there in the next one.

Without a skip connection, or with a head whose horizons have nothing to do with each other, all are
trained at once.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from lstmcast.calibration.series import MapFunction, sequential_map
from lstmcast.config import Experiment
from lstmcast.nn import Network
from lstmcast.nn.heads import Head
from lstmcast.pretraining.weights import Pretrained
from lstmcast.shelf import let_go
from lstmcast.training.device import (
    available_threads,
    give_back_freed_memory,
    in_threads,
    one_thread_each,
)
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.group import new_network
from lstmcast.training.head_fit import MOST_OUTCOMES, HeadPrior, fit_head, thinned
from lstmcast.training.units import units_at
from lstmcast.training.warm_start import copy_weights
from lstmcast.worker import inside

PRETRAINED = HeadPrior(units=0.045, features=0.025, bias=0.2, offsets=0.1)
NEW = HeadPrior(units=0.0, features=0.1, bias=1.0, offsets=0.15, rows_exponent=0.25)
"""How far a market's head lies from where it starts. Chosen on validation rows."""

PRIOR_FACTORS = (1.0, 3.0, 0.0)
"""What `PRETRAINED` is multiplied by, member after member in turn; 0 leaves a member as it begins.

How far a market lies from the simulated ones is not known beforehand. A pool of members that go
some way, far, and nowhere is better on short histories and after a crash than one whose members all
go equally far, and as good elsewhere (Bates and Granger 1969, The combination of forecasts).
"""

WARM_START_LEARNING_RATE, NEW_LEARNING_RATE = 5e-4, 3e-3

MIN_GAIN = 5.0
"""Nats of validation for which a network leaves the weights that the head's fit left it with: very
strong evidence (Kass and Raftery 1995). With two, forty rows that happened to fit were enough."""

LONG_RUN_ROWS = 0.1
"""What share of a row a row counts where returns over several sessions overlap."""

LONG_RUN_OUTCOMES = 100_000
"""Rows times horizons that the further horizons are fitted to; neighbours overlap all but a day."""


LARGE = 2**25
"""Bytes of a fit's inputs beyond which members are fitted one after the other, each by all threads,
and what a fit freed in pieces is given back to the system: another thread would not find it."""

_LARGE_FIT = threading.Lock()


class MemberBuilder:
    """The members of one group, on the origins of one panel.

    Args:
        experiment: resolved, with the group's own network, head and features.
        whole: the panel with all horizons.
        first: number of the group's first member.
        start: what each member goes on from, reading this panel's inputs; empty for a new start.
        pretrained: what members begin as otherwise; None for new weights.

    `panel` is what the members are trained on: of the next session alone, or the whole.
    """

    def __init__(
        self,
        experiment: Experiment,
        whole: DevicePanel,
        first: int = 0,
        start: Sequence[Network] = (),
        pretrained: Pretrained | None = None,
    ) -> None:
        self.experiment = experiment
        self.whole = whole
        self.first = first
        self.pretrained = pretrained
        self.start = start
        network = new_network(experiment, whole.input_size, seed=0)
        self.in_two_stages = network.skip_connection and bool(network.head.long_run_outputs)
        self.panel = whole.next_session() if self.in_two_stages else whole

    @property
    def warm_start(self) -> bool:
        """Whether members begin with trained weights."""
        return bool(self.start) or self.pretrained is not None

    def _new(self, seed: int, member: int, *, whole: bool) -> Network:
        """A network before it has seen the panel: pretrained where there is such a one."""
        panel = self.whole if whole else self.panel
        network = initial_network(
            self.experiment,
            panel.columns,
            member - self.first,
            self.pretrained,
            seed,
            panel.horizon,
        )
        return network.to(panel.device)

    @property
    def learning_rate(self) -> float:
        """The optimiser's step size: the experiment's, or one that suits what members begin as."""
        default = WARM_START_LEARNING_RATE if self.warm_start else NEW_LEARNING_RATE
        return self.experiment.training.learning_rate or default

    @property
    def min_gain(self) -> float:
        """Nats of validation that a member must gain to leave what it begins as."""
        return MIN_GAIN if self.pretrained is not None else 0.0

    def prior(self, member: int) -> HeadPrior:
        """How far a member's head may go from where it starts."""
        return NEW if self.pretrained is None else PRETRAINED.times(self._prior_factor(member))

    def trains(self, member: int) -> bool:
        """Whether a member is fitted at all, or forecasts as it begins."""
        return self.experiment.training.epochs > 0 and self._prior_factor(member) > 0

    def _prior_factor(self, member: int) -> float:
        return (
            1.0
            if self.pretrained is None
            else PRIOR_FACTORS[(member - self.first) % len(PRIOR_FACTORS)]
        )

    def build(self, member: int, seed: int) -> Network:
        """A member as training finds it."""
        network = self._new(seed, member, whole=False)
        if self.start:
            copy_weights(network, self.start[member - self.first])
        if network.skip_connection and self.trains(member):
            self._fit(network, self.panel, network.head.initial_outputs, self.prior(member))
            _freeze_location(network.head)
        return network

    def finish(self, network: Network, member: int) -> Network:
        """The trained member with a forecast for every horizon."""
        if not self.in_two_stages:
            return network
        whole = self._new(0, member, whole=True)
        if not self.trains(member):
            return whole.eval()
        whole.encoder.load_state_dict(network.encoder.state_dict())
        head, initial = whole.head, whole.head.initial_outputs
        with torch.no_grad():
            head.weight[initial] = network.head.weight
            head.bias[initial] = network.head.bias
            if head.offsets is not None and network.head.offsets is not None:
                head.offsets[:, initial] = network.head.offsets
        prior = replace(self.prior(member), rows=LONG_RUN_ROWS)
        self._fit(whole, self.whole, ~initial, prior, LONG_RUN_OUTCOMES)
        let_go()  # of the outcomes at all horizons, which nothing else reads
        return whole.eval()

    def empty(self, member: int) -> Network:
        """A network like those that `finish` returns, to load weights into."""
        return self._new(0, member, whole=True)

    def _fit(
        self,
        network: Network,
        panel: DevicePanel,
        taught: Tensor,
        prior: HeadPrior,
        most: int = MOST_OUTCOMES,
    ) -> None:
        """Fit some of the raw outputs of a member's head to the training rows."""
        rows = thinned(panel.window_ends, panel.horizon, most)
        if 4 * len(rows) * (network.encoder.output_size + panel.input_size) <= LARGE:
            with one_thread_each():
                _fit_to_rows(network, panel, rows, taught, prior, sequential_map)
            return
        alone = inside() or panel.device.type != "cpu"
        threads = 1 if alone else available_threads(self.experiment.training.threads)
        with _LARGE_FIT, one_thread_each():
            shared_out = partial(in_threads, wanted=threads)
            _fit_to_rows(network, panel, rows, taught, prior, shared_out)
            give_back_freed_memory()


def initial_network(
    experiment: Experiment,
    columns: Sequence[str],
    number: int,
    pretrained: Pretrained | None,
    seed: int = 0,
    horizon: int | None = None,
) -> Network:
    """A network of an experiment before it has seen any row: pretrained, or with new weights.

    Args:
        experiment: resolved, with the group's own network, head and features.
        columns: what it reads.
        number: its place among the members of its group.
        pretrained: what it begins as; None for new weights.
        seed: of weights that are new.
        horizon: sessions ahead, where they are not the experiment's.
    """
    network = new_network(experiment, len(columns), seed, horizon)
    if pretrained is not None:
        pretrained.begin(network, number, columns, experiment.features or ())
    return network


def _fit_to_rows(
    network: Network,
    panel: DevicePanel,
    rows: Tensor,
    taught: Tensor,
    prior: HeadPrior,
    map_function: MapFunction,
) -> None:
    # In one block from the start: for many symbols it is the largest of a training.
    width = network.encoder.output_size
    inputs = torch.empty(len(rows), width + panel.input_size, device=panel.device)
    units_at(network, panel, rows, inputs[:, :width], map_function)
    if inputs.nbytes > LARGE:
        give_back_freed_memory()
    outcomes = panel.outcomes_at(rows, out=inputs[:, width:])
    every = torch.arange(len(rows), device=panel.device)
    fit_head(network.head, outcomes, every, inputs, width, prior, taught, map_function=map_function)


def _freeze_location(head: Head) -> None:
    """Keep training away from the location."""
    rows = list(head.location_outputs)
    for parameter in (head.weight, head.bias):
        taught = torch.ones_like(parameter)
        taught[rows] = 0.0
        parameter.register_hook(partial(torch.mul, taught))

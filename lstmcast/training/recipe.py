"""How the members of a group are made: what they begin as, are trained on, and end as.

A member with a direct path is trained on the next session alone, with a head for one horizon. Then
it is given the head for all of them: what it knows of the next session stays as it is, and how the
forecast goes on from there is fitted as a linear model of the features, by a few steps of L-BFGS.
So further horizons cost the next session nothing, whatever their number; and they are better
forecast than by units that learned from returns over overlapping spans, which repeat one another.

The location is the linear model's from beginning to end: units find a mean in any history, and it
is not there in the next one.

Without a direct path, or with a head whose horizons have nothing to do with each other, all are
trained at once.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lstmcast.config import Experiment
from lstmcast.nn import Network
from lstmcast.nn.heads import Head
from lstmcast.training.device import one_thread_each
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.direct import fit_direct_path, fit_head, thinned
from lstmcast.training.group import WINDOW_BATCH, new_network
from lstmcast.training.warm import go_on_from

FAR_OUTCOMES = 100_000
"""Rows times horizons that the further horizons are fitted to; neighbours overlap all but a day."""

FAR_ITERATIONS = 25
MEMBER_ITERATIONS = 5
"""Steps of the fit of the further horizons: from nothing, and from what the linear model has."""

FAR_PENALTY = 1e-1
"""Weight of the squared coefficients: overlapping returns are fewer than they look."""


class Recipe:
    """The members of one group, on the origins of one panel.

    Args:
        experiment: settled, with the group's own network, head and features.
        whole: the panel with all horizons.
        first: number of the group's first member.
        start: what each member goes on from, reading this panel's inputs; empty for new weights.

    `panel` is what the members are trained on: of the next session alone, or the whole.
    """

    def __init__(
        self,
        experiment: Experiment,
        whole: DevicePanel,
        first: int = 0,
        start: Sequence[Network] = (),
    ) -> None:
        self.experiment = experiment
        self.whole = whole
        self.first = first
        self.start = start
        network = new_network(experiment, whole.input_size, seed=0)
        self.step_by_step = network.direct and bool(network.head.far)
        self.panel = whole.next_session() if self.step_by_step else whole
        self._begin: dict[str, Tensor] | None = None
        self._far: dict[str, Tensor] | None = None
        if network.direct:
            linear = self._new(seed=0)
            self._begin = fit_direct_path(linear, self.panel)
            linear.head.load_state_dict(self._begin)
            if self.step_by_step:
                self._far = self._extended(linear, None).head.state_dict()

    def _new(self, seed: int) -> Network:
        horizon = self.panel.targets.shape[1]
        network = new_network(self.experiment, self.panel.input_size, seed, horizon)
        return network.to(self.panel.device)

    @property
    def warm(self) -> bool:
        """Whether members begin with trained weights."""
        return bool(self.start)

    def build(self, member: int, seed: int) -> Network:
        """A member as training finds it: see `model.start`, which a warm start replaces."""
        network = self._new(seed)
        if self.start:
            go_on_from(network, self.start[member - self.first])
            if self._begin is not None:
                # Training leaves the location alone: it would stay that of the first rows for ever.
                _hold(network.head, self._begin)
                if network.head.offsets is not None:
                    # Fitted to these rows as well: the symbols may be others than before.
                    network.head.offsets.copy_(self._begin["offsets"])
        elif self._begin is not None:
            start = self.experiment.model.start
            fitted = start == "linear" or (member - self.first) % 2 == 0
            # The others take its constants, which are few and slow to learn, and no coefficient.
            own = {} if fitted else {"weight": network.head.weight}
            network.head.load_state_dict({**self._begin, **own})
            _hold(network.head, self._begin)
        return network

    def finish(self, network: Network) -> Network:
        """The trained member with a forecast for every horizon."""
        return self._extended(network, self._far) if self.step_by_step else network

    def _extended(self, network: Network, far: dict[str, Tensor] | None) -> Network:
        """A network for all horizons that agrees with `network` on the next session.

        Args:
            network: for the next session.
            far: state of a head of all horizons to begin from; None for a new one.
        """
        panel = self.whole
        whole = new_network(self.experiment, panel.input_size, seed=0).to(panel.device)
        whole.body.load_state_dict(network.body.state_dict())
        if whole.embedding is not None and network.embedding is not None:
            whole.embedding.load_state_dict(network.embedding.state_dict())
        head = whole.head
        if far is not None:
            head.load_state_dict(far)
        near = head.near
        with torch.no_grad():
            head.weight[near] = network.head.weight
            head.bias[near] = network.head.bias
            if head.offsets is not None and network.head.offsets is not None:
                head.offsets[:, near] = network.head.offsets
        rows = thinned(panel.window_ends, panel.targets.shape[1], FAR_OUTCOMES)
        free = torch.zeros_like(head.weight, dtype=torch.bool)
        free[~near, whole.body.output_size :] = True
        steps = FAR_ITERATIONS if far is None else MEMBER_ITERATIONS
        with one_thread_each():
            units = units_at(whole, panel, rows)
            rows = rows.to(panel.device)
            inputs = torch.cat([units, panel.features[rows]], dim=-1)
            fit_head(head, panel, rows, inputs, free, penalty=FAR_PENALTY, iterations=steps)
        return whole.eval()


def _hold(head: Head, state: Mapping[str, Tensor]) -> None:
    """Give the head a state's location, and keep training away from it."""
    rows = list(head.drifts)
    for parameter, fitted in ((head.weight, state["weight"]), (head.bias, state["bias"])):
        with torch.no_grad():
            parameter[rows] = fitted[rows]
        taught = torch.ones_like(parameter)
        taught[rows] = 0.0
        parameter.register_hook(partial(torch.mul, taught))


@torch.no_grad()
def units_at(network: Network, panel: DevicePanel, rows: Tensor) -> Tensor:
    """The body's outputs at rows of the panel, as a forecast has them, `(rows, units)`.

    The state is carried from each symbol's first row on; where the loss is on the last step of a
    window, it begins anew with the window.

    Args:
        network: whose body.
        panel: the features.
        rows: in increasing order, each with a whole window before it where that is what is read.
    """
    network.eval()

    def run(features: Tensor, symbols: Tensor) -> Tensor:
        return network.units(features, symbols=symbols)[0]

    if panel.settings.supervision == "last":
        steps = torch.arange(-panel.settings.lookback + 1, 1)
        ends = rows.split(WINDOW_BATCH)
        return torch.cat(
            [
                run(panel.features[chosen[:, None] + steps], panel.symbols_at(chosen))[:, -1]
                for chosen in ends
            ]
        )
    wanted = [rows[(rows >= b.start) & (rows < b.stop)] - b.start for b in panel.blocks]
    known = [(b.start, r) for b, r in zip(panel.blocks, wanted, strict=True) if len(r)]
    # Each symbol up to its last wanted row; those that are shorter are filled up behind it.
    sequences = [panel.features[start : start + int(r[-1]) + 1] for start, r in known]
    symbols = panel.symbols_at(torch.tensor([start for start, _ in known]))
    outputs = run(pad_sequence(sequences, batch_first=True), symbols)
    return torch.cat([outputs[k, r.to(outputs.device)] for k, (_, r) in enumerate(known)])

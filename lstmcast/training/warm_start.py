"""A warm start: networks that begin as those of an earlier training ended.

Each training scales its inputs by statistics of its own training rows. With offset o and factor f
the earlier networks read (x - o) / f, the new ones read z = (x - o') / f', and

    (x - o) / f = z * f' / f + (o' - o) / f,

so the weights that read the inputs take up the change, and the new networks say at first what the
earlier ones said.
"""

import copy
from collections.abc import Sequence

import torch

from lstmcast.dataset import Scaler, Scaling
from lstmcast.nn import Network
from lstmcast.training.forecaster import Forecaster
from lstmcast.training.group import Group
from lstmcast.training.prepare import Prepared


def warm_starts(
    earlier: Forecaster | None, parts: Sequence[Prepared]
) -> tuple[list[list[Network]], tuple[str, ...]]:
    """The networks that the members of each group are warm-started from.

    Args:
        earlier: the earlier training, on rows that the new one may know; None for none.
        parts: the new training's data, one for each group.

    Returns:
        For each group its members' networks, none for a cold start; a note for each group that has
        to start cold although there is an earlier training.
    """
    if earlier is None:
        return [[] for _ in parts], ()
    networks: list[list[Network]] = []
    notes = []
    for number, part in enumerate(parts):
        group = next((group for group in earlier.groups if group.number == number), None)
        problem = _problem(group, part)
        if group is None or problem:
            who = f"the networks of variant {number}" if number else "the networks"
            notes.append(f"{who} begin anew: {problem}")
            networks.append([])
        else:
            # Those that validation stopped: the refitted ones have seen sessions that the new
            # training is validated on, and would seem better there than they are. A refit begins
            # with them too, since it is the epochs from there on that validation counts.
            networks.append([rescaled(n, group.scaling, part.scaling) for n in group.networks])
    return networks, tuple(notes)


def _problem(group: Group | None, part: Prepared) -> str:
    """Why the group's networks are no warm start; empty where they are one."""
    if group is None:
        return "none of them was trained before"
    ours, theirs = part.experiment, group.experiment
    if (ours.model, ours.target) != (theirs.model, theirs.target):
        return "`model` or `target` was another before"
    if part.scaling.columns != group.scaling.columns:
        changed = set(part.scaling.columns) ^ set(group.scaling.columns)
        return f"the features had other columns before ({', '.join(sorted(changed))})"
    if len(group.networks) != ours.model.members:
        return f"{len(group.networks)} of {ours.model.members} were trained before"
    return ""


def rescaled(network: Network, earlier: Scaling, later: Scaling) -> Network:
    """A copy of a network that says of inputs scaled by `later` what it said of those by `earlier`.

    An encoder with convolutions differs in the first sessions of a sequence, before which it reads
    zeros: the mean of the rows that a scaler was fitted to.
    """
    network = copy.deepcopy(network)
    if later.kind == "price":
        # Prices are shares of each symbol's own range, on the way in and on the way out: there is
        # no one change for all symbols, and what was learned of shares holds for shares.
        return network
    old, new = (_pooled(scaling) for scaling in (earlier, later))
    weight = network.head.weight
    factor, offset = (
        torch.as_tensor(values, dtype=weight.dtype, device=weight.device)
        for values in (new.factor / old.factor, (new.offset - old.offset) / old.factor)
    )
    network.encoder.adapt_inputs(factor, offset)
    if network.skip_connection:
        first = network.encoder.output_size
        read = slice(first, first + len(factor))
        with torch.no_grad():
            network.head.bias.add_(network.head.weight[:, read] @ offset)
            network.head.weight[:, read].mul_(factor)
    return network


def _pooled(scaling: Scaling) -> Scaler:
    """The scaler that all symbols share."""
    return next(iter(scaling.scalers.values()))


def copy_weights(network: Network, earlier: Network) -> None:
    """Give a new network the weights of an earlier one, in place, but for symbols' offsets.

    Args:
        network: of the same kind, for the earlier one's horizons or for the next session alone,
            of which it then gets what the earlier one says.
        earlier: for all horizons, reading inputs of the same scale, of the same symbols.
    """
    network.encoder.load_state_dict(earlier.encoder.state_dict())
    head, known = network.head, earlier.head
    if head.horizons == known.horizons:
        state = {name: w for name, w in known.state_dict().items() if name != "offsets"}
        head.load_state_dict(state, strict=False)
        return
    with torch.no_grad():
        head.weight.copy_(known.weight[known.initial_outputs])
        head.bias.copy_(known.bias[known.initial_outputs])

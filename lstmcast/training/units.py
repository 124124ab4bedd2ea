"""What an encoder says at chosen rows of a panel, as a forecast from each of them would read it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lstmcast.calibration.series import MapFunction, sequential_map
from lstmcast.nn import Network
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.group import WINDOW_BATCH

SYMBOLS_AT_ONCE = {"cpu": 4}
"""Symbols whose sequences are read at once, by kind of device. Four on a CPU are as fast as
sixteen, in a third of the memory."""

SYMBOLS_AT_ONCE_ELSEWHERE = 256


@torch.no_grad()
def units_at(
    network: Network,
    panel: DevicePanel,
    rows: Tensor,
    out: Tensor | None = None,
    map_function: MapFunction = sequential_map,
) -> Tensor:
    """The encoder's outputs at rows of the panel, as a forecast has them, `(rows, units)`.

    The state is carried from each symbol's first row on; where the loss is on the last step of a
    window, it begins anew with the window.

    Args:
        network: whose encoder.
        panel: the features.
        rows: in increasing order, each with a whole window before it where that is what is read.
        out: where they are put; a new tensor if None.
        map_function: applies a function to many groups of symbols, in threads where that is wanted.
    """
    network.eval()
    found = out
    if found is None:
        found = torch.empty(len(rows), network.encoder.output_size, device=panel.device)

    def run(features: Tensor) -> Tensor:
        return network.units(features.to(panel.device))[0]

    if panel.settings.supervision == "last":
        steps = torch.arange(-panel.settings.lookback + 1, 1)
        for chosen, place in zip(rows.split(WINDOW_BATCH), found.split(WINDOW_BATCH), strict=True):
            place.copy_(run(panel.features[chosen[:, None] + steps])[:, -1])
        return found
    starts = torch.tensor([block.start for block in panel.blocks])
    cuts = torch.searchsorted(rows.contiguous(), starts)[1:].tolist()
    places = zip(rows.tensor_split(cuts), found.tensor_split(cuts), strict=True)
    wanted = zip(panel.blocks, places, strict=True)
    known = [(block.start, own - block.start, place) for block, (own, place) in wanted if len(own)]
    size = SYMBOLS_AT_ONCE.get(panel.device.type, SYMBOLS_AT_ONCE_ELSEWHERE)

    @torch.no_grad()  # which other threads do not have from this one
    def read(some: Sequence[tuple[int, Tensor, Tensor]]) -> None:
        # Each symbol up to its last wanted row; those that are shorter are filled up behind it.
        sequences = [panel.features[start : start + int(own[-1]) + 1] for start, own, _ in some]
        outputs = run(pad_sequence(sequences, batch_first=True))
        for n, (_, own, place) in enumerate(some):
            place.copy_(outputs[n, own.to(outputs.device)])

    map_function(read, [known[k : k + size] for k in range(0, len(known), size)])
    return found

"""Networks run by PyTorch, on the device that they are on."""

from collections.abc import Sequence

import torch

from lstmcast.dataset.panel import Float32Array
from lstmcast.nn import Network
from lstmcast.training.accelerator import arithmetic
from lstmcast.training.device import one_thread_each


class TorchRunner:
    """Networks of one kind.

    Args:
        networks: in evaluation mode, all on one device.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks

    def run(
        self,
        features: Float32Array,
        scale: Float32Array,
        symbols: Sequence[int],
        horizon: int,  # noqa: ARG002 - theirs is fixed
    ) -> list[dict[str, Float32Array]]:
        """The parameters of each network's head at every step; see `group.Runner`."""
        device = next(self._networks[0].parameters()).device
        x, unit = (torch.from_numpy(values).to(device) for values in (features, scale))
        numbers = torch.tensor(list(symbols), device=device)
        answers = []
        with one_thread_each(), arithmetic("float32", device), torch.inference_mode():
            for network in self._networks:
                params, _ = network(x, unit, symbols=numbers)
                answers.append({name: v.cpu().numpy() for name, v in params._asdict().items()})
        return answers

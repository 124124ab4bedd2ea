"""A network's layers with their number of weights, for `train` and `runs show`."""

from dataclasses import dataclass

from lstmcast.nn import LSTMCell, Network


@dataclass(frozen=True)
class SummaryRow:
    """One layer.

    Args:
        name: its place in the network.
        kind: its class.
        shape: inputs and units, where they are known.
        parameters: numbers that training may change.
    """

    name: str
    kind: str
    shape: str
    parameters: int


def summary(network: Network) -> list[SummaryRow]:
    """The layers of a network that hold weights of their own, in order; a last row adds them up."""
    rows = []
    for name, module in network.named_modules():
        own = sum(weight.numel() for weight in module.parameters(recurse=False))
        if own:
            rows.append(SummaryRow(name or "network", type(module).__name__, _shape(module), own))
    total = sum(weight.numel() for weight in network.parameters())
    return [*rows, SummaryRow("total", type(network).__name__, "", total)]


def _shape(module: object) -> str:
    if isinstance(module, LSTMCell):
        return f"{module.input_size} -> {module.hidden_size}"
    weight = getattr(module, "weight", None)
    if weight is None or weight.dim() < 2:
        return ""
    return f"{weight.shape[1]} -> {weight.shape[0]}"

"""The pretrained networks as an ONNX file."""

from lstmcast.graphs.checked import checked_graph
from lstmcast.pretraining.graph import about
from lstmcast.pretraining.weights import Pretrained


def dump_graph(pretrained: Pretrained, weights: str) -> bytes:
    """The bytes of the file.

    Args:
        pretrained: the networks.
        weights: hex SHA-256 of the file of their weights.

    Raises:
        NotExportableError: if the graph forecasts otherwise than PyTorch.
    """
    told = about(weights, pretrained.columns, pretrained.offset, pretrained.factor)
    return checked_graph(pretrained.as_trained(), told)[0]

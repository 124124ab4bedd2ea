"""The heads: what a network's outputs are turned into.

A new head is a file with a subclass of `Head` and its line in `HEADS`.
"""

from lstmcast.nn.heads.base import Head
from lstmcast.nn.heads.point import PointHead, PointParams
from lstmcast.nn.heads.quantile import QuantileHead, QuantileParams
from lstmcast.nn.heads.student_t import StudentTHead, StudentTParams

HEADS: dict[str, type[Head]] = {head.name: head for head in (StudentTHead, QuantileHead, PointHead)}

__all__ = [
    "HEADS",
    "Head",
    "PointHead",
    "PointParams",
    "QuantileHead",
    "QuantileParams",
    "StudentTHead",
    "StudentTParams",
]

"""Causal transforms of price histories into what a network reads, in named groups."""

from lstmcast.features.bars import Bars
from lstmcast.features.matrices import FeatureMatrix, build_features, build_matrices
from lstmcast.features.registry import (
    GROUPS,
    FeatureGroup,
    default_groups,
    groups_left_out,
    groups_named,
    late_beginnings,
)

__all__ = [
    "GROUPS",
    "Bars",
    "FeatureGroup",
    "FeatureMatrix",
    "build_features",
    "build_matrices",
    "default_groups",
    "groups_left_out",
    "groups_named",
    "late_beginnings",
]

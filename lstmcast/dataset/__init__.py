"""From feature tables to what training reads: split, scaler, targets, and windows as views."""

from lstmcast.dataset.panel import (
    Block,
    PanelInputs,
    PanelTargets,
    Scaling,
    build_inputs,
    build_targets,
    fit_scaling,
    window_starts,
)
from lstmcast.dataset.scaler import Scaler
from lstmcast.dataset.split import (
    Boundaries,
    Parts,
    assign_origins,
    check_horizon,
    check_parts,
    check_tested,
    check_windows,
    purged_sessions,
    resolve_split,
)
from lstmcast.dataset.target import LogReturnTarget, PriceTarget, Target

__all__ = [
    "Block",
    "Boundaries",
    "LogReturnTarget",
    "PanelInputs",
    "PanelTargets",
    "Parts",
    "PriceTarget",
    "Scaler",
    "Scaling",
    "Target",
    "assign_origins",
    "build_inputs",
    "build_targets",
    "check_horizon",
    "check_parts",
    "check_tested",
    "check_windows",
    "fit_scaling",
    "purged_sessions",
    "resolve_split",
    "window_starts",
]

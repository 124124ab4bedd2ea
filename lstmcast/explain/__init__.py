"""What a trained network does inside: its gates, its feature importance, and what widened a range.

Numbers only; `lstmcast.plots` draws them. Everything here only reads the networks.
"""

from lstmcast.explain.attribution import Attribution, attribute, by_group, reach_by_lag
from lstmcast.explain.effects import EWMA, Effect, Importance
from lstmcast.explain.gates import GateTrace, most_influential_units, trace_gates
from lstmcast.explain.importance import importance
from lstmcast.explain.inputs import Inputs, column_groups, inputs_of, networks_of, validation_rows
from lstmcast.explain.summary import SummaryRow, summary
from lstmcast.explain.widening import Widening, explain_ranges, widening

__all__ = [
    "EWMA",
    "Attribution",
    "Effect",
    "GateTrace",
    "Importance",
    "Inputs",
    "SummaryRow",
    "Widening",
    "attribute",
    "by_group",
    "column_groups",
    "explain_ranges",
    "importance",
    "inputs_of",
    "most_influential_units",
    "networks_of",
    "reach_by_lag",
    "summary",
    "trace_gates",
    "validation_rows",
    "widening",
]

"""What a forecast is worth: scores beside the baselines, tests, and the verdict.

Modules are loaded when a name of theirs is asked for: a forecast needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.evaluation.conditions import check_conditions, parse_conditions
    from lstmcast.evaluation.evaluator import evaluate
    from lstmcast.evaluation.finding import Finding
    from lstmcast.evaluation.report import ForecasterReport, Report
    from lstmcast.evaluation.scores import Scores, row_losses, score_table
    from lstmcast.evaluation.verdict import Verdict

__all__ = [
    "Finding",
    "ForecasterReport",
    "Report",
    "Scores",
    "Verdict",
    "check_conditions",
    "evaluate",
    "parse_conditions",
    "row_losses",
    "score_table",
]

_HOMES = {
    "Finding": "finding",
    "ForecasterReport": "report",
    "Report": "report",
    "Scores": "scores",
    "Verdict": "verdict",
    "check_conditions": "conditions",
    "evaluate": "evaluator",
    "parse_conditions": "conditions",
    "row_losses": "scores",
    "score_table": "scores",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

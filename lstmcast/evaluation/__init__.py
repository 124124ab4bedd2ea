"""What a forecast is worth: scores beside the baselines, tests, and the verdict."""

from lstmcast.evaluation.conditions import check_conditions, parse_conditions
from lstmcast.evaluation.finding import Finding
from lstmcast.evaluation.report import ForecasterReport, Report, evaluate
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

"""What a forecast is worth: scores beside the baselines, and the verdict."""

from lstmcast.evaluation.report import ForecasterReport, Report, evaluate
from lstmcast.evaluation.scores import Scores, row_losses, score, score_table
from lstmcast.evaluation.verdict import Verdict

__all__ = [
    "ForecasterReport",
    "Report",
    "Scores",
    "Verdict",
    "evaluate",
    "row_losses",
    "score",
    "score_table",
]

"""The record of issued forecasts: kept when they are made, graded when they have come true.

Modules are loaded when a name of theirs is asked for: what records needs nothing of what grades.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.ledger.bars import StoredBars
    from lstmcast.ledger.conditions import (
        Condition,
        ConditionResult,
        check_coverage_conditions,
        outcomes_of,
        parse_conditions,
    )
    from lstmcast.ledger.entries import Entry, ForecastRecord, Statement
    from lstmcast.ledger.grading import STATES, grade
    from lstmcast.ledger.ledger import Ledger, VerifiedChain
    from lstmcast.ledger.monitor import ALPHA, Outcomes, band, bet_against
    from lstmcast.ledger.recording import record
    from lstmcast.ledger.schema import MODEL
    from lstmcast.ledger.scoring import TrackRecord, track
    from lstmcast.ledger.selection import Selection

__all__ = [
    "ALPHA",
    "MODEL",
    "STATES",
    "Condition",
    "ConditionResult",
    "Entry",
    "ForecastRecord",
    "Ledger",
    "Outcomes",
    "Selection",
    "Statement",
    "StoredBars",
    "TrackRecord",
    "VerifiedChain",
    "band",
    "bet_against",
    "check_coverage_conditions",
    "grade",
    "outcomes_of",
    "parse_conditions",
    "record",
    "track",
]

_HOMES = {
    "ALPHA": "monitor",
    "Condition": "conditions",
    "ConditionResult": "conditions",
    "Entry": "entries",
    "ForecastRecord": "entries",
    "Ledger": "ledger",
    "MODEL": "schema",
    "Outcomes": "monitor",
    "STATES": "grading",
    "Selection": "selection",
    "Statement": "entries",
    "StoredBars": "bars",
    "TrackRecord": "scoring",
    "VerifiedChain": "ledger",
    "band": "monitor",
    "bet_against": "monitor",
    "check_coverage_conditions": "conditions",
    "grade": "grading",
    "outcomes_of": "conditions",
    "parse_conditions": "conditions",
    "record": "recording",
    "track": "scoring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""The record of issued forecasts: kept when they are made, graded when they have come true."""

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

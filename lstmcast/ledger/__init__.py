"""The record of issued forecasts: kept when they are made, graded when they have come true."""

from lstmcast.ledger.bars import StoredBars
from lstmcast.ledger.book import Checked, Ledger
from lstmcast.ledger.conditions import Condition, Finding, look, outcomes_of, parse_conditions
from lstmcast.ledger.entries import Entry, Recorded, Statement
from lstmcast.ledger.grading import STATES, grade
from lstmcast.ledger.monitor import ALPHA, Outcomes, band, bet_against
from lstmcast.ledger.recording import record
from lstmcast.ledger.schema import MODEL
from lstmcast.ledger.scoring import Tracked, track
from lstmcast.ledger.selection import Selection

__all__ = [
    "ALPHA",
    "MODEL",
    "STATES",
    "Checked",
    "Condition",
    "Entry",
    "Finding",
    "Ledger",
    "Outcomes",
    "Recorded",
    "Selection",
    "Statement",
    "StoredBars",
    "Tracked",
    "band",
    "bet_against",
    "grade",
    "look",
    "outcomes_of",
    "parse_conditions",
    "record",
    "track",
]

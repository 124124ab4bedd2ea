"""How far to trust a forecast: empirical coverage on a run's test days, or on recent sessions.

Separate from `evaluation.trust`, which judges any prediction table: here it is decided which table
speaks for a forecast, and what to say where there is none.
"""

from collections.abc import Sequence
from datetime import date
from json import JSONDecodeError
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.forecast_warnings import ForecastWarning
from lstmcast.reading import METRICS_BYTES, read_file
from lstmcast.run.inventory import unreadable_scores
from lstmcast.seals import BrokenSealError, ForeignFileError, parse_sealed

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.evaluation.model_rows import ModelRows
    from lstmcast.evaluation.trust import Trust
    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run

MIN_OUTCOMES = 120
"""Past forecasts with a known outcome below which coverage is not reported."""


def trust_on_test_days(
    run: "Run", histories: "Sequence[PriceHistory]", longest: int, as_of: date | None = None
) -> "tuple[Trust | None, list[ForecastWarning]]":
    """Coverage on the run's test days; None where its test forecasts cannot be read.

    Args:
        run: the run.
        histories: of its symbols, as far as they are known.
        longest: horizon up to which ranges are judged.
        as_of: a day after which nothing counts, nor what `evaluate` found with later days.
    """
    from lstmcast.evaluation.trust import trust_in

    try:
        rows, later = _judged_rows(run, as_of)
    except LstmcastError as error:
        return None, [
            ForecastWarning("not_tested", f"its ranges cannot be judged: {error.message}")
        ]
    if not rows.symbols:
        return None, [
            ForecastWarning(
                "not_tested", "its ranges cannot be judged: no test session has a known outcome"
            )
        ]
    bars = {history.symbol: history.adjusted() for history in histories}
    trust = trust_in(rows, bars, longest)
    warnings = [ForecastWarning(doubt.code, doubt.message) for doubt in trust.doubts]
    return trust, warnings if later else [*warnings, *_suspicions(run)]


def _judged_rows(run: "Run", as_of: date | None) -> "tuple[ModelRows, bool]":
    """What is kept of the test forecasts up to a day, read symbol by symbol; are there later ones?

    Raises:
        RunError: if they cannot be read.
    """
    import pandas as pd

    from lstmcast.evaluation.model_rows import ModelRows, SymbolRows

    rows: dict[str, SymbolRows] = {}
    later = False

    def take(symbol: str, table: pd.DataFrame) -> None:
        nonlocal later
        if as_of is not None:
            known = table[table["date"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
            later, table = later or len(known) < len(table), known
        if len(table):
            rows[symbol] = SymbolRows.of(table)

    run.read_predictions(take)
    return ModelRows(rows), later


def trust_on_recent_sessions(
    predictions: "pd.DataFrame", history: "PriceHistory", longest: int
) -> "tuple[Trust | None, list[ForecastWarning]]":
    """Coverage on recent sessions, of a forecaster that was fitted to no price."""
    from lstmcast.evaluation.model_rows import ModelRows
    from lstmcast.evaluation.trust import RECENT, trust_in

    count = 0 if predictions.empty else predictions["origin"].nunique()
    if count < MIN_OUTCOMES:
        words = (
            f"{history.symbol}: its ranges cannot be judged: {count} past forecasts have an "
            f"outcome, {MIN_OUTCOMES} are needed"
        )
        return None, [ForecastWarning("not_tested", words, [history.symbol])]
    rows = ModelRows.of({history.symbol: predictions})
    trust = trust_in(rows, {history.symbol: history.adjusted()}, longest, RECENT)
    return trust, [
        ForecastWarning(doubt.code, f"{history.symbol}: {doubt.message}", [history.symbol])
        for doubt in trust.doubts
    ]


def _suspicions(run: "Run") -> list[ForecastWarning]:
    """What `evaluate` suspected, if it was run."""
    try:
        metrics = parse_sealed(read_file(run.path / "metrics.json", METRICS_BYTES), run.owner)
        verdict = metrics["verdict"]
        found = [str(doubt) for doubt in verdict.get("too_good", ())]
        worse = "" if verdict.get("point") != "worse" else str(verdict["lines"]["price"])
        alone = worse and metrics["forecasters"]["model"]["kind"] == "point"
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, JSONDecodeError, BrokenSealError, ForeignFileError):
        words = unreadable_scores(run.path, "run", run.owner)
        return [ForecastWarning("scores_unreadable", words)] if words else []
    except (ValueError, KeyError, TypeError, AttributeError):  # of another kind, or of before
        return []
    warnings = []
    if alone:  # with ranges beside it, a median need not be good
        words = f"its price forecast is {worse.partition('. ')[0].removesuffix('.')}"
        warnings.append(ForecastWarning("price_worse", words))
    if found:
        words = f"too good to be true; run `lstmcast audit` to look for leaks: {'; '.join(found)}"
        warnings.append(ForecastWarning("too_good", words))
    return warnings

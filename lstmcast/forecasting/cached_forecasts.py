"""Forecasts with what is said of their ranges, as the result cache keeps them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lstmcast.distributions import (
    Distribution,
    EvaluatedDistribution,
    from_document,
    to_document,
    with_nulls,
)
from lstmcast.forecasting.ahead import SymbolForecast
from lstmcast.forecasting.forecast_warnings import ForecastWarning
from lstmcast.forecasting.request import ForecastRequest
from lstmcast.forecasting.result_cache import identity_of, keep, key_of, recall
from lstmcast.predictions import LEVELS
from lstmcast.prices.bars import INDEX_DTYPE
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import FORECASTS_BYTES, hash_file

if TYPE_CHECKING:
    from lstmcast.evaluation.trust import Trust
    from lstmcast.run import Run

_FLAGS, _COUNTS, _DATES = ("assumed",), ("horizon",), ("date",)
"""Columns of a forecast's table that hold other things than prices, returns and chances."""


@dataclass(frozen=True)
class JudgedForecasts:
    """Forecasts, and how far to trust their ranges.

    Args:
        forecasts: of some symbols by the same networks.
        trust: how such ranges held, where that could be judged.
        warnings: what to beware of.
    """

    forecasts: Sequence[SymbolForecast]
    trust: "Trust | None" = None
    warnings: Sequence[ForecastWarning] = field(default_factory=list)


def key_by_run(
    run: "Run", histories: Sequence[PriceHistory], symbols: Sequence[str], request: ForecastRequest
) -> str | None:
    """The key of a run's forecasts; None where they are not kept.

    That is where they are explained, where they depend on code or series of which nothing is known
    here, and where a file of the run is not as training wrote it, so that its fault is told.

    Args:
        run: the run.
        histories: all that its networks read.
        symbols: which of them are forecast.
        request: how far ahead, and from which day.
    """
    from lstmcast.features import GROUPS
    from lstmcast.run.record import FILES

    experiment = run.experiment()
    foreign = set(experiment.features or ()) - set(GROUPS)
    others = experiment.model.pool.baselines or experiment.data.context
    if request.why or foreign or others or not _by_graph():
        return None
    known = run.record.get(FILES, {})
    try:
        files = {name: hash_file(run.path / name, FORECASTS_BYTES) for name in ("run.json", *known)}
        metrics = run.path / "metrics.json"
        files["metrics.json"] = hash_file(metrics, FORECASTS_BYTES) if metrics.exists() else ""
    except OSError:
        return None
    if not known or any(files[name] != found for name, found in known.items()):
        return None
    return key_of(
        "run",
        files=files,
        histories=[identity_of(history) for history in histories],
        symbols=list(symbols),
        horizon=request.horizon,
        as_of=request.as_of,
    )


def key_by_pretrained(
    history: PriceHistory, horizon: int, request: ForecastRequest, networks: Sequence[str]
) -> str | None:
    """The key of a forecast by the pretrained networks; None where it is not kept.

    Args:
        history: all that they read.
        horizon: sessions ahead.
        request: whether it is explained.
        networks: hashes of their weights and their graph, none where they cannot be told.
    """
    if request.why or not networks or not _by_graph():
        return None
    known = identity_of(history)
    return key_of("pretrained", networks=list(networks), history=known, horizon=horizon)


def _by_graph() -> bool:
    """Whether graphs can be run; else PyTorch forecasts, which says so and rounds otherwise."""
    try:
        return find_spec("onnxruntime") is not None
    except (ImportError, ValueError):
        return False


def recall_forecasts(key: str | None) -> JudgedForecasts | None:
    """The forecasts under a key, to the bit as they were made; None where none can be had."""
    kept = recall(key)
    try:
        return None if kept is None else _judged(kept)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None


def keep_forecasts(key: str | None, made: JudgedForecasts) -> None:
    """Keep forecasts under a key."""
    if key is None:
        return
    keep(
        key,
        {
            "forecasts": [_plain(forecast) for forecast in made.forecasts],
            "trust": asdict(made.trust) if made.trust else None,
            "warnings": [warning.to_dict() for warning in made.warnings],
        },
    )


def evaluated(distribution: Distribution) -> EvaluatedDistribution:
    """A forecast with the answers that every command asks for."""
    return EvaluatedDistribution(
        distribution, LEVELS, distribution.quantiles(LEVELS), distribution.mean()
    )


def _plain(forecast: SymbolForecast) -> dict[str, Any]:
    table = forecast.table
    return {
        "symbol": forecast.symbol,
        "currency": forecast.currency,
        "origin": f"{forecast.origin:%Y-%m-%d}",
        "close": forecast.close,
        "table": {
            str(name): [f"{day:%Y-%m-%d}" for day in column]
            if name in _DATES
            else column.tolist()
            if name in (*_FLAGS, *_COUNTS)
            else with_nulls(column.to_numpy(dtype=np.float64))
            for name, column in table.items()
        },
        "distribution": to_document(forecast.distribution, forecast.distribution.shape[1]),
        "answers": evaluated(forecast.distribution).to_dict(),
    }


def _judged(kept: Any) -> JudgedForecasts:
    return JudgedForecasts(
        [_forecast(each) for each in kept["forecasts"]],
        None if kept["trust"] is None else _trust(kept["trust"]),
        [ForecastWarning(**each) for each in kept["warnings"]],
    )


def _forecast(kept: Any) -> SymbolForecast:
    answers = kept["answers"]
    distribution = EvaluatedDistribution(
        from_document([kept["distribution"]]),
        tuple(answers["levels"]),
        np.array(answers["known"], dtype=np.float64),
        np.array(answers["expected"], dtype=np.float64),
    )
    origin = pd.Timestamp(np.datetime64(kept["origin"], "D").astype(INDEX_DTYPE))
    table = pd.DataFrame({name: _column(name, values) for name, values in kept["table"].items()})
    return SymbolForecast(
        kept["symbol"], kept["currency"], origin, kept["close"], table, distribution
    )


def _column(name: str, values: list[Any]) -> Any:
    if name in _DATES:
        return np.array(values, dtype="datetime64[D]").astype(INDEX_DTYPE)
    kind = bool if name in _FLAGS else np.int64 if name in _COUNTS else np.float64
    return np.array(values, dtype=kind)


def _trust(kept: Any) -> "Trust":
    from lstmcast.evaluation.coverage_check import CoverageCheck
    from lstmcast.evaluation.trust import Doubt, Trust

    return Trust(
        **{
            **kept,
            "symbols": tuple(kept["symbols"]),
            "ranges": tuple(CoverageCheck(**each) for each in kept["ranges"]),
            "doubts": tuple(Doubt(**each) for each in kept["doubts"]),
        }
    )

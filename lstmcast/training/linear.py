"""The network without its LSTM: a linear model of the features with the network's own head.

Everything that a network has beside its units is here: the same columns, the Student-t and its term
structure, offsets of each symbol, and the fit of the head (`head_fit`), first of the next session
alone and then of the sessions after it, as `builder` does it. What a network says better than this
model, its LSTM says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lstmcast.calibration.series import sequential_map
from lstmcast.dataset import LogReturnTarget, Scaler
from lstmcast.dataset.scaler import fit_standard
from lstmcast.distributions import StudentTMixture
from lstmcast.nn import HEADS
from lstmcast.nn.heads import Head
from lstmcast.training.builder import LONG_RUN_OUTCOMES, LONG_RUN_ROWS, NEW
from lstmcast.training.device import in_threads, one_thread_each
from lstmcast.training.head_fit import ROWS_AT_ONCE, HeadPrior, RowOutcomes, fit_head, thinned
from lstmcast.training.objective import horizon_weights
from lstmcast.training.symbol_inputs import Reading, SymbolInputs, as_returns
from lstmcast.worker import inside

_HEAD = "student_t"


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear model.

    Args:
        scaler: of the columns, fitted on the rows that the model was fitted on.
        next_session, head: the head for the next session alone, and the one for all horizons.
        symbols: those that have offsets of their own, in the order of the head's.
    """

    scaler: Scaler
    next_session: Head
    head: Head
    symbols: tuple[str, ...]

    def forecast(self, reading: SymbolInputs, first: int, stop: int) -> StudentTMixture:
        """Forecast from the rows `first` up to, not including, `stop`; all must be complete."""
        rows = slice(first, stop)
        features = torch.from_numpy(self.scaler.transform(reading.features[rows]))
        unit = LogReturnTarget().unit
        scale = torch.from_numpy((unit * reading.scale[rows]).astype(np.float32))
        known = reading.symbol in self.symbols
        # The last offsets are zero: those of a symbol that was not fitted.
        number = self.symbols.index(reading.symbol) if known else len(self.symbols)
        with torch.inference_mode(), one_thread_each():
            params = self.head(features[None], scale[None], torch.tensor([number]))
        return as_returns(params)


def fitted_rows(readings: Sequence[Reading], stops: Sequence[int]) -> int:
    """How many rows a fit would have: complete, with the next session among the rows given."""
    return sum(
        int(reading.complete[: max(stop - 1, 0)].sum())
        for reading, stop in zip(readings, stops, strict=True)
    )


def fit_linear(
    readings: Sequence[Reading],
    stops: Sequence[int],
    horizon: int,
    warm_start: LinearModel | None = None,
) -> LinearModel:
    """Fit one model to several symbols by penalised maximum likelihood.

    Args:
        readings: one per symbol, all with the same columns; the features of one at a time are read.
        stops: for each, the fit sees its rows up to, not including, this one, and no outcome later.
        horizon: sessions ahead.
        warm_start: an earlier fit of the same symbols, from whose weights the search begins.

    Raises:
        ValueError: if there is no row to fit.
    """
    rows = [reading.complete[:stop] for reading, stop in zip(readings, stops, strict=True)]
    if not any(known.any() for known in rows):
        raise ValueError("`stops` leave no row with features to fit")
    scaler = fit_standard(
        lambda: (
            reading.features[: len(known)][known]
            for reading, known in zip(readings, rows, strict=True)
        )
    )
    fitted = _fitted_rows(readings, rows, scaler, horizon)
    symbols = tuple(reading.symbol for reading in readings)
    with one_thread_each():
        next_session = _fit_next_session(fitted, len(symbols), warm_start)
        head = next_session
        if horizon > 1:
            head = _fit_further_horizons(fitted, next_session, warm_start)
    return LinearModel(scaler, next_session, head, symbols)


class _Fitted(NamedTuple):
    """Rows that are fitted, and which of them the head of the next session and of all is fitted to.

    Of many rows few are fitted, and the features of the others are not kept.
    """

    outcomes: RowOutcomes
    next_session: Int[Tensor, " next"]
    further: Int[Tensor, " further"]


def _fitted_rows(
    readings: Sequence[Reading], rows: Sequence[np.ndarray], scaler: Scaler, horizon: int
) -> _Fitted:
    """Of the complete rows of all symbols whose outcome is known those that are fitted."""
    target = LogReturnTarget()
    parts, places, count = [], [], 0
    for number, (reading, complete) in enumerate(zip(readings, rows, strict=True)):
        if not complete.any():
            continue  # it begins later than the fit ends
        stop = len(complete)
        truth = target.encode(reading.closes[:stop], horizon)
        chosen = np.flatnonzero(complete & np.isfinite(truth).any(axis=1))
        places.append((reading, chosen, count))
        count += len(chosen)
        parts.append(
            (
                (target.unit * reading.scale[chosen]).astype(np.float32),
                truth[chosen].astype(np.float32),
                np.full(len(chosen), number),
            )
        )
    scale, targets, numbers = (
        torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True)
    )
    known = torch.isfinite(targets)
    next_session = thinned(torch.nonzero(known[:, 0])[:, 0], 1)
    further = thinned(torch.arange(count), horizon, LONG_RUN_OUTCOMES)
    wanted = torch.unique(torch.cat([next_session, further]))
    features = torch.empty(len(wanted), len(scaler.offset))
    for reading, chosen, begin in places:
        first, stop = torch.searchsorted(
            wanted, torch.tensor([begin, begin + len(chosen)])
        ).tolist()
        if first < stop:
            read = reading.features[chosen[wanted[first:stop].numpy() - begin]]
            features[first:stop] = torch.from_numpy(scaler.transform(read))
    # Where an outcome is not known its loss has weight zero; the number must still be finite.
    outcomes = RowOutcomes(
        features,
        scale[wanted],
        torch.nan_to_num(targets[wanted]),
        known[wanted],
        numbers[wanted],
        horizon_weights(horizon),
    )
    at = partial(torch.searchsorted, wanted)
    return _Fitted(outcomes, at(next_session.contiguous()), at(further.contiguous()))


def _new_head(outcomes: RowOutcomes, symbols: int) -> Head:
    horizons = tuple(range(1, outcomes.targets.shape[1] + 1))
    own = symbols if symbols > 1 else 0
    return HEADS[_HEAD](outcomes.features.shape[1], horizons, own)


def _fit_next_session(fitted: _Fitted, symbols: int, warm_start: LinearModel | None) -> Head:
    """A head for the next session alone."""
    outcomes = fitted.outcomes.next_session()
    head = _new_head(outcomes, symbols)
    start = {name: value.clone() for name, value in head.state_dict().items()}
    if warm_start is not None:
        head.load_state_dict(warm_start.next_session.state_dict())
    _fit(head, outcomes, fitted.next_session, NEW, head.initial_outputs, start)
    return head


def _fit_further_horizons(fitted: _Fitted, near: Head, warm_start: LinearModel | None) -> Head:
    """A head for all horizons that says of the next session what the head `near` says."""
    outcomes = fitted.outcomes
    head = _new_head(outcomes, 0 if near.offsets is None else len(near.offsets) - 1)
    start = {name: value.clone() for name, value in head.state_dict().items()}
    if warm_start is not None:
        head.load_state_dict(warm_start.head.state_dict())
    taught = head.initial_outputs
    with torch.no_grad():
        head.weight[taught], head.bias[taught] = near.weight, near.bias
        if head.offsets is not None and near.offsets is not None:
            head.offsets[:, taught] = near.offsets
    prior = replace(NEW, rows=LONG_RUN_ROWS)
    _fit(head, outcomes, fitted.further, prior, ~taught, start)
    return head


def _fit(
    head: Head,
    outcomes: RowOutcomes,
    rows: Int[Tensor, " rows"],
    prior: HeadPrior,
    taught: Bool[Tensor, " raw"],
    start: dict[str, Tensor],
) -> None:
    if not len(rows):
        return
    share = partial(in_threads, wanted=1 if inside() else 0)
    map_function = share if len(rows) > ROWS_AT_ONCE else sequential_map
    features = outcomes.features[rows]
    fit_head(head, outcomes, rows, features, 0, prior, taught, start, map_function=map_function)

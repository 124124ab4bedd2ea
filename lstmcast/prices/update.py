"""Bringing the store up to date: ask a source for what is new, and for everything when that is due.

The second fetch of a symbol asks for the sessions since the last one, and for ten before it again.
If the ten come back as they are stored, the new ones are appended. If their close, or the ratio of
their adjusted close to it, has moved, the source has adjusted the past (a split, a dividend, a
revision) and the whole history is fetched anew: an old part and a new part on different scales
would show a jump that never was.

Nothing that was stored is lost on the way: rows that the source no longer has are kept, on the new
scale, and reported.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.errors import StoreError
from lstmcast.prices.bars import COLUMNS, PRICES, accepting, iso_dates
from lstmcast.prices.checks import examine, refuse
from lstmcast.prices.findings import Finding, count, list_dates
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import Source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import normalise_symbol

OVERLAP = 10
"""Sessions that are asked for again."""
TOLERANCE = 1e-4
"""Relative difference up to which two closes, or two ratios, are the same; Yahoo's differ by 1e-5
from one call to the next."""

Action = Literal["new", "extended", "unchanged", "replaced"]

PASSING = ("unfinished_bar", "row_order", "refetched", "kept_rows")
"""Findings about one fetch, which the next one does not carry on."""


@dataclass(frozen=True)
class Update:
    """What a fetch did.

    Args:
        history: what is stored now.
        action: `new` for the first fetch, `extended` for new sessions at the end, `unchanged` where
            there were none, `replaced` where the whole history was fetched again.
        added: sessions that were not stored before.
        why: why the whole history was fetched again; empty otherwise.
        path: the file in the store.
    """

    history: PriceHistory
    action: Action
    added: int
    why: str
    path: Path


@dataclass(frozen=True)
class Rules:
    """What the user asked of a fetch.

    Args:
        start: first day wanted; None is the whole history, or what was asked for the first time.
        end: last day wanted; None is the newest.
        full: fetch everything again.
        allow_gaps: store a history with many missing sessions.
        accept_suspect: store a history with suspect prices.
    """

    start: date | None = None
    end: date | None = None
    full: bool = False
    allow_gaps: bool = False
    accept_suspect: bool = False


def update(store: PriceStore, source: Source, symbol: str, rules: Rules | None = None) -> Update:
    """Fetch what the store lacks of `symbol`, check it, and store it.

    The symbol's lock is held throughout, so that of two fetches at once the second builds on what
    the first one stored.

    Raises:
        DataError: the bars are impossible, or suspect and not accepted; the store is untouched.
        SourceError, NoSuchDataError: the source has none; the store is untouched.
        StoreError: the store cannot be read or written.
    """
    rules = rules or Rules()
    symbol = normalise_symbol(symbol)
    with store.lock(symbol, source.name):
        stored = _stored(store, source.name, symbol, rules)
        if stored is None:
            fresh = _from(source.fetch(symbol, rules.start, rules.end), rules.start)
            done = Update(fresh, "new", len(fresh), "", Path())
        else:
            left_out = (item for item in stored.findings if item.check == "impossible_rows")
            with accepting(day for item in left_out for day in item.dates):
                done = _renew(source, stored, rules)
        return _save(store, stored, done, rules, incremental=source.incremental)


def _stored(store: PriceStore, source: str, symbol: str, rules: Rules) -> PriceHistory | None:
    if not store.path(symbol, source).exists():
        return None
    try:
        return store.load(symbol, source)
    except StoreError:
        if rules.full:  # the way out of a damaged file
            return None
        raise


def _renew(source: Source, stored: PriceHistory, rules: Rules) -> Update:
    asked = stored.details.get("requested_start", "")
    known_from = date.fromisoformat(asked) if asked else None
    start = rules.start
    if start is None:
        start = None if rules.full else known_from
    if not source.incremental:  # read anew each time, so what is asked now is what is stored
        return _everything(source, stored, start, rules, "")
    if rules.start is not None and (known_from is None or known_from < rules.start):
        start = known_from
    if rules.full:
        return _everything(source, stored, start, rules, "`--full` was given")
    if start is not None and known_from is not None and start < known_from:
        return _everything(source, stored, start, rules, f"`--start` is before {known_from}")
    overlap = stored.bars.iloc[-OVERLAP:]
    if rules.end is not None and pd.Timestamp(rules.end) <= stored.last:
        return Update(stored, "unchanged", 0, "", Path())
    fresh = source.fetch(stored.symbol, overlap.index[0].date(), rules.end)
    why = _what_moved(overlap, fresh)
    if why:
        return _everything(source, stored, start, rules, why)
    merged = _from(_with_lost_rows(stored, fresh), known_from)
    added = len(merged) - len(stored)
    return Update(merged, "extended" if added else "unchanged", added, "", Path())


def _everything(
    source: Source, stored: PriceHistory, start: date | None, rules: Rules, why: str
) -> Update:
    fresh = _from(source.fetch(stored.symbol, start, rules.end), start)
    if why:
        fresh = _noted(fresh, Finding("refetched", "note", f"the whole history was fetched: {why}"))
    merged = _with_lost_rows(stored, fresh) if source.incremental else fresh
    added = len(merged.bars.index.difference(stored.bars.index))
    same = merged.sha256 == stored.sha256
    return Update(merged, "unchanged" if same else "replaced", added, why, Path())


def _what_moved(overlap: pd.DataFrame, fresh: PriceHistory) -> str:
    """Return why the stored past no longer holds, or nothing if it does."""
    common = overlap.index.intersection(fresh.bars.index)
    if not len(common):
        return "none of the newest stored sessions came back"
    old, new = overlap.loc[common], fresh.bars.loc[common]
    events = fresh.bars.loc[common[0] :]
    if _differ(old["close"], new["close"]):
        splits = events["splits"][events["splits"].fillna(0.0) != 0]
        if len(splits):
            return f"a split {splits.iloc[-1]:g}:1 on {iso_dates(splits.index[-1:])[0]}"
        return f"the source revised the close of {iso_dates(common[:1])[0]}"
    if _differ(old["adj_close"] / old["close"], new["adj_close"] / new["close"]):
        paid = events["dividends"][events["dividends"].fillna(0.0) != 0]
        if len(paid):
            return f"a dividend of {paid.iloc[-1]:g} on {iso_dates(paid.index[-1:])[0]}"
        return "the source revised its adjusted closes"
    return ""


def _differ(old: pd.Series, new: pd.Series) -> bool:
    return not np.allclose(new, old, rtol=TOLERANCE, atol=0.0, equal_nan=True)


def _with_lost_rows(stored: PriceHistory, fresh: PriceHistory) -> PriceHistory:
    """Return `fresh` with the stored rows that it lacks, on its scale."""
    old, new = stored.bars, fresh.bars
    absent = old.index.difference(new.index)
    if not len(absent):
        return fresh
    common = old.index.intersection(new.index)
    kept = old.loc[absent].copy()
    if len(common):
        # what the source did to the nearest session before, or after where there is none
        at = np.maximum(common.searchsorted(absent) - 1, 0)
        beside = common[at]
        scale = (new.loc[beside, "close"] / old.loc[beside, "close"]).to_numpy()
        adjusted = (new.loc[beside, "adj_close"] / old.loc[beside, "adj_close"]).to_numpy()
        for name in PRICES[:4]:
            kept[name] = kept[name] * scale
        kept["adj_close"] = kept["adj_close"] * adjusted
        kept["volume"] = kept["volume"] / scale
    bars = pd.concat([kept, new]).sort_index()[list(COLUMNS)]
    missing = tuple(name for name in COLUMNS if bars[name].isna().all())
    zeros = {name: 0.0 for name in COLUMNS[5:] if name not in missing}
    merged = replace(fresh, bars=bars.fillna(zeros), missing=missing)
    lost = iso_dates(absent[absent >= new.index[0]])
    if not lost:
        return merged
    return _noted(
        merged,
        Finding(
            "kept_rows",
            "warning",
            f"kept {count(len(lost), 'stored session')} that the source no longer has:"
            f" {list_dates(lost)}",
            lost,
        ),
    )


def _save(
    store: PriceStore,
    stored: PriceHistory | None,
    done: Update,
    rules: Rules,
    *,
    incremental: bool,
) -> Update:
    history = done.history
    before = () if stored is None else stored.findings
    if history is stored:
        return replace(done, path=store.path(history.symbol, history.source))
    found = examine(history)
    refuse(
        history.symbol,
        examine(history, accepted=before) if before else found,
        allow_gaps=rules.allow_gaps,
        accept_suspect=rules.accept_suspect,
    )
    examined = {item.check for item in found}
    carried = [
        item
        for item in before
        if item.check not in (*PASSING, *examined)
        and item not in history.findings
        and item.dates
        and incremental  # what a source gave whole says for itself what it was
    ]
    history = replace(history, findings=(*carried, *history.findings, *found))
    path = store.save(history)
    return replace(done, history=history, path=path)


def _from(history: PriceHistory, start: date | None) -> PriceHistory:
    """Return the history with a note of where it was asked to begin, for the next fetch."""
    asked = "" if start is None else start.isoformat()
    return replace(history, details={**history.details, "requested_start": asked})


def _noted(history: PriceHistory, finding: Finding) -> PriceHistory:
    return replace(history, findings=(*history.findings, finding))

"""Which stored histories an experiment gets."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support.experiments import small
from support.histories import simulated

from lstmcast.config import Data
from lstmcast.errors import ConfigError, NoDataInRangeError, StoreError
from lstmcast.prices.selection import choose_source, select_histories
from lstmcast.prices.store import PriceStore


@pytest.fixture
def store(tmp_path: Path) -> PriceStore:
    return PriceStore(tmp_path)


def put(store: PriceStore, symbol: str, source: str, fetched: str = "2026-01-05") -> None:
    history = simulated(1, 30, symbol=symbol)
    store.save(replace(history, source=source, fetched_at=f"{fetched}T00:00:00+00:00"))


def data(*symbols: str, **keys: str) -> Data:
    overrides = [f"data.{key}={value}" for key, value in keys.items()]
    return small(f"data.symbols=[{', '.join(symbols)}]", *overrides).data


def test_the_one_source_that_has_them_all_is_taken(store: PriceStore) -> None:
    put(store, "AAA", "csv")
    put(store, "AAA", "sample", "2026-02-01")
    put(store, "BBB", "csv")
    assert choose_source(store, data("AAA", "BBB")) == "csv"
    assert choose_source(store, data("AAA")) == "sample"


def test_of_several_sources_the_one_fetched_last_is_taken(store: PriceStore) -> None:
    """A source is as old as the oldest of its symbols."""
    for source, first, second in (("csv", "01-03", "01-03"), ("sample", "01-01", "01-09")):
        put(store, "AAA", source, f"2026-{first}")
        put(store, "BBB", source, f"2026-{second}")
    assert choose_source(store, data("AAA", "BBB")) == "csv"


def test_a_source_that_is_named_is_taken(store: PriceStore) -> None:
    put(store, "AAA", "csv")
    put(store, "AAA", "sample", "2026-02-01")
    (history,) = select_histories(store, data("AAA", source="csv"))
    assert history.source == "csv"


def test_symbols_keep_their_order_and_are_cut_to_the_dates(store: PriceStore) -> None:
    for symbol in ("AAA", "BBB"):
        put(store, symbol, "csv")
    found = select_histories(store, data("bbb", "AAA", start="2001-01-05", end="2001-01-31"))
    assert [history.symbol for history in found] == ["BBB", "AAA"]
    for history in found:
        assert (history.first, history.last) == tuple(map(pd.Timestamp, ("20010105", "20010131")))


@pytest.mark.parametrize(
    ("stored", "wanted", "fault", "hint"),
    [
        ([], ["AAA"], "AAA is not in the store", "`lstmcast fetch AAA`"),
        ([("AAA", "csv")], ["AAA", "BBB", "CCC"], "BBB, CCC are not in", "fetch BBB CCC`"),
        ([("AAA", "csv"), ("BBB", "sample")], ["AAA", "BBB"], "come from different", "`data.sour"),
    ],
)
def test_what_is_not_stored_is_named_with_the_command(
    store: PriceStore, stored: list[tuple[str, str]], wanted: list[str], fault: str, hint: str
) -> None:
    for symbol, source in stored:
        put(store, symbol, source)
    with pytest.raises(StoreError, match=fault) as caught:
        select_histories(store, data(*wanted))
    assert hint in str(caught.value.hint)


def test_a_named_source_that_lacks_the_symbol(store: PriceStore) -> None:
    put(store, "AAA", "csv")
    with pytest.raises(StoreError, match="AAA is stored from csv, not from sample"):
        select_histories(store, data("AAA", source="sample"))


def test_dates_without_bars(store: PriceStore) -> None:
    put(store, "AAA", "csv")
    with pytest.raises(NoDataInRangeError, match="has no bars from 2020-01-01"):
        select_histories(store, data("AAA", start="2020-01-01"))


def test_two_spellings_of_one_symbol(store: PriceStore) -> None:
    put(store, "AAA", "csv")
    with pytest.raises(ConfigError, match=r"`data\.symbols` AAA, aaa names a symbol twice"):
        select_histories(store, data("AAA", "aaa"))

"""Many symbols at once: files by workers, all else in turn."""

from pathlib import Path

import pytest
from support.elsewhere import Elsewhere
from support.histories import simulated

from lstmcast.errors import SymbolNotFoundError
from lstmcast.parallel import using
from lstmcast.prices import batch
from lstmcast.prices.batch import Outcome, fetch_each, read_symbols
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.update import Rules

WORDS = ("AAA", "sample:AAPL", "NOPE", "BBB")


def fetched(store: PriceStore, path: Path, jobs: int) -> dict[str, Outcome]:
    sources = {name: get_source(name, SourceOptions(path=path)) for name in ("csv", "sample")}
    wanted = read_symbols(WORDS, source="csv")
    outcomes = list(fetch_each(store, sources, wanted, Rules(), jobs))
    assert len(outcomes) == len(WORDS)
    return {outcome.wanted.symbol: outcome for outcome in outcomes}


def test_workers_read_files_as_this_process_does_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MIN_FILES_FOR_PROCESSES", 3)
    for seed, (name, rows) in enumerate((("AAA", 90), ("BBB", 70))):
        bars = simulated(seed=seed, rows=rows, symbol=name, first=f"200{seed}-03-01").bars
        bars.to_csv(tmp_path / f"{name}.csv")
    backend = Elsewhere(monkeypatch)
    with using(backend):
        there = fetched(PriceStore(tmp_path / "there"), tmp_path, jobs=2)
    assert [item.symbol for item in backend.items] == ["NOPE", "BBB", "AAA"]
    here = fetched(PriceStore(tmp_path / "here"), tmp_path, jobs=1)
    assert isinstance(there["NOPE"].error, SymbolNotFoundError)
    for symbol, outcome in here.items():
        assert str(outcome.error) == str(there[symbol].error)
        if outcome.update is not None:
            stored = PriceStore(tmp_path / "there").load(symbol, outcome.wanted.source)
            assert stored.sha256 == outcome.update.history.sha256


def test_a_file_that_holds_all_symbols_is_read_here_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MIN_FILES_FOR_PROCESSES", 1)
    path = tmp_path / "AAA.csv"
    simulated(rows=70).bars.to_csv(path)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        fetched(PriceStore(tmp_path / "store"), path, jobs=2)
    assert backend.items == []

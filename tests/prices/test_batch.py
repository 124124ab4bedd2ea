"""Many symbols at once: files by workers, all else in turn."""

from pathlib import Path

import pytest
from support.elsewhere import Elsewhere
from support.histories import simulated

from lstmcast.errors import SymbolNotFoundError, UsageError
from lstmcast.parallel import using
from lstmcast.prices import batch
from lstmcast.prices.batch import Outcome, fetch_each, read_symbols
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.update import Rules

WORDS = ("AAA", "sample:AAPL", "NOPE", "BBB")


@pytest.mark.parametrize(
    "text",
    [
        "# my stocks\naapl, MSFT\n\nBRK-B  # Berkshire\nAAPL\n",
        'Name,Symbol,Weight\n"Apple, Inc.",AAPL,7\nMicrosoft,MSFT,6\nBerkshire,BRK-B,2\n',
        "Ticker\nAAPL\nMSFT\nBRK-B\n",
        "SYMBOL;NAME\nAAPL;Apple\nMSFT;Microsoft\nBRK-B;Berkshire\n",
    ],
    ids=["words", "a table", "a column", "semicolons"],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_of_symbols_may_be_a_table(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "symbols.csv"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert [each.symbol for each in read_symbols((), path, "csv")] == ["AAPL", "MSFT", "BRK-B"]


def test_a_list_of_symbols_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "symbols.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(UsageError, match=r"symbols.xls' is not text in UTF-8"):
        read_symbols((), path, "csv")
    path.write_bytes(b'Symbol,Name\nAAPL,"' + b"x" * 200_000)
    with pytest.raises(UsageError, match="characters"):
        read_symbols((), path, "csv")


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

"""The store: what comes back is what went in, and what is damaged never passes for data."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bars import make_frame, make_history

from lstmcast.errors import StoreError, UsageError
from lstmcast.left_overs import temporary_file
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import sha256_of
from lstmcast.prices.store import PriceStore
from lstmcast.prices.stored import ABOUT_HASH, METADATA_KEY, WHOLE_HASH
from lstmcast.prices.symbols import normalise_symbol, stem_to_symbol, symbol_to_stem

ABSENT = object()


@pytest.fixture
def store(tmp_path: Path) -> PriceStore:
    return PriceStore(tmp_path)


def rewrite(path: Path, **changes: object) -> None:
    """Make it a file of an earlier version, without the newer hashes, with other metadata."""
    table = pq.read_table(path)
    about = {**json.loads(table.schema.metadata[METADATA_KEY]), **changes}
    about = {name: value for name, value in about.items() if value is not ABSENT}
    kept = {k: v for k, v in table.schema.metadata.items() if k not in (ABOUT_HASH, WHOLE_HASH)}
    metadata = {**kept, METADATA_KEY: json.dumps(about).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_a_history_survives_the_round_trip(store: PriceStore) -> None:
    history = replace(
        make_history(),
        currency="USD",
        exchange="NMS",
        timezone="America/New_York",
        details={"tries": "2"},
        findings=(Finding("large_move", "warning", "it moved", ("2024-06-28",)),),
    )
    path = store.save(history)
    assert path == store.root / "prices" / "csv" / "AAPL.parquet"
    loaded = store.load("aapl", "csv")
    pd.testing.assert_frame_equal(loaded.bars, history.bars, check_exact=True, check_freq=False)
    assert replace(loaded, bars=history.bars) == history
    assert loaded.sha256 == history.sha256


def test_anything_that_reads_parquet_reads_the_file(store: PriceStore) -> None:
    frame = pd.read_parquet(store.save(make_history()))
    assert list(frame.columns)[:2] == ["date", "open"]
    assert frame["close"].dtype == "float64"


def test_one_symbol_of_two_sources_is_two_histories(store: PriceStore) -> None:
    store.save(make_history(source="csv"))
    store.save(make_history(source="sample", sessions=10))
    assert store.sources("AAPL") == ["csv", "sample"]
    assert len(store.load("AAPL", "sample")) == 10
    assert [(entry.symbol, entry.source, entry.rows) for entry in store.entries()] == [
        ("AAPL", "csv", 300),
        ("AAPL", "sample", 10),
    ]


def test_a_symbol_that_was_not_fetched_names_the_command(store: PriceStore) -> None:
    with pytest.raises(StoreError, match="TSLA from yahoo has not been fetched yet") as caught:
        store.load("TSLA", "yahoo")
    assert caught.value.hint == "`lstmcast fetch TSLA`"
    store.save(make_history("TSLA", "csv"))
    with pytest.raises(StoreError, match="TSLA is stored from csv, not from yahoo") as caught:
        store.load("TSLA", "yahoo")
    assert "`data.source` to csv" in str(caught.value.hint)


@pytest.mark.parametrize("keep", [0, 4, 0.5, 0.99])
def test_a_file_cut_short_is_said_to_be_damaged(store: PriceStore, keep: float) -> None:
    path = store.save(make_history())
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(StoreError, match=r"AAPL.parquet` cannot be read") as caught:
        store.load("AAPL", "csv")
    assert "fetch" in str(caught.value.hint)
    assert "\n" not in caught.value.message
    (entry,) = store.entries()
    assert entry.problem


def test_every_flipped_bit_is_noticed_or_changes_nothing(store: PriceStore) -> None:
    path = store.save(make_history(sessions=40))
    content = path.read_bytes()
    original, noticed = store.load("AAPL", "csv"), 0
    (entry,) = store.entries()
    random = np.random.default_rng(5)
    for at in random.choice(8 * len(content), 120, replace=False):
        spoilt = bytearray(content)
        spoilt[at // 8] ^= 1 << at % 8
        path.write_bytes(spoilt)
        (listed,) = store.entries()
        assert listed.problem is not None or listed == entry
        try:
            loaded = store.load("AAPL", "csv")
        except StoreError:
            noticed += 1
            continue
        pd.testing.assert_frame_equal(loaded.bars, original.bars, check_exact=True)
        assert replace(loaded, bars=original.bars) == original
    assert noticed > 40


def test_another_time_of_day_is_noticed(store: PriceStore) -> None:
    """The hash of the days alone is the same."""
    path = store.save(make_history())
    for whole in (True, False):
        table = pq.read_table(path)
        stamps = pc.add(table["date"], pa.scalar(3_600_000_000, pa.duration("us")))
        metadata = dict(table.schema.metadata)
        if not whole:
            del metadata[WHOLE_HASH]
        table = table.set_column(0, "date", stamps).replace_schema_metadata(metadata)
        pq.write_table(table, path)
        with pytest.raises(
            StoreError, match=r"do not match its content hash|does not hold daily bars"
        ):
            store.load("AAPL", "csv")


def test_sessions_out_of_order_are_noticed_in_files_of_before(store: PriceStore) -> None:
    path = store.save(make_history())
    turned = make_history().bars[::-1]
    table = pq.read_table(path).take(list(range(len(turned)))[::-1])
    pq.write_table(table, path)
    rewrite(path, sha256=sha256_of(turned))
    with pytest.raises(StoreError, match="sessions out of order"):
        store.load("AAPL", "csv")


def test_another_symbol_s_file_is_noticed(store: PriceStore) -> None:
    path = store.save(make_history("AAPL"))
    other = store.save(make_history("GOOG"))
    other.write_bytes(path.read_bytes())
    with pytest.raises(StoreError, match="holds AAPL from csv, not GOOG from csv"):
        store.load("GOOG", "csv")
    first, second = store.entries()
    assert (first.problem, second.state) == (None, "damaged")
    assert len(store.load("AAPL", "csv")) == 300


def test_a_file_of_before_is_read_and_gets_the_newer_hashes(store: PriceStore) -> None:
    path = store.save(make_history())
    rewrite(path)
    assert WHOLE_HASH not in pq.read_schema(path).metadata
    loaded = store.load("AAPL", "csv")
    pd.testing.assert_frame_equal(loaded.bars, make_history().bars, check_freq=False)
    store.save(loaded)
    assert WHOLE_HASH in pq.read_schema(path).metadata


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, ABSENT) for name in ("currency", "fetched_at", "sha256", "missing", "details")),
        ("fetched_at", "yesterday"),
        ("fetched_at", 7),
        ("currency", ["USD"]),
        ("kind", "number"),
        ("missing", ["cloze"]),
        ("findings", [{"check": 1}]),
        ("first", "2020-13-45"),
        ("rows", "many"),
        ("details", {"tries": 2}),
    ],
)
def test_metadata_of_another_shape_are_named(store: PriceStore, name: str, value: object) -> None:
    rewrite(store.save(make_history()), **{name: value})
    store.save(make_history("MSFT"))
    with pytest.raises(StoreError, match=f"incomplete metadata: `{name}"):
        store.load("AAPL", "csv")
    damaged, sound = store.entries()
    assert damaged.problem is not None
    assert sound.problem is None


def test_other_facts_than_the_bars_have_are_noticed(store: PriceStore) -> None:
    rewrite(store.save(make_history()), rows=299)
    with pytest.raises(StoreError, match="holds sessions that do not match its metadata"):
        store.load("AAPL", "csv")


def test_a_store_that_is_no_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "prices").write_text("in the way")
    store = PriceStore(tmp_path)
    for ask in (store.entries, lambda: store.sources("AAPL"), lambda: store.load("AAPL", "csv")):
        with pytest.raises(StoreError, match="cannot be read: Not a directory") as caught:
            ask()
        assert "delete" not in str(caught.value.hint)


def test_a_file_that_may_not_be_read_is_not_called_damaged(
    store: PriceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(make_history())

    def refused(*_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lstmcast.prices.store.read_file", refused)
    with pytest.raises(StoreError, match="cannot be read: Permission denied") as caught:
        store.load("AAPL", "csv")
    assert "delete" not in str(caught.value.hint)
    assert store.entries()[0].state == "unreadable"


def test_a_link_to_nothing_is_not_an_empty_store(store: PriceStore, tmp_path: Path) -> None:
    path = store.save(make_history())
    path.unlink()
    path.symlink_to(tmp_path / "gone.parquet")
    assert store.sources("AAPL") == ["csv"]
    assert store.entries()[0].state == "unreadable"
    with pytest.raises(StoreError, match="which is not there"):
        store.load("AAPL", "csv")
    store.remove("AAPL", "csv")
    assert not path.is_symlink()
    away = tmp_path / "disk"
    away.symlink_to(tmp_path / "not-mounted")
    with pytest.raises(StoreError, match="disk` cannot be read: it is a link"):
        PriceStore(away).entries()


def test_a_file_in_the_place_of_a_source_is_told(store: PriceStore) -> None:
    store.save(make_history())
    (store.root / "prices" / "notes.txt").write_text("mine")
    assert len(store.entries()) == 1
    (store.root / "prices" / "sample").write_text("in the way")
    with pytest.raises(StoreError, match="sample` cannot be read: it is not a folder"):
        store.entries()


def test_a_folder_that_hides_its_files_is_not_called_empty(
    store: PriceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.save(make_history())

    def refused(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "lstat", refused)
    for ask in (lambda: store.sources("AAPL"), lambda: store.remove("AAPL", "csv")):
        with pytest.raises(StoreError, match="cannot be read: Permission denied"):
            ask()


def test_other_bars_than_the_hash_says_are_refused(store: PriceStore) -> None:
    path = store.save(make_history())
    rewrite(path, sha256="0" * 64)
    with pytest.raises(StoreError, match="bars that do not match its content hash"):
        store.load("AAPL", "csv")


@pytest.mark.parametrize(
    ("changes", "says", "hint"),
    [
        ({"schema": 2}, "schema version 2; this lstmcast reads 1", "upgrade lstmcast"),
        ({"schema": 0}, "schema version 0", "with `--full`"),
        ({"schema": "x"}, "unreadable metadata", "with `--full`"),
        ({"missing": None}, "incomplete metadata: `missing`", "with `--full`"),
    ],
)
def test_another_schema_is_refused(
    store: PriceStore, changes: dict[str, object], says: str, hint: str
) -> None:
    rewrite(store.save(make_history()), **changes)
    with pytest.raises(StoreError, match=says) as caught:
        store.load("AAPL", "csv")
    assert hint in str(caught.value.hint)


def test_a_stranger_s_parquet_file_is_refused(store: PriceStore) -> None:
    path = store.save(make_history())
    make_frame().to_parquet(path)
    with pytest.raises(StoreError, match="was not written by lstmcast"):
        store.load("AAPL", "csv")
    assert store.entries()[0].problem


def test_a_failed_write_leaves_the_old_file(
    store: PriceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.save(make_history())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        store.save(make_history(sessions=400))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.glob(".*.tmp")] == []


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StoreError, match=r"cannot be written: (Not a directory|File exists)"
    ) as caught:
        PriceStore(tmp_path / "file").save(make_history())
    assert "--data-dir" in str(caught.value.hint)


@pytest.mark.parametrize(
    "look", [PriceStore.entries, lambda store: store.save(make_history("IBM"))]
)
def test_left_overs_are_swept_and_what_is_being_written_is_not(
    store: PriceStore, look: Callable[[PriceStore], object]
) -> None:
    path = store.save(make_history())
    left_over = path.with_name(".AAPL.0a1b2c3d4e5f.tmp")
    left_over.write_bytes(b"half a file")
    with temporary_file(path) as (theirs, _):
        look(store)
        assert not left_over.exists()
        assert theirs.exists()


def test_the_lock_is_waited_for_and_then_said(store: PriceStore) -> None:
    import subprocess
    import sys

    code = (
        "import sys, time; from pathlib import Path\n"
        "from lstmcast.prices.store import PriceStore\n"
        f"with PriceStore(Path({str(store.root)!r})).lock('AAPL', 'csv'):\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"locked\n"
        with (
            pytest.raises(StoreError, match="another process has been updating"),
            store.lock("AAPL", "csv", timeout=0.1),
        ):
            pass
        with store.lock("MSFT", "csv", timeout=0.1):  # one symbol's lock is not another's
            pass
        other.stdin.close()
    with store.lock("AAPL", "csv", timeout=5.0), store.lock("AAPL", "csv"):
        store.save(make_history())


def test_removing(store: PriceStore) -> None:
    path = store.save(make_history())
    assert store.remove("AAPL", "csv") == path
    assert store.entries() == []
    with pytest.raises(StoreError, match="has not been fetched yet"):
        store.remove("AAPL", "csv")


@pytest.mark.parametrize("source", ["../other", "a/b", "", "Ünïcode", "."])
def test_a_source_never_becomes_another_path(store: PriceStore, source: str) -> None:
    with pytest.raises(StoreError, match="cannot be a source"):
        store.path("AAPL", source)


@pytest.mark.parametrize("symbol", ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "CON.X"])
def test_names_that_windows_reserves_get_another_file_name(symbol: str) -> None:
    stem = symbol_to_stem(symbol)
    assert stem.split(".")[0] not in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT9")
    assert stem_to_symbol(stem) == symbol


@given(st.text())
def test_whatever_is_typed_stays_in_its_folder(text: str) -> None:
    try:
        symbol = normalise_symbol(text)
    except UsageError as error:
        said = error.message
    else:
        said = ""
    if said:
        assert "\n" not in said
        assert said.isascii()
        return
    path = PriceStore(Path("/root-of-store")).path(text, "csv")
    assert path.parent == Path("/root-of-store/prices/csv")
    assert path.name == path.name.strip()
    assert not path.name.startswith(".")
    assert stem_to_symbol(path.stem) == symbol


def test_a_store_that_may_only_be_read_still_loads(store: PriceStore) -> None:
    path = store.save(make_history())
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(store.load("AAPL", "csv")) == 300
    finally:
        path.parent.chmod(stat.S_IRWXU)

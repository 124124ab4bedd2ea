"""A second fetch: only what is new, everything when the past has moved, and nothing lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame
from support.fake_yahoo import FakeYahoo, divide, listing, pay

from lstmcast.errors import DataError, NoDataInRangeError, StoreError
from lstmcast.features import build_features
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.store import PriceStore
from lstmcast.prices.update import OVERLAP, Rules, update

PRICES = ["open", "high", "low", "close", "adj_close"]
NO_OPTIONS = SourceOptions()


class FrameSource:
    """A source that serves a frame, as far as it goes, and remembers what it was asked."""

    name: ClassVar[str] = "frames"
    incremental: ClassVar[bool] = True

    def __init__(self, options: SourceOptions = NO_OPTIONS) -> None:
        self.options = options
        self.frame = make_frame()
        self.asked: list[tuple[date | None, date | None]] = []

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        self.asked.append((start, end))
        part = self.frame.loc[
            slice(None if start is None else str(start), None if end is None else str(end))
        ]
        return PriceHistory.from_frame(part, symbol=symbol, source=self.name)


@pytest.fixture
def store(tmp_path: Path) -> PriceStore:
    return PriceStore(tmp_path)


@pytest.fixture
def source(store: PriceStore) -> FrameSource:
    """A source of 300 sessions whose first 280 are stored."""
    made = FrameSource()
    everything = made.frame
    made.frame = everything.iloc[:280]
    assert update(store, made, "AAPL").action == "new"
    made.frame = everything
    made.asked.clear()
    return made


def test_the_second_fetch_asks_for_the_new_sessions_and_ten_more(
    store: PriceStore, source: FrameSource
) -> None:
    done = update(store, source, "AAPL")
    assert (done.action, done.added, done.why) == ("extended", 20, "")
    assert source.asked == [(source.frame.index[280 - OVERLAP].date(), None)]
    loaded = store.load("AAPL", "frames")
    pd.testing.assert_frame_equal(loaded.bars, source.frame, check_freq=False)
    assert loaded.sha256 == done.history.sha256
    again = update(store, source, "AAPL")
    assert (again.action, again.added) == ("unchanged", 0)
    assert store.load("AAPL", "frames").sha256 == done.history.sha256


def test_noise_in_adjusted_closes_is_no_revision(store: PriceStore, source: FrameSource) -> None:
    source.frame = source.frame.assign(adj_close=source.frame["adj_close"] * (1 + 2e-5))
    assert update(store, source, "AAPL").action == "extended"
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dividends": 1.5}, "a dividend of 1.5 on 2024-06-10"),
        ({"splits": 4.0}, "a split 4:1 on 2024-06-10"),
    ],
)
def test_an_event_fetches_everything_again(
    store: PriceStore, source: FrameSource, change: dict[str, float], why: str
) -> None:
    day = pd.Timestamp("2024-06-10")
    (column, value), *_ = change.items()
    source.frame.loc[day, column] = value
    if column == "dividends":
        source.frame.loc[source.frame.index < day, "adj_close"] *= 0.97
    else:  # prices on the new scale throughout
        source.frame[PRICES] *= 0.25
    done = update(store, source, "AAPL")
    assert (done.action, done.why) == ("replaced", why)
    assert source.asked[1:] == [(None, None)]
    assert f"the whole history was fetched: {why}" in [f.message for f in done.history.findings]
    pd.testing.assert_frame_equal(store.load("AAPL", "frames").bars, source.frame, check_freq=False)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (PRICES, "the source revised the close of"),
        (["adj_close"], "the source revised its adjusted closes"),
    ],
)
def test_a_silent_revision_fetches_everything_again(
    store: PriceStore, source: FrameSource, columns: list[str], why: str
) -> None:
    source.frame = source.frame.assign(**{name: source.frame[name] * 0.9 for name in columns})
    done = update(store, source, "AAPL")
    assert done.action == "replaced"
    assert done.why.startswith(why)
    assert (
        done.history.sha256
        == PriceHistory.from_frame(source.frame, symbol="AAPL", source="frames").sha256
    )


def test_rows_that_the_source_lost_are_kept_and_said(
    store: PriceStore, source: FrameSource
) -> None:
    whole = source.frame
    lost = whole.index[[274, 277]]
    source.frame = whole.drop(lost)
    done = update(store, source, "AAPL")
    assert (done.action, done.added) == ("extended", 20)
    pd.testing.assert_frame_equal(done.history.bars, whole, check_freq=False)
    (finding,) = done.history.findings
    assert finding.check == "kept_rows"
    assert finding.dates == tuple(str(day.date()) for day in lost)
    source.frame = whole
    assert update(store, source, "AAPL").history.findings == ()


def test_rows_kept_through_a_split_are_put_on_the_new_scale(
    store: PriceStore, source: FrameSource
) -> None:
    whole = source.frame.copy()
    whole[PRICES] /= 4
    whole["volume"] *= 4
    whole.loc[pd.Timestamp("2024-06-10"), "splits"] = 4.0
    source.frame = whole.drop(whole.index[[0, 100, 200]])
    done = update(store, source, "AAPL")
    assert done.action == "replaced"
    pd.testing.assert_frame_equal(done.history.bars, whole, check_freq=False, rtol=1e-12)
    kept = {finding.check: finding.dates for finding in done.history.findings}["kept_rows"]
    assert kept == tuple(str(day.date()) for day in whole.index[[100, 200]])


def test_ten_sessions_without_volume_do_not_lose_the_column(
    store: PriceStore, source: FrameSource
) -> None:
    source.frame.loc[source.frame.index[270:], "volume"] = 0.0
    done = update(store, source, "AAPL")
    assert done.history.missing == ()
    assert done.history.bars["volume"].iloc[-1] == 0.0
    assert done.history.bars["volume"].iloc[0] > 0.0


def test_the_first_start_is_remembered(store: PriceStore) -> None:
    source = FrameSource()
    start = source.frame.index[100].date()
    assert update(store, source, "AAPL", Rules(start=start)).added == 200
    assert update(store, source, "AAPL").action == "unchanged"  # goes on from there
    later = Rules(start=source.frame.index[150].date())
    assert len(update(store, source, "AAPL", later).history) == 200
    earlier = Rules(start=source.frame.index[50].date())
    done = update(store, source, "AAPL", earlier)
    assert (done.action, done.added) == ("replaced", 50)
    assert done.why == f"`--start` is before {start}"
    everything = update(store, source, "AAPL", Rules(full=True))
    assert (everything.added, everything.why) == (50, "`--full` was given")
    asked = len(source.asked)
    update(store, source, "AAPL", Rules(start=date(1990, 1, 1)))  # all there is, is stored
    assert source.asked[asked:] == [(source.frame.index[-OVERLAP].date(), None)]


def test_an_end_in_the_stored_past_asks_nothing(store: PriceStore, source: FrameSource) -> None:
    end = source.frame.index[200].date()
    assert update(store, source, "AAPL", Rules(end=end)).action == "unchanged"
    assert source.asked == []
    assert len(store.load("AAPL", "frames")) == 280


def test_a_failed_check_leaves_the_store_alone(store: PriceStore, source: FrameSource) -> None:
    source.frame.loc[source.frame.index[290:], PRICES] *= 100
    path = store.path("AAPL", "frames")
    before = path.read_bytes()
    with pytest.raises(DataError, match="a change of unit"):
        update(store, source, "AAPL")
    assert path.read_bytes() == before
    done = update(store, source, "AAPL", Rules(accept_suspect=True))
    assert done.added == 20
    assert update(store, source, "AAPL").action == "unchanged"  # accepted once is accepted


@pytest.mark.parametrize("whole", [True, False])
def test_rows_left_out_on_request_are_no_news_at_the_next_fetch(
    store: PriceStore, whole: bool
) -> None:
    class Careful(FrameSource):
        incremental: ClassVar[bool] = not whole

        def fetch(
            self, symbol: str, start: date | None = None, end: date | None = None
        ) -> PriceHistory:
            part = self.frame.loc[slice(start and str(start), end and str(end))]
            return PriceHistory.from_frame(
                part,
                symbol=symbol,
                source=self.name,
                accept_suspect=self.options.accept_suspect,
            )

    careful, bold = Careful(), Careful(SourceOptions(accept_suspect=True))
    frame = careful.frame
    first, second = frame.index[275], frame.index[290]
    frame.loc[first, "high"] = 1.0
    careful.frame = bold.frame = frame.iloc[:280]
    with pytest.raises(DataError, match=f"`high` 1 is below `low` .* on {first:%Y-%m-%d}"):
        update(store, careful, "AAPL")
    assert len(update(store, bold, "AAPL").history) == 279
    careful.frame = frame
    assert len(update(store, careful, "AAPL").history) == 299
    broken = frame.copy()
    broken.loc[second, "low"] = 999.0
    careful.frame = broken
    with pytest.raises(DataError, match=f"is below `low` 999 on {second:%Y-%m-%d}$"):
        update(store, careful, "AAPL")


def test_nothing_from_the_source_leaves_the_store_alone(
    store: PriceStore, source: FrameSource
) -> None:
    source.frame = source.frame.iloc[:0]
    before = store.path("AAPL", "frames").read_bytes()
    with pytest.raises(NoDataInRangeError, match="no row has a `close`"):
        update(store, source, "AAPL")
    assert store.path("AAPL", "frames").read_bytes() == before


def test_a_damaged_file_is_replaced_on_request(store: PriceStore, source: FrameSource) -> None:
    store.path("AAPL", "frames").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreError, match="cannot be read"):
        update(store, source, "AAPL")
    assert update(store, source, "AAPL", Rules(full=True)).action == "new"


def test_a_file_of_one_s_own_replaces_what_was_stored(store: PriceStore) -> None:
    source = FrameSource()
    whole = source.frame

    class OwnFile(FrameSource):
        incremental: ClassVar[bool] = False

    mine = OwnFile()
    mine.frame = whole.iloc[:280]
    update(store, mine, "AAPL")
    mine.frame = whole.iloc[10:]
    done = update(store, mine, "AAPL")
    assert (done.action, done.added, len(done.history)) == ("replaced", 20, 290)
    assert update(store, mine, "AAPL").action == "unchanged"
    later = Rules(start=whole.index[100].date())
    assert update(store, mine, "AAPL", later).history.first == whole.index[100]
    assert update(store, mine, "AAPL").history.first == whole.index[100]  # goes on from there
    everything = Rules(full=True)
    assert update(store, mine, "AAPL", everything).history.first == whole.index[10]


@pytest.mark.parametrize("event", ["dividend", "split"])
def test_an_event_between_two_fetches_leaves_old_features_as_they_were(
    event: str, yahoo: FakeYahoo, program: Any
) -> None:
    plain = listing("AAPL", sessions=400)
    days = plain.bars.index
    day = days[-3].date()
    later = pay(plain, day, 0.8) if event == "dividend" else divide(plain, day, 4.0)
    yahoo.add(plain.until(days[-6].date()))
    assert program.fetch("AAPL").json[0]["action"] == "new"
    groups = ["returns", "range", "volume", "calendar"]
    before = build_features(program.store.load("AAPL", "yahoo"), groups)

    yahoo.add(later)
    ran = program.fetch("AAPL")

    (outcome,) = ran.json
    assert (outcome["action"], outcome["added"]) == ("replaced", 5)
    said = f"a dividend of 0.8 on {day}" if event == "dividend" else f"a split 4:1 on {day}"
    assert outcome["why"] == said
    assert f"({said})" in ran.stderr
    history = program.store.load("AAPL", "yahoo")
    after = build_features(history, groups)
    assert len(history) == 400
    old = before.table.index
    np.testing.assert_allclose(after.table.loc[old], before.table, rtol=0, atol=1e-9)
    np.testing.assert_allclose(after.scale.loc[old], before.scale, rtol=1e-9)
    assert not np.allclose(after.closes.loc[old], before.closes, rtol=1e-4)


def test_an_update_over_the_wire_is_one_short_answer(yahoo: FakeYahoo, program: Any) -> None:
    plain = listing("AAPL", sessions=400)
    days = plain.bars.index
    yahoo.add(plain.until(days[-2].date()))
    program.fetch("AAPL")
    yahoo.add(plain)
    yahoo.kinds.clear()
    ran = program.fetch("AAPL")
    assert ran.json[0]["action"] == "extended"
    assert ran.json[0]["added"] == 1
    assert yahoo.kinds == ["chart"]  # cookie, crumb and time zone are remembered
    stored = program.store.load("AAPL", "yahoo").bars
    np.testing.assert_allclose(stored["close"], plain.bars["close"], rtol=1e-12)


def test_the_bar_of_a_session_that_goes_on_is_left_out(yahoo: FakeYahoo, program: Any) -> None:
    zone = ZoneInfo("America/New_York")
    now = datetime.now(zone)
    plain = listing("AAPL", sessions=60, last=now.date() - timedelta(days=1), split=0, dividend=0)
    today = plain.bars.iloc[[-1]].set_axis([pd.Timestamp(now.date())])
    live = replace(plain, bars=pd.concat([plain.bars, today]))
    live.stamps[now.date()] = int(now.timestamp()) - 60

    def regular(minutes: float) -> dict[str, Any]:
        end = int(now.timestamp() + 60 * minutes)
        period = {"timezone": "EST", "start": end - 23400, "end": end, "gmtoffset": -18000}
        return {"currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period)}

    for minutes, rows in ((30.0, 60), (-10.0, 60), (-30.0, 61)):
        yahoo.add(replace(live, meta=regular(minutes)))
        (outcome,) = program.fetch("AAPL", "--full").json
        assert outcome["rows"] == rows
        checks = [finding["check"] for finding in outcome["findings"]]
        assert ("unfinished_bar" in checks) is (rows == 60)


def test_the_lock_is_held_from_reading_to_writing(store: PriceStore, source: FrameSource) -> None:
    """Otherwise the slower of two fetches would write over what the faster one stored."""
    heard: list[BaseException | None] = []

    def knock() -> None:
        with store.lock("AAPL", "frames", timeout=0.05):
            pass

    class Watched(FrameSource):
        def fetch(
            self, symbol: str, start: date | None = None, end: date | None = None
        ) -> PriceHistory:
            with ThreadPoolExecutor(1) as other:
                heard.append(other.submit(knock).exception())
            return source.fetch(symbol, start, end)

    assert update(store, Watched(), "AAPL").added == 20
    (error,) = heard
    assert isinstance(error, StoreError)
    assert "another process has been updating" in error.message
    knock()

"""Who closes together, and whose bar of the same date is therefore known."""

from dataclasses import replace

import pandas as pd
import pytest
from support.unlike import NEW_YORK, TOKYO, coin, new_york, tokyo, unlike_pool, weekdays

from lstmcast.prices.closing import market, market_of, same_market, several

DAYS = weekdays(300)
EVERY = pd.date_range("2012-01-02", periods=300)
SUNDAY_WEEK = EVERY[~EVERY.day_of_week.isin([4, 5])]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("AAPL", NEW_YORK, DAYS), ("^GSPC", NEW_YORK, DAYS), True),
        (("AAPL", NEW_YORK, DAYS), ("7203.T", TOKYO, DAYS), False),
        # files say no zone: the ticker does
        (("AAPL", None, DAYS), ("MSFT", None, DAYS), True),
        (("AAPL", None, DAYS), ("7203.T", None, DAYS), False),
        (("7203.T", None, DAYS), ("^N225", None, DAYS), True),
        (("600036.SS", None, DAYS), ("000001.SZ", None, DAYS), True),
        (("A.XX", None, DAYS), ("B.YY", None, DAYS), False),
        (("A.XX", None, DAYS), ("B.XX", None, DAYS), True),
        # a known zone beside an unknown one tells nothing
        (("AAPL", NEW_YORK, DAYS), ("MSFT", None, DAYS), False),
        # one zone, another end of the day
        (("SHEL.L", "Europe/London", DAYS), ("GBPUSD=X", "Europe/London", DAYS), False),
        (("AAPL", NEW_YORK, DAYS), ("ES=F", NEW_YORK, DAYS), False),
        (("AAPL", None, DAYS), ("BTC-USD", None, EVERY), False),
        (("AAPL", None, DAYS), ("BITCOIN", None, EVERY), False),
        (("2222.SR", "Asia/Riyadh", SUNDAY_WEEK), ("1120.SR", "Asia/Riyadh", SUNDAY_WEEK), True),
    ],
)
def test_who_closes_together(
    one: tuple[str, str | None, pd.DatetimeIndex],
    other: tuple[str, str | None, pd.DatetimeIndex],
    together: bool,
) -> None:
    assert (market_of(*one) == market_of(*other)) is together


def test_a_history_is_asked_by_its_zone_ticker_and_days() -> None:
    ours, theirs = new_york(), tokyo()
    assert not same_market(ours, theirs)
    assert same_market(ours, replace(theirs, timezone=ours.timezone))
    assert market(coin()) == market_of("BTC-USD", "UTC", pd.DatetimeIndex(coin().bars.index))
    assert several(unlike_pool(rows=100))
    assert not several([ours])
    assert not several([ours, new_york("BBB")])

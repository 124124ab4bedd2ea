"""Sessions kept on the disk: those that were built, and built anew where they are not to be had."""

from pathlib import Path

import pytest

from lstmcast.prices import calendar, calendar_cache
from lstmcast.prices.calendar import _built
from lstmcast.prices.calendar_cache import Years, kept

SPANS = [("XNYS", 2010, 2012), ("XSHG", 2025, 2030), ("XSAU", 1980, 1990), ("XTKS", 1950, 1960)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(calendar_cache.ENVIRONMENT, str(tmp_path / "cache"))
    return tmp_path / "cache" / "calendars"


def years(name: str, first: int, last: int) -> Years:
    return kept(name, first, last, lambda: Years(*_built(name, first, last)))


def never() -> Years:
    raise AssertionError("it is there")


@pytest.mark.parametrize(("name", "first", "last"), SPANS)
def test_what_is_kept_is_what_was_built(name: str, first: int, last: int) -> None:
    """Also where the calendar ends within the years, and where it knows none of them."""
    built, then = _built(name, first, last), years(name, first, last)
    again = kept(name, first, last, never)
    for found in (then, again):
        assert found.days.equals(built.days)
        assert (found.days.dtype, found.days.name) == (built.days.dtype, "date")
        assert (found.known_from, found.known_until) == built[1:]


def test_sessions_are_asked_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar._years.cache_clear()
    before = calendar.sessions_between("XNYS", calendar.EARLIEST, calendar.EARLIEST)
    calendar._years.cache_clear()
    monkeypatch.setattr(calendar, "_built", lambda *_: never())
    assert calendar.sessions_between("XNYS", calendar.EARLIEST, calendar.EARLIEST).days.equals(
        before.days
    )


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_file_is_made_anew(folder: Path, place: int) -> None:
    name, first, last = SPANS[0]
    whole = years(name, first, last)
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    for damaged in (bytes(content), bytes(content[:20]), b""):
        path.write_bytes(damaged)
        assert years(name, first, last).days.equals(whole.days)
        assert kept(name, first, last, never).days.equals(whole.days)


def test_another_version_knows_other_holidays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    years(*SPANS[0])
    monkeypatch.setattr(calendar_cache, "_version", lambda: "99")
    with pytest.raises(AssertionError, match="it is there"):
        kept(*SPANS[0], never)


def test_where_nothing_can_be_kept_sessions_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(calendar_cache.ENVIRONMENT, str(tmp_path / "file"))
    assert len(years(*SPANS[0]).days) > 700

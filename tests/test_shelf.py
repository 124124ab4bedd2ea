"""Arrays on disk: used like others, out of memory when let go, in memory where there is no disk."""

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.histories import simulated

from lstmcast import shelf
from lstmcast.prices import on_disk as on_disk_module
from lstmcast.prices.on_disk import on_disk
from lstmcast.shelf import array_on_disk, let_go

MEBI = 2**20


def mapped_in_memory() -> int:
    """Bytes of mapped files that lie in this process's memory."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * sum(int(lines[name].split()[0]) for name in ("RssFile", "RssShmem"))


@pytest.mark.skipif(sys.platform != "linux", reason="arrays are kept in memory elsewhere")
def test_what_is_let_go_leaves_memory_and_is_read_again() -> None:
    before = mapped_in_memory()
    values = array_on_disk((48, MEBI), np.uint8)
    values[:] = np.arange(48, dtype=np.uint8)[:, None]
    assert mapped_in_memory() - before > 45 * MEBI
    let_go()
    assert mapped_in_memory() - before < 5 * MEBI
    assert (values[:, ::4096] == np.arange(48)[:, None]).all()


def test_a_small_array_and_one_without_room_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    for shape in ((3, 4), (33, MEBI)):
        values = array_on_disk(shape, np.uint8)
        assert values.shape == shape
        assert values.base is None


def test_bars_of_many_histories_are_the_same_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike ones: first and last days, a column that is missing, and some that fill no array."""
    for module in (shelf, on_disk_module):
        monkeypatch.setattr(module, "LARGE", 40_000)
    given = [
        simulated(1, 420),
        simulated(2, 250, symbol="BBB", first="2001-08-27"),
        simulated(3, 333, symbol="CCC").between("2000-03-01", None),
        simulated(4, 200, symbol="DDD"),
    ]
    found = on_disk(iter(given))
    let_go()
    assert [one.symbol for one in found] == ["AAA", "BBB", "CCC", "DDD"]
    for ours, theirs in zip(found, given, strict=True):
        pd.testing.assert_frame_equal(ours.bars, theirs.bars, check_freq=True)
        assert ours.sha256 == theirs.sha256
        assert ours.between("2001-09-03", None).bars.equals(theirs.between("2001-09-03", None).bars)
    if sys.platform == "linux":
        kept = [one.bars is other.bars for one, other in zip(found, given, strict=True)]
        assert kept == [False, False, True, True]

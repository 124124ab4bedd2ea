"""Answers without end, and small ones that unpack to gigabytes: left at the limit, in one line."""

import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from support.fake_yahoo import FakeYahoo, Fault
from support.loopback import Loopback, Reply

from lstmcast.prices.sources.http import ANSWER_BYTES

MOST_MEMORY = 400 * 2**20


def bomb(unpacked: int) -> Reply:
    """A small answer that unpacks to so many bytes."""
    packer = zlib.compressobj(1, wbits=31)
    pieces = [packer.compress(b" " * 2**20) for _ in range(unpacked // 2**20)]
    return Reply(body=b"".join([*pieces, packer.flush()]), headers=(("Content-Encoding", "gzip"),))


BOMB = bomb(2 * ANSWER_BYTES)
ENDLESS = Reply(body=b"0123456789abcdef" * 4096, endless=True)


@pytest.mark.parametrize(
    ("kind", "reply"),
    [("chart", BOMB), ("chart", ENDLESS), ("crumb", ENDLESS), ("cookie", BOMB)],
    ids=["bomb", "endless", "endless crumb", "cookie bomb"],
)
def test_a_flood_is_told_and_nothing_stored(
    program: Any, yahoo: FakeYahoo, kind: str, reply: Reply
) -> None:
    yahoo.faults.append(Fault(kind, reply))
    ran = program.fetch("AAPL", "--timeout", "4")
    if kind == "chart":
        assert ran.exit_code == 6
        assert "query2.finance.yahoo.com sent an unusable answer: more than 8 MiB" in ran.stderr
        assert yahoo.kinds.count("chart") <= 2  # asking again would bring the same
        assert program.store.entries() == []
    else:  # what comes before the prices may fail: the prices are what counts
        assert ran.exit_code in (0, 6), ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_large_answer_below_the_limit_is_read(program: Any, yahoo: FakeYahoo) -> None:
    def padded(normal: Reply) -> Reply:
        return Reply(body=normal.body + b" " * (ANSWER_BYTES - len(normal.body)))

    yahoo.faults.append(Fault("chart", padded))
    assert program.fetch("AAPL", "--timeout", "20").exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts the memory as Linux does")
def test_a_bomb_takes_little_memory(tmp_path: Path, loopback: Loopback) -> None:
    fake = FakeYahoo()
    fake.faults.append(Fault("chart", bomb(2**28)))
    loopback.handlers["yahoo.com"] = fake
    measured = (
        "import atexit, re\n"
        "def tell():\n"
        "    about = open('/proc/self/status').read()\n"
        "    print(re.findall(r'VmHWM:\\s+(\\d+) kB', about)[0])\n"
        "atexit.register(tell)\n"
        "from lstmcast.cli.app import main; main()"
    )
    environment = {
        **{k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")},
        **loopback.environment(),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", measured, "fetch", "AAPL", "--data-dir", str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert 1024 * int(done.stdout.split()[-1]) < MOST_MEMORY

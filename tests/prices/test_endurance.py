"""The store among other processes, killed ones, and disks that are full or cannot be written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.bars import make_history

from lstmcast.prices.store import PriceStore

TESTS = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs fork, SIGKILL and resource limits"),
]


def run(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ["-c", code] if code is not None else ["-m", "support.endurance"]
    return subprocess.run(
        [sys.executable, *command, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_crowds_kills_and_readers_without_the_lock_find_whole_files(tmp_path: Path) -> None:
    """No update is lost; who is killed, or reads meanwhile, has the old file or the new one."""
    done = run(str(tmp_path), "crowd:3:5", "kills:12", "reads:40")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    for line, words in zip(
        said, ("30 updates", "every file whole", "each time whole"), strict=True
    ):
        assert words in line


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    store = PriceStore(tmp_path)
    store.save(make_history("AAPL", "sample", sessions=30))
    before = store.path("AAPL", "sample").read_bytes()
    limited = (
        "import resource, signal, sys\n"
        # Python 3.11 cuts its own compiled modules off at the limit and keeps them so.
        "sys.dont_write_bytecode = True\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768))\n"
        "from lstmcast.cli.app import main\n"
        "main()\n"
    )
    arguments = ("fetch", "AAPL", "--source", "sample", "--data-dir", str(tmp_path))
    done = run(*arguments, code=limited)
    assert done.returncode == 7, done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert done.stderr.count("\n") == 2
    assert store.path("AAPL", "sample").read_bytes() == before
    assert list(tmp_path.rglob("*.tmp")) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_a_place_that_cannot_be_written_is_one_line(program: Any) -> None:
    ran = program.run("fetch", "AAPL", "--source", "sample", "--data-dir", "/proc/nowhere")
    assert ran.exit_code == 7
    assert "`/proc/nowhere/prices/sample` cannot be written" in ran.stderr
    assert ran.stderr.count("\n") == 2

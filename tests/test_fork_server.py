"""Workers forked from a server: loaded once, the same results, and nothing left over at the end.

The program is a script named as the command is, since for others there is no server.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import shared_work
from support.signals import send_as_the_system_does

from lstmcast import fork_server, parallel
from lstmcast.garbage import GARBAGE

RARE = "xmlrpc.server"
"""A module that nobody loads."""

PROGRAM = """
import json, os, sys, time
from pathlib import Path
from multiprocessing import forkserver
from support import shared_work
from lstmcast import parallel
from lstmcast.errors import ResourcesError

if __name__ == "__main__":
    parallel.load_ahead(("no.such.module", "xmlrpc.server"), jobs=2)
    server = forkserver._forkserver._forkserver_pid
    said = {"server": server, "socket": forkserver._forkserver._forkserver_address}
    print(json.dumps(said), flush=True)
    match sys.argv[1]:
        case "work":
            found = parallel.in_order(shared_work.prepared, "xmlrpc.server", range(4), jobs=2)
            sums = parallel.in_order(shared_work.measured, shared_work.ARRAY, range(3), jobs=2)
            print(json.dumps({"workers": found, "sums": sums}))
        case "wait":
            shared_work.wait_in_workers(Path(sys.argv[2]))
        case "orphaned":
            try:
                parallel.in_order(shared_work.orphaned, None, range(2), jobs=2)
            except ResourcesError as error:
                print(json.dumps(str(error)))
        case "nothing":
            parallel.let_workers_end()
            time.sleep(20)
        case "fail":
            raise SystemExit("a fault of the user's")
"""


def started(
    tmp_path: Path, what: str, **environment: str
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """The program, as a leader of its own group, and what it says of its server."""
    (tmp_path / "program").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "xmlrpc.py").write_text("raise SystemExit('of the folder it was typed in')")
    script = tmp_path / "program" / "lstmcast"
    script.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(script), what, str(tmp_path / "folder")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def wait_until_gone(paths: list[Path]) -> None:
    """Fail if they are still there in five seconds."""
    deadline = time.monotonic() + 5
    while any(path.exists() for path in paths):
        assert time.monotonic() < deadline, [path for path in paths if path.exists()]
        time.sleep(0.02)


def traces(said: dict[str, Any]) -> list[Path]:
    """Where a server can be seen, if it is there."""
    return [Path(f"/proc/{said['server']}"), Path(said["socket"])]


def test_forked_workers_are_loaded_and_compute_the_same(tmp_path: Path) -> None:
    process, said = started(tmp_path, "work")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    found = json.loads(out)
    workers = found["workers"]
    assert {tuple(values[:3]) for values in workers} == {(True, True, GARBAGE)}
    assert {parent for *_, parent in workers} == {said["server"]}
    here = parallel.in_order(shared_work.measured, shared_work.ARRAY, range(3), jobs=1)
    # The same sums, of a view that cannot be written to, in one thread, with no workers of theirs.
    assert [values[:4] for values in found["sums"]] == [[one[0], False, 1, 1] for one in here]
    wait_until_gone(traces(said))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_the_server_and_what_it_forked(tmp_path: Path, number: int) -> None:
    process, said = started(tmp_path, "wait")
    workers = tmp_path / "folder"
    while len(list(workers.iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    send_as_the_system_does(process.pid, number)
    out, err = process.communicate(timeout=20)
    killed = number == signal.SIGKILL
    assert (process.returncode, out) == ((-number, b"") if killed else (0, b"ended\n"))
    assert killed or not err
    wait_until_gone([*traces(said), *(Path(f"/proc/{path.name}") for path in workers.iterdir())])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_a_server_that_loads(tmp_path: Path, number: int) -> None:
    process, said = started(tmp_path, "wait")
    send_as_the_system_does(process.pid, number)
    _, err = process.communicate(timeout=20)
    assert b"forkserver" not in err
    assert Path(said["socket"]).parents[1].name.startswith(".lstmcast.")  # others sweep it
    wait_until_gone(traces(said))


def test_workers_whose_server_was_killed_are_told_of(tmp_path: Path) -> None:
    process, _ = started(tmp_path, "orphaned")
    out, err = process.communicate(timeout=20)
    assert "ended from outside" in json.loads(out)
    assert (process.returncode, err) == (0, b"")


def test_a_server_goes_with_what_it_was_started_for(tmp_path: Path) -> None:
    """A finished walk needs no workers, and a fault that is found early ends the command."""
    for what in ("nothing", "fail"):
        (tmp_path / what).mkdir()
        process, said = started(tmp_path / what, what)
        if what == "nothing":
            stat = Path(f"/proc/{said['server']}/stat")
            deadline = time.monotonic() + 5
            while stat.read_text().rpartition(")")[2].split()[0] != "Z":
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.kill()
        _, err = process.communicate(timeout=20)
        assert err == (b"" if what == "nothing" else b"a fault of the user's\n")
        wait_until_gone(traces(said)[:1])


def test_workers_start_by_themselves_where_the_socket_has_no_place(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    process, said = started(tmp_path, "work", TMPDIR=str(deep))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err, said["server"]) == (0, b"", None)
    assert {tuple(values[:3]) for values in json.loads(out)["workers"]} == {(False, True, GARBAGE)}


def test_what_uses_the_library_has_no_server() -> None:
    assert not fork_server.is_the_program()
    assert not fork_server.start(())
    parallel.load_ahead((RARE,), jobs=2)
    found = parallel.in_order(shared_work.prepared, RARE, range(4), jobs=2)
    assert {(one.loaded, one.parent) for one in found} == {(False, os.getpid())}

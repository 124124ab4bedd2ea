"""The writer: the old file or the new one, never a half; devices, pipes and links stay."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lstmcast.errors import OutputError
from lstmcast.files import replace_file, write_atomically

STREAMS = Path("/dev/stdout")
without_streams = pytest.mark.skipif(not STREAMS.exists(), reason="this system names no streams")


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new\x00")
    assert path.read_bytes() == b"new\x00"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner: Any = Path if call == "replace" else os
    monkeypatch.setattr(owner, call, full)
    with pytest.raises(OutputError, match=r"file\.bin` cannot be written: No space left"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file or directory") as caught:
        write_atomically(tmp_path / "absent" / "file", b"")
    assert caught.value.hint == f"make the folder first: `mkdir -p {tmp_path / 'absent'}`"


@pytest.mark.parametrize("name", ["taken", "", "."])
def test_a_folder_in_the_file_s_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="cannot be written: Is a directory") as caught:
        write_atomically(tmp_path / name, b"")
    assert caught.value.hint == "that is a folder: give the name of a file in it"
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


@pytest.mark.parametrize("name", ["x" * 256, "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 90])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        write_atomically(tmp_path / name, b"")


@pytest.mark.parametrize("name", ["x" * 255, "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 85])
def test_the_longest_names_that_a_file_can_have(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """One that points to nothing yet as well, and one by way of another."""
    (tmp_path / "elsewhere").mkdir()
    link, second = tmp_path / "link", tmp_path / "second"
    link.symlink_to("elsewhere/file")
    second.symlink_to(link)
    for path, content in ((link, b"first"), (second, b"second")):
        replace_file(path, content)
        assert path.is_symlink()
        assert (tmp_path / "elsewhere" / "file").read_bytes() == content
    assert {path.name for path in tmp_path.rglob("*")} == {"elsewhere", "file", "link", "second"}


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputError, match=r"a` cannot be written: Too many levels of symbolic"):
        write_atomically(tmp_path / "a", b"")
    assert (tmp_path / "a").is_symlink()


def test_a_link_laid_in_the_way_of_the_temporary_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".file.000000000000.tmp").symlink_to(victim)
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 12)
    with pytest.raises(OutputError, match="cannot be written: File exists"):
        write_atomically(tmp_path / "file", b"new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_permissions_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    replace_file(path, b"new")
    assert path.stat().st_mode & 0o777 == mode


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"x" * 200_000)  # more than a pipe holds
    reader.join()
    assert read == [b"x" * 200_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def a_device(folder: Path) -> Path:
    """A node of its own where one may be made: root could replace the system's by a file."""
    own = folder / "device"
    try:
        os.mknod(own, 0o600 | stat.S_IFCHR, Path(os.devnull).stat().st_rdev)
        own.write_bytes(b"")
    except OSError:
        return Path(os.devnull)
    return own


def test_devices_stay_devices(tmp_path: Path) -> None:
    device, link = a_device(tmp_path), tmp_path / "link"
    link.symlink_to(device)
    for path in (device, link):
        replace_file(path, b"new")
        assert stat.S_ISCHR(path.stat().st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(OutputError, match="`/dev/full` cannot be written: No space left"):
            write_atomically(Path("/dev/full"), b"new")


@without_streams
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_stream_of_the_program_is_written_in_turn(tmp_path: Path, name: str) -> None:
    """Opened anew, it would be overwritten from its first byte on."""
    target = tmp_path / "out"
    program = (
        "import sys; from pathlib import Path; from lstmcast.files import replace_file;"
        f"print('before'); replace_file(Path({name!r}), b'file\\n'); print('after')"
    )
    with target.open("wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert target.read_text() == "before\nfile\nafter\n"


@without_streams
def test_a_stream_whose_reader_has_left_or_which_is_closed(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    replace_file(Path(f"/dev/fd/{writer}"), b"new")
    os.close(writer)
    with pytest.raises(OutputError, match=r"cannot be written: Bad file descriptor"):
        write_atomically(Path(f"/dev/fd/{writer}"), b"new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o300)
    replace_file(tmp_path / "file", b"new")
    tmp_path.chmod(0o700)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_folder_that_cannot_be_flushed_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is in its place: to fail now would say that it is not."""
    sync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"

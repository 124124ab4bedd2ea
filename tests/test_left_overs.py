"""What killed processes leave is swept; what others are writing, and what is not ours, stays."""

import os
import time
from pathlib import Path

import pytest

from lstmcast import left_overs
from lstmcast.baselines import FitCache
from lstmcast.files import replace_file
from lstmcast.left_overs import OLD, sweep, temporary_file, temporary_folder, working_folder

FILE, FOLDER = ".metrics.0123456789ab.tmp", ".20200101-000000.0123456789ab.partial"
OLDER = ".20200101-000000-0123abcd.partial"
"""A folder as earlier versions called it."""

pytestmark = pytest.mark.skipif(not left_overs.LOCKS, reason="this system has other locks")


def leave(folder: Path) -> None:
    """What a process leaves that was killed while it wrote a file and a run."""
    (folder / FILE).write_text("{")
    for name in (FOLDER, OLDER):
        (folder / name / "charts").mkdir(parents=True)
        (folder / name / "run.json").write_text("{")


def test_left_overs_are_swept(tmp_path: Path) -> None:
    leave(tmp_path)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_written_is_not(tmp_path: Path) -> None:
    with (
        temporary_file(tmp_path / "file") as (file, _),
        temporary_folder(tmp_path, "20200101-000000") as folder,
    ):
        (folder / "charts").mkdir()
        sweep(tmp_path)
        assert set(tmp_path.iterdir()) == {file, folder}
        file.rename(tmp_path / "file")
        folder.rename(tmp_path / "run")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "run"}


def test_what_fails_is_removed_at_once(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="now"), temporary_file(tmp_path / "file"):
        raise KeyboardInterrupt("now")
    with pytest.raises(KeyboardInterrupt, match="now"), temporary_folder(tmp_path, "run"):
        raise KeyboardInterrupt("now")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["metrics.0123456789ab.tmp", ".metrics.tmp", ".git", ".a.0123456789aB.tmp", ".partial"]
)
def test_files_of_others_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    sweep(tmp_path)
    assert (tmp_path / name).exists()


def test_links_are_neither_followed_nor_taken_for_left_overs(tmp_path: Path) -> None:
    (tmp_path / "folder" / "kept").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / FILE).symlink_to(tmp_path / "file")
    (tmp_path / FOLDER).symlink_to(tmp_path / "folder")
    before = set(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert set(tmp_path.rglob("*")) == before


def test_a_folder_by_the_name_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    (tmp_path / FOLDER).touch()
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_writing_a_file_sweeps_its_own_name_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    (tmp_path / ".other.0123456789ab.tmp").touch()
    replace_file(tmp_path / "metrics.json", b"{}")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"metrics.json", ".other.0123456789ab.tmp"}


def test_one_that_is_swept_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = left_overs._is_ours
    swept: list[Path] = []

    def late(descriptor: int, path: Path) -> bool:
        if not swept:
            swept.append(path)
            sweep(tmp_path)
        return held(descriptor, path)

    monkeypatch.setattr(left_overs, "_is_ours", late)
    replace_file(tmp_path / "file", b"whole")
    swept.clear()
    with temporary_folder(tmp_path, "run") as folder:
        assert folder != swept[0]
        folder.rename(tmp_path / "run")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "run"}


def test_where_there_are_no_locks_age_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", unknown)
    leave(tmp_path)
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    for path in tmp_path.iterdir():
        os.utime(path, (0, time.time() - OLD - 1))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
    replace_file(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_folder_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    sweep(tmp_path / "absent")
    (tmp_path / "file").touch()
    sweep(tmp_path / "file")


def test_the_cache_of_fits_is_swept_when_it_is_opened(tmp_path: Path) -> None:
    leave(tmp_path)
    FitCache.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_command_sweeps_the_working_folders_of_those_that_were_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, others = tmp_path / ".lstmcast.0123456789ab.partial", tmp_path / FOLDER
    for folder in (killed, others):
        folder.mkdir()
        (folder / "common").write_text("")
    with working_folder() as first, working_folder() as second:
        assert {*tmp_path.iterdir()} == {first, second, others}
        assert first.stat().st_mode & 0o777 == 0o700
    assert [*tmp_path.iterdir()] == [others]

"""Where a study is kept: a journal in a file, or whatever Optuna has a URL for.

A process that is killed while it writes leaves half a line at the journal's end, to which the next
line would be joined; it is cut off before the journal is used. The lock on the journal is one that
the system takes back with the process.
"""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lstmcast.errors import LstmcastError, OutputError, RunError, UsageError
from lstmcast.files import make_folder
from lstmcast.reading import RECORD_BYTES, read_file

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

PATIENCE = 30.0
"""Seconds to wait for a lock that others hold for a moment only."""


def open_storage(where: str | Path) -> "BaseStorage":
    """Open a storage, and make it where it is not there.

    Args:
        where: path of a journal, or a URL that Optuna knows, as `sqlite:///study.db`.

    Raises:
        UsageError: if the URL is none, or needs a package that is not installed.
        RunError: if the journal is damaged or locked, or the database cannot be used.
        OutputError: if the journal cannot be written.
    """
    if isinstance(where, str) and "://" in where:
        return _database(where)
    return _journal(Path(where))


def _journal(path: Path) -> "BaseStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class Lock(JournalFileOpenLock):
        """A lock of the system in the place of a file that a killed process leaves behind."""

        def __init__(self) -> None:
            self._held = FileLock(lock_of(path), timeout=PATIENCE)

        def acquire(self) -> bool:
            self._held.acquire()
            return True

        def release(self) -> None:
            self._held.release()

    make_folder(path.parent, "choose another folder with `--runs-dir`")
    if path.is_dir():
        raise OutputError(f"`--storage` {path} is a folder", "give the name of a file in it")
    with using(path):
        with FileLock(lock_of(path), timeout=PATIENCE):
            mend(path)
        return JournalStorage(JournalFileBackend(str(path), Lock()))


def lock_of(path: Path) -> str:
    """The file by which a journal is locked."""
    return str(path.with_name(path.name + ".lock"))


def mend(path: Path) -> None:
    """Cut off a last line that was not written to its end; call it with the lock held.

    Raises:
        RunError: if another line is damaged.
    """
    if not path.exists():
        return
    content = read_file(path, RECORD_BYTES)
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict) or not isinstance(entry.get("op_code"), int):
                raise ValueError("it is no entry of a journal")  # noqa: TRY301, TRY004 - as any damage
        except ValueError as error:
            raise RunError(
                f"`{path}` is damaged in line {number}",
                "restore it from a copy, or begin another study with `--study`",
            ) from error
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))


def _database(url: str) -> "BaseStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    shown = without_password(url)
    try:
        if url.startswith("redis"):
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalRedisBackend

            return JournalStorage(JournalRedisBackend(url))
        # Optuna takes it for a template, and a password may hold braces.
        return optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"`--storage` {shown} cannot be opened: {_line(error)}",
            "install the database's driver, or keep the study in a file by leaving it out",
        ) from error
    except Exception as error:  # its drivers have no common class; others are raised again
        told = fault_of(error, shown)
        if told is None:
            raise
        raise told from error


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{place}"


def fault_of(error: Exception, shown: str) -> LstmcastError | None:
    """What went wrong with a storage, as an error of this program; None for what must be a bug."""
    if isinstance(error, LstmcastError):
        return error
    if isinstance(error, Timeout):
        return RunError(
            f"`{shown}` is locked for more than {PATIENCE:g} s",
            "another process holds it: wait for it, or check whether it hangs",
        )
    if isinstance(error, OSError):
        return OutputError(
            f"`{shown}` cannot be used: {error.strerror or error}", "choose another place"
        )
    if isinstance(
        error, (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError)
    ):
        return RunError(
            f"`{shown}` is damaged: {_line(error)}",
            "restore it from a copy, or begin another study with `--study`",
        )
    return _fault_of_a_database(error, shown)


def _fault_of_a_database(error: Exception, shown: str) -> LstmcastError | None:
    kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if not kinds & {"sqlalchemy", "redis"} and type(error).__name__ != "StorageInternalError":
        return None
    if type(error).__name__ in {"ArgumentError", "NoSuchModuleError"}:
        return UsageError(
            f"`--storage` {shown} is no URL of a database: {_line(error)}",
            "write it as in sqlite:///study.db, or leave it out",
        )
    return RunError(f"`{shown}` cannot be used: {_line(error)}", "look at the database")


@contextmanager
def using(where: str | Path) -> Iterator[None]:
    """Tell what goes wrong with a storage as errors of this program."""
    shown = without_password(where) if isinstance(where, str) and "://" in where else str(where)
    try:
        yield
    except Exception as error:  # its drivers have no common class; others are raised again
        told = fault_of(error, shown)
        if told is None or told is error:
            raise
        raise told from error


def _line(error: Exception) -> str:
    with contextlib.suppress(IndexError):
        return str(error).strip().splitlines()[0][:200]
    return type(error).__name__

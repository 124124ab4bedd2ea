"""yfinance itself: imported quietly, with its caches in a folder where nobody else writes."""

import atexit
import logging
import shutil
import sqlite3
import tempfile
import warnings
from contextlib import closing
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import peewee
import platformdirs

from lstmcast.prices.sources.http import OutOfTimeError


@cache
def load_yfinance() -> ModuleType:
    """Import yfinance, quiet, with its caches in lstmcast's own folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 4 deprecations at import
        yfinance = import_module("yfinance")
    logger = logging.getLogger("yfinance")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False  # it calls every trouble "possibly delisted"
    yfinance.set_tz_cache_location(str(cache_folder()))
    return yfinance


@cache
def cache_folder() -> Path:
    """Return a folder where yfinance can keep cookies and time zones.

    Users meet `database is locked` and `disk image is malformed` there. So the files are tried
    before yfinance opens them: a damaged one is deleted, and where the folder cannot be used
    (another process holds it, or it cannot be written) a temporary one serves this process.
    """
    folder = Path(platformdirs.user_cache_dir("lstmcast")) / "yfinance"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in folder.glob("*.db"):
            _make_usable(file)
    except (OSError, sqlite3.Error):
        temporary = tempfile.mkdtemp(prefix="lstmcast-yfinance-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)
    return folder


def _make_usable(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            healthy = connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError:  # locked, or not writable
        raise
    except sqlite3.DatabaseError:
        healthy = False
    if not healthy:
        for part in file.parent.glob(f"{file.name}*"):  # with its journal
            part.unlink(missing_ok=True)


def failures() -> tuple[type[Exception], ...]:
    """Return what a call of yfinance is known to raise; anything else is a bug to be seen."""
    from yfinance.exceptions import YFException

    return (
        YFException,
        OutOfTimeError,
        peewee.PeeweeException,
        OSError,  # curl_cffi's exceptions among them
        ImportError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    )

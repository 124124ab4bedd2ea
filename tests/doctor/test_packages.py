"""Which packages are told to be missing or too old, out of what lstmcast says that it needs."""

import errno
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from lstmcast.doctor import packages
from lstmcast.doctor.findings import Problem, guarded
from lstmcast.errors import RunError, StoreError


def needing(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(packages, "requires", lambda _: list(lines))


def test_what_is_installed_here_is_whole() -> None:
    assert packages.requirements() == []
    told = packages.versions()
    assert {"python", "lstmcast", "torch", "pandas", "yfinance", "typer"} <= told.keys()
    assert None not in told.values()
    assert {"akshare", "indicators"} <= packages.extras().keys()
    assert packages.extras()["indicators"] is None
    assert "test" not in packages.extras()


def test_what_is_missing_or_old_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(
        monkeypatch,
        "numpy>=2",
        "absent-package>=3",
        "pandas>=99,<100",
        "winonly>=1; sys_platform == 'never'",
        "absent-extra>=1; extra == 'excel'",
    )
    missing, old = packages.requirements()
    assert (missing.state, missing.message) == ("broken", "absent-package is not installed")
    assert missing.hint == f"`{sys.executable} -m pip install 'absent-package>=3'`"
    assert old.message.startswith("pandas 3.")
    assert old.message.endswith(" is installed, and lstmcast needs <100,>=99")
    assert packages.versions()["absent-package"] is None
    assert "winonly" not in packages.versions()


def test_extras_are_whole_or_come_with_their_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(
        monkeypatch,
        "numpy>=2; extra == 'whole'",
        "numpy>=99; extra == 'old'",
        "absent-package; python_version >= '3' and extra == 'absent'",
        "numpy; extra == 'absent'",
        "absent-package; extra == 'dev'",
        "lstmcast[test]; extra == 'all'",
    )
    assert packages.extras() == {
        "absent": f"{sys.executable} -m pip install 'lstmcast[absent]'",
        "old": f"{sys.executable} -m pip install 'lstmcast[old]'",
        "whole": None,
    }


def test_a_checkout_that_was_never_installed_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "requires", absent)
    assert (packages.requirements(), packages.extras()) == ([], {})


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (StoreError("`x` is broken", "mend it"), Problem("broken", "`x` is broken", "mend it")),
        (RunError("no"), Problem("broken", "no", None)),
        (
            ImportError("libcudart.so.13: cannot open\nsecond line"),
            Problem(
                "broken",
                "the devices cannot be looked at: ImportError: libcudart.so.13: cannot open",
                "install lstmcast again",
            ),
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/closed"),
            Problem(
                "broken",
                "the devices cannot be looked at: `/closed`: Permission denied",
                "get permission to read and write there",
            ),
        ),
        (
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            Problem("broken", "the devices cannot be looked at: Cannot allocate memory", None),
        ),
        (
            ZeroDivisionError(),
            Problem("broken", "the devices cannot be looked at: ZeroDivisionError", None),
        ),
    ],
)
def test_a_look_that_fails_is_a_problem(error: Exception, problem: Problem) -> None:
    def look() -> tuple[list[int], list[Problem]]:
        raise error

    nothing: list[int] = []
    assert guarded("the devices", look, nothing) == ([], [problem])
    fine = ([1], [Problem("warning", "w")])
    assert guarded("the devices", lambda: fine, nothing) == fine

"""Which packages are installed, whether their versions fit, and which extras are missing.

All of it is read from what lstmcast itself says when it is installed, so a new dependency is looked
at without a line here.
"""

import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from lstmcast import __version__
from lstmcast.doctor.findings import Problem

NAME = "lstmcast"

_OF_DEVELOPERS = {"test", "dev"}
"""Extras that no user misses."""


def versions() -> dict[str, str | None]:
    """Python, lstmcast and every package that it needs; None for one that is not there."""
    needed = {wanted.name: _installed(wanted) for wanted in _wanted() if _applies(wanted)}
    return {"python": platform.python_version(), NAME: __version__, **dict(sorted(needed.items()))}


def requirements() -> list[Problem]:
    """What is wrong with the packages that lstmcast needs."""
    found = []
    for wanted in _wanted():
        there = _installed(wanted) if _applies(wanted) else ""
        command = f"`{sys.executable} -m pip install '{wanted.name}{wanted.specifier}'`"
        if there is None:
            found.append(Problem("broken", f"{wanted.name} is not installed", command))
        elif there and not wanted.specifier.contains(there, prereleases=True):
            words = f"{wanted.name} {there} is installed, and lstmcast needs {wanted.specifier}"
            found.append(Problem("broken", words, command))
    return found


def extras() -> dict[str, str | None]:
    """Every extra, and the command that installs what it lacks; None where it is whole."""
    wanted: dict[str, list[Requirement]] = {}
    for one in _wanted():
        for extra in _extras_of(one):
            wanted.setdefault(extra, []).append(one)
    return {
        extra: None
        if all(_fits(one) for one in parts)
        else f"{sys.executable} -m pip install '{NAME}[{extra}]'"
        for extra, parts in sorted(wanted.items())
    }


def _wanted() -> list[Requirement]:
    """What the installed lstmcast says that it needs; nothing where it was never installed."""
    try:
        return [Requirement(line) for line in requires(NAME) or ()]
    except PackageNotFoundError:
        return []


def _applies(wanted: Requirement) -> bool:
    """Whether it is needed here without any extra."""
    return wanted.marker is None or wanted.marker.evaluate({"extra": ""})


def _extras_of(wanted: Requirement) -> list[str]:
    """The extras that it belongs to; the marker's text names them."""
    if wanted.marker is None or wanted.name == NAME:
        return []
    words = str(wanted.marker).replace('"', "'").split("extra == '")[1:]
    names = (word.partition("'")[0] for word in words)
    return [name for name in names if name not in _OF_DEVELOPERS]


def _installed(wanted: Requirement) -> str | None:
    try:
        return version(wanted.name)
    except PackageNotFoundError:
        return None


def _fits(wanted: Requirement) -> bool:
    there = _installed(wanted)
    return there is not None and wanted.specifier.contains(there, prereleases=True)

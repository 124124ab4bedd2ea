"""Settings of the property tests, and one seed for all; a plugin checks shapes in `lstmcast.nn`.

The plugin is jaxtyping's, named in pyproject.toml: every test that calls a network also checks the
shapes in its annotations, once for each combination of shapes.
"""

import gc
import importlib.metadata
import os
import sys
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any

import jaxtyping
import pytest
import typer.testing
from hypothesis import Phase, settings
from support.shapes import checked_once

NO_GPU = "PyTorch finds no CUDA device here"

jaxtyping.jaxtyped = checked_once(jaxtyping.jaxtyped)

# Each run tells the versions of its packages, which are read from files of theirs, and stay.
importlib.metadata.version = lru_cache(importlib.metadata.version)

settings.register_profile(
    "lstmcast",
    deadline=None,  # a busy machine makes an example slow, which says nothing about the code
    # Phase.explain traces every line of pandas and torch: minutes for each failure.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
settings.load_profile("lstmcast")


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """Typer builds every command anew for each one that is invoked, which takes 12 ms."""
    with pytest.MonkeyPatch.context() as patch:
        once = lru_cache(typer.main.get_command)
        patch.setattr(typer.main, "get_command", once)
        patch.setattr(typer.testing, "_get_command", once)
        yield


@pytest.fixture(autouse=True)
def spoken_aloud() -> None:
    """A command with `--quiet` leaves the process quiet until the next command says otherwise."""
    if (console := sys.modules.get("lstmcast.cli.console")) is not None:
        console.be_quiet(wanted=False)


@pytest.fixture(scope="session", autouse=True)
def features_built_once() -> Iterator[None]:
    """Hundreds of tests train on the same few histories: see `support.remembered`."""
    # Not before jaxtyping watches what is imported.
    from support.remembered import build

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstmcast.features.matrices._build", build)
        yield


@pytest.fixture(scope="session", autouse=True)
def disk_not_waited_for() -> Iterator[None]:
    """What tests write need not outlive a power cut, and each file would wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and programs that they start, keep calendars in a folder that workers share."""
    before = os.environ.get("LSTMCAST_CACHE_DIR")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker's own is a folder in that of the run
    os.environ["LSTMCAST_CACHE_DIR"] = str(base / "lstmcast-cache")
    yield
    if before is None:
        del os.environ["LSTMCAST_CACHE_DIR"]
    else:
        os.environ["LSTMCAST_CACHE_DIR"] = before


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among modules that are being loaded, nor later among what they hold."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(20_000, 20, 20)  # charts and tables make many objects, and few circles


LONGEST = (
    "cli/test_end_to_end.py",
    "report/test_browser.py",
    "test_notebook.py",
    "training/test_distributed.py",
)
"""Files with a test that takes five seconds or more."""


@pytest.hookimpl(trylast=True)  # after they were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, and skip what needs a CUDA device where there is none.

    At the end of a run one worker would wait for the other, which has begun a long one.
    """
    items.sort(key=lambda item: not str(item.path).endswith(LONGEST))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=NO_GPU))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count what was skipped for want of a CUDA device."""
    reports = terminalreporter.stats.get("skipped", [])
    if skipped := sum(NO_GPU in str(report.longrepr) for report in reports):
        terminalreporter.write_line(f"{skipped} tests marked `gpu` were skipped: {NO_GPU}")


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Begin each test at one seed, in whatever order tests run: what fails once fails again."""
    if torch := sys.modules.get("torch"):
        # `torch.manual_seed` would note where it was called for each kind of device: a millisecond.
        torch.default_generator.manual_seed(0)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(0)

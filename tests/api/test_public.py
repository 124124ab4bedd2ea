"""What `import lstmcast` gives: the public names, at no cost, and docstrings that run."""

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import lstmcast

MODULES = ("lstmcast", *sorted(set(lstmcast._MODULES.values())))
HEAVY = ("numpy", "pandas", "torch", "matplotlib", "sklearn", "pydantic", "typer")


def test_importing_it_loads_nothing_and_every_name_is_there() -> None:
    program = f"""
import sys, lstmcast
print([name for name in {HEAVY!r} if name in sys.modules])
assert set(lstmcast.__all__) <= set(dir(lstmcast))
lstmcast.load_prices
print([name for name in ("torch", "matplotlib", "sklearn", "typer") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")


def test_every_public_name_is_listed_once_loads_and_is_documented() -> None:
    assert list(lstmcast._MODULES) == sorted(lstmcast.__all__) == lstmcast.__all__
    page = Path(__file__).parents[2].joinpath("docs/api.md").read_text(encoding="utf-8")
    for name in lstmcast.__all__:
        assert (getattr(lstmcast, name).__doc__ or "").strip(), name
        assert f"`{name}" in page or f"lstmcast.{name}" in page, name
    with pytest.raises(AttributeError, match="module 'lstmcast' has no attribute 'nope'"):
        getattr(lstmcast, "nope")  # noqa: B009 - not known to mypy


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the sample's AAPL."""
    folder = tmp_path_factory.mktemp("store")
    lstmcast.fetch("AAPL", source="sample", data_dir=folder)
    return folder


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_run(name: str, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTMCAST_DATA_DIR", str(sample))
    module = import_module(name)
    found = doctest.testmod(module, extraglobs={"lstmcast": lstmcast}, report=True)
    assert found.failed == 0
    assert found.attempted > 0 or name in {
        "lstmcast.config", "lstmcast.errors", "lstmcast.prices.history",
    }  # fmt: skip

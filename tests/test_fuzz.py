"""A sample of what `make fuzz` tries, and that it counts what it is there to count."""

import random
from pathlib import Path

import fuzz
import pytest

from lstmcast.errors import ConfigError


def test_nothing_ends_in_a_traceback(tmp_path: Path) -> None:
    outcome = fuzz.fuzz(120.0, 1, tmp_path, most=60)
    assert outcome.tracebacks == []
    assert set(outcome.cases) >= {
        "configurations", "run folders", "store files", "price files", "command lines",
        "walks", "graphs", "ledgers", "pretrained weights", "scores",
    }  # fmt: skip
    assert outcome.ends["refused"] > 0


def test_a_traceback_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Two:
        def __init__(self, _: Path) -> None: ...

        def all(self) -> dict[str, tuple[fuzz.Case, int]]:
            return {"good": (self.good, 100), "bad": (self.bad, 100)}

        def good(self, chance: random.Random) -> object:
            raise ConfigError(f"a line {chance.random()}")

        def bad(self, chance: random.Random) -> object:
            return [][chance.randrange(9)]

    monkeypatch.setattr(fuzz, "Kinds", Two)
    outcome = fuzz.fuzz(60.0, 7, tmp_path, most=10)
    assert outcome.ends == {"refused": 5, "traceback": 5}
    assert "case 1 of seed 7 (bad)" in outcome.tracebacks[0]
    assert "IndexError" in outcome.tracebacks[0]

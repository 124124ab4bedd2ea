"""What workers need is loaded while a command reads, where there will be workers."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.program import Workplace

from lstmcast.baselines import BASELINES
from lstmcast.cli import workers
from lstmcast.parallel import MIN_SYMBOLS_FOR_PROCESSES

MANY = MIN_SYMBOLS_FOR_PROCESSES


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], int, int]]:
    """The modules that are asked for, with jobs and items."""
    found: list[tuple[Sequence[str], int, int]] = []

    def load_ahead(modules: Sequence[str], *, jobs: int, items: int = 2) -> None:
        found.append((modules, jobs, items))

    monkeypatch.setattr(workers, "load_ahead", load_ahead)
    return found


def test_what_is_loaded_exists(asked: list[tuple[Sequence[str], int, int]]) -> None:
    workers.load_baselines(MANY, None, 0)
    workers.load_training(2)
    workers.load_folds(4, 3)
    assert [values[1:] for values in asked] == [(0, MANY), (2, 2), (3, 4)]
    assert all(find_spec(name) for modules, *_ in asked for name in modules)


def test_networks_are_loaded_for_the_baselines_that_are_networks(
    asked: list[tuple[Sequence[str], int, int]],
) -> None:
    for names in (["ewma"], ["ewma", "linear"], [*BASELINES], None):
        workers.load_baselines(MANY, names, 2)
    assert [len(modules) for modules, *_ in asked] == [1, 2, 3, 3]


def test_few_symbols_have_no_workers(asked: list[tuple[Sequence[str], int, int]]) -> None:
    workers.load_baselines(MANY - 1, None, 2)
    assert asked[0][1] == 1


@pytest.mark.parametrize(
    ("words", "jobs", "items"),
    [
        (("backtest", "NONE", "--jobs", "2", "--folds", "3"), 2, 3),
        (("backtest", "NONE", "--folds", "3"), 1, 3),
        (("train", "NONE", "--jobs", "3"), 3, 2),
        (("tune", "--config", "small.yaml", "--jobs", "2"), 2, 2),
    ],
)
def test_commands_load_before_they_read(
    words: tuple[str, ...],
    jobs: int,
    items: int,
    asked: list[tuple[Sequence[str], int, int]],
    tmp_path: Path,
) -> None:
    assert Workplace(tmp_path).invoke(*words).exit_code
    assert [values[1:] for values in asked] == [(jobs, items)]


def test_commands_on_a_cluster_or_in_sequence_load_nothing(
    asked: list[tuple[Sequence[str], int, int]], tmp_path: Path
) -> None:
    place = Workplace(tmp_path)
    assert place.invoke("backtest", "NONE", "--jobs", "2", "--warm-start").exit_code
    assert place.invoke("train", "NONE", "--cluster", "nonsense").exit_code
    assert asked == []

"""Memory that an experiment needs is asked for before any is taken."""

import pytest
from support.experiments import small
from support.program import Workplace

from lstmcast.config import memory, require_memory
from lstmcast.errors import ConfigError

HUGE = ("model.hidden_size=4096", "model.num_layers=16", "model.members=100")


def test_a_hundred_wide_networks_are_refused_before_training(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = Workplace.make(tmp_path_factory.mktemp("place"))
    words = [word for value in HUGE for word in ("--set", value)]
    done = place.invoke("train", "--config", place.config, *words)
    assert done.exit_code == 3
    assert "TiB of memory" in done.stderr
    assert "`model.hidden_size` is 4096" in done.stderr
    assert not place.runs.exists()


def test_what_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2**28)
    require_memory(small(), 5_000, 20)
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    require_memory(small(*HUGE), 5_000, 20)  # a system that does not tell is not in the way


def test_windows_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide step needs memory even where the network is small."""
    monkeypatch.setattr(memory, "free_memory", lambda: 2**30)
    with pytest.raises(ConfigError, match=r"`training\.batch_size` 4096"):
        require_memory(
            small("training.batch_size=4096", "training.lookback=2000", "model.hidden_size=64"),
            5_000,
            20,
        )


def test_the_estimate_is_of_the_size_of_the_weights() -> None:
    """Of one layer of 1000 units that reads 20 columns: 4 x 1000 x 1022 numbers, six times."""
    needed = memory.memory_needed(
        small("model.hidden_size=1000", "model.members=1", "training.batch_size=1"), 1, 20
    )
    assert needed == pytest.approx(4 * 6 * 4 * 1000 * 1022, rel=0.02)

"""Forecasts that are shown again: the same bits as when made, and never where anything differs."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.experiments import PRICE, trained
from support.histories import altered_after, simulated
from support.program import Workplace
from support.unlike import coin, tokyo

from lstmcast.distributions import (
    LinearPool,
    PointForecast,
    QuantileGrid,
    RecalibratedDistribution,
    StudentTMixture,
    from_document,
    to_document,
)
from lstmcast.forecasting import result_cache
from lstmcast.forecasting.cached_forecasts import evaluated
from lstmcast.ledger import Ledger
from lstmcast.predictions import LEVELS
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run, create_run

COMMANDS = (
    ("BBB", "7203.T", "BTC-USD", "--horizon", "2", "--level", "33", "--level", "95"),
    ("AAA", "BBB", "--as-of", "2001-05-01", "--summary"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Unlike symbols, and runs of one of them: a distribution, and a point."""
    made = Workplace.make(
        tmp_path_factory.mktemp("cached"),
        simulated(),
        simulated(2, 250, symbol="BBB"),
        tokyo(),
        coin(),
    )
    create_run(made.runs, trained())
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache."""
    monkeypatch.setenv("LSTMCAST_CACHE_DIR", str(tmp_path / "cache"))
    result_cache._make_room.cache_clear()
    yield tmp_path / "cache" / "forecasts"
    result_cache._make_room.cache_clear()


def issued(place: Workplace, ledger: Path, *words: str | Path) -> tuple[str, str, list[Any]]:
    """What a forecast prints, and what the ledger keeps of it but for the moment."""
    result = place.invoke("forecast", *words, "--json", "--ledger", ledger)
    assert result.exit_code == 0, result.stderr
    kept = [entry.issued.statements for entry in Ledger(ledger).entries()]
    texts = [[(s.forecaster, s.distribution, s.dates, s.numbers.tolist()) for s in e] for e in kept]
    return result.stdout, result.stderr, [repr(one) for one in texts]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_forecast_that_is_kept_is_the_same_to_the_bit(
    words: tuple[str, ...], place: Workplace, folder: Path, tmp_path: Path
) -> None:
    made = issued(place, tmp_path / "one.sqlite", *words)
    assert list(folder.glob("*.json"))
    assert issued(place, tmp_path / "two.sqlite", *words) == made


def test_a_forecast_that_is_kept_loads_nothing_that_computes(
    place: Workplace, folder: Path, tmp_path: Path
) -> None:
    heavy = ("scipy", "onnxruntime", "sklearn", "exchange_calendars", "lstmcast.baselines")
    first = (
        "import atexit, sys; atexit.register(lambda: print(sorted("
        f"{set(heavy)!r} & set(sys.modules)), file=sys.stderr))"
    )
    ledger = tmp_path / "ledger.sqlite"
    made = issued(place, ledger, "AAA", "BBB", "--horizon", "2")[0]
    words = ("AAA", "BBB", "--horizon", "2", "--json", "--ledger", ledger)
    shown = place.run("forecast", *words, first=first)
    assert shown.stdout == made
    assert shown.stderr.splitlines()[-1] == "[]"


def test_what_is_damaged_is_computed_anew(place: Workplace, folder: Path, tmp_path: Path) -> None:
    words = ("AAA", "--horizon", "1")
    made = issued(place, tmp_path / "0.sqlite", *words)
    contents = {path: path.read_bytes() for path in folder.glob("*.json")}
    assert len(contents) == 2  # the forecast, and the baselines
    for number, (cut, old, new) in enumerate(
        ((-20, b"", b""), (None, b"1.", b"2."), (0, b"", b""))
    ):
        for path, content in contents.items():
            path.write_bytes(content[:cut].replace(old, new, 1))
        assert issued(place, tmp_path / f"{number + 1}.sqlite", *words) == made
        assert {path: path.read_bytes() for path in contents} == contents


def test_a_kept_result_of_another_form_is_computed_anew(
    place: Workplace, folder: Path, tmp_path: Path
) -> None:
    words = ("BBB", "--horizon", "1")
    made = issued(place, tmp_path / "one.sqlite", *words)
    for path in folder.glob("*.json"):
        result_cache.keep(path.stem, {"forecasts": [{}], "trust": None, "warnings": []})
    assert issued(place, tmp_path / "two.sqlite", *words) == made


def test_other_bars_and_other_requests_are_forecast_anew(
    place: Workplace, folder: Path, tmp_path: Path
) -> None:
    own = Workplace.make(tmp_path / "own", simulated(2, 250, symbol="BBB"))
    ledger = tmp_path / "ledger.sqlite"
    first = issued(own, ledger, "BBB")[0]
    count = len(list(folder.glob("*.json")))
    bars = simulated(2, 250, symbol="BBB")
    own.store.save(altered_after(bars, bars.bars.index[-3], 3))
    assert issued(own, ledger, "BBB")[0] != first
    assert len(list(folder.glob("*.json"))) == 2 * count
    issued(own, ledger, "BBB", "--horizon", "4")
    assert len(list(folder.glob("*.json"))) == 3 * count


def test_a_run_whose_files_changed_is_not_forecast_from_memory(
    place: Workplace, folder: Path, tmp_path: Path
) -> None:
    own = Workplace.make(tmp_path / "own", simulated())
    run = create_run(own.runs, trained())
    issued(own, tmp_path / "ledger.sqlite", "AAA")
    (run.path / "model.safetensors").unlink()
    result = own.invoke("forecast", "AAA", "--no-record")
    assert result.exit_code == 8
    assert "`model.safetensors` is missing" in result.stderr


def test_without_onnxruntime_pytorch_forecasts_and_nothing_is_kept(
    place: Workplace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(place, tmp_path / "one.sqlite", "AAA")
    before = sorted(folder.glob("*.json"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    told = place.invoke("forecast", "AAA", "--no-record").stderr
    assert "which takes longer to start: onnxruntime is not installed" in told
    assert sorted(folder.glob("*.json")) == before


def test_explanations_are_worked_out_each_time(
    place: Workplace, folder: Path, tmp_path: Path
) -> None:
    issued(place, tmp_path / "one.sqlite", "BBB")
    shown = place.invoke("forecast", "BBB", "--why", "--json", "--no-record")
    assert json.loads(shown.stdout)["symbols"][0]["why"]


def test_where_nothing_can_be_kept_forecasts_are_made_all_the_same(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LSTMCAST_CACHE_DIR", str(tmp_path / "file"))
    issued(place, tmp_path / "ledger.sqlite", "BBB")


def test_the_oldest_results_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        result_cache.keep(f"{number:064d}", "x" * 300)
        os.utime(folder / f"{number:064d}.json", (1000 + number, 1000 + number))
    monkeypatch.setattr(result_cache, "MOST_BYTES", 1500)
    result_cache._make_room.cache_clear()
    result_cache.keep("f" * 64, "new")
    left = sorted(path.stem for path in folder.glob("*.json"))
    assert left == [f"{4:064d}", f"{5:064d}", "f" * 64]
    assert result_cache.recall("f" * 64) == "new"


def test_a_changed_program_is_another_program(tmp_path: Path) -> None:
    module = tmp_path / "part" / "module.py"
    module.parent.mkdir()
    module.write_text("x = 1")
    before = sorted(result_cache._files(tmp_path))
    assert [name for name, *_ in before] == ["part/module.py"]
    os.utime(module, ns=(1, 1))
    assert sorted(result_cache._files(tmp_path)) != before


def test_every_kind_of_distribution_answers_as_before() -> None:
    random = np.random.default_rng(3)
    shape = (2, 1, 4)
    mixture = StudentTMixture(
        random.uniform(3, 9, shape), random.normal(size=shape) / 9, random.uniform(1, 2, shape)
    )
    points = np.array([0.5, 1.0, 1.4, 1.9])
    grid = QuantileGrid((0.1, 0.5, 0.9), np.sort(random.normal(size=(1, 4, 3))))
    for made in (
        mixture,
        grid,
        PointForecast(random.normal(size=(1, 4))),
        RecalibratedDistribution(mixture, np.full((1, 4), 1.3), points, points * 1.1),
        LinearPool((mixture, grid), np.array([0.3, 0.7])),
    ):
        kept = evaluated(from_document([json.loads(json.dumps(to_document(made, 4)))]))
        at = random.normal(size=(1, 4))
        assert kept.shape == (1, 4)
        for ours, theirs in (
            (kept.quantiles(LEVELS), made.quantiles(LEVELS)),
            (kept.quantiles((0.33, 0.5)), made.quantiles((0.33, 0.5))),
            (kept.mean(), made.mean()),
            (kept.cdf(at), made.cdf(at)),
            (kept.log_density(at), made.log_density(at)),
            (kept.part(slice(None)).mean(), made.mean()),
        ):
            np.testing.assert_array_equal(ours, theirs)
        assert to_document(kept, 2) == to_document(made, 2)


def test_a_store_loads_a_file_again_when_it_was_replaced(tmp_path: Path) -> None:
    history = simulated(2, 90, symbol="BBB")
    store = PriceStore(tmp_path)
    path = store.save(history)
    assert store.load("BBB", "csv") is store.load("bbb", "csv")
    store.save(altered_after(history, history.bars.index[-3], 3))
    assert store.load("BBB", "csv").sha256 != history.sha256
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Exception, match="cannot be read"):
        store.load("BBB", "csv")


def test_a_point_is_kept_like_a_distribution(folder: Path, tmp_path: Path) -> None:
    own = Workplace.make(tmp_path / "own", simulated())
    create_run(own.runs, trained(*PRICE))
    shown = [own.invoke("forecast", "--json", "--no-record") for _ in range(2)]
    assert shown[0].exit_code == 0, shown[0].stderr
    assert shown[0].stdout == shown[1].stdout
    assert list(folder.glob("*.json"))


def test_an_experiment_is_read_again_when_its_file_was_replaced(tmp_path: Path) -> None:
    run = create_run(tmp_path, trained())
    assert run.experiment() is run.experiment()
    file = run.path / "config.yaml"
    file.write_text(file.read_text().replace("name: ", "name: other-"))
    files = {k: v for k, v in run.record["files"].items() if k != "config.yaml"}
    assert Run(run.path, {**run.record, "files": files}).experiment().name.startswith("other-")

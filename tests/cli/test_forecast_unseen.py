"""`lstmcast forecast --symbol`: a symbol that the networks never saw."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.experiments import PRICE
from support.histories import simulated
from support.program import Workplace

from lstmcast.run import Run

HISTORIES = (simulated(), simulated(2, symbol="BBB", price=900.0), simulated(3, symbol="CCC"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Three stored symbols, and a run of the first with a baseline in its pool."""
    place = Workplace.make(tmp_path_factory.mktemp("unseen"), *HISTORIES)
    options = ("--set", "model.members=1", "--set", "model.pool.baselines=[ewma]")
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    return place


def forecast(place: Workplace, *options: str) -> dict[str, list[dict[str, float]]]:
    result = place.invoke("forecast", "--json", *options)
    assert result.exit_code == 0, result.stderr
    return {part["symbol"]: part["sessions"] for part in json.loads(result.stdout)["symbols"]}


def test_symbols_that_were_not_trained_on_are_forecast(place: Workplace) -> None:
    found = forecast(place, "--symbol", "bbb", "--symbol", "CCC")
    assert list(found) == ["BBB", "CCC"]
    for symbol, history in zip(found, HISTORIES[1:], strict=True):
        last = history.adjusted()["close"].iloc[-1]
        for session in found[symbol]:
            assert session["q05"] < last < session["q95"]
            assert session["q05"] > 0.7 * last


def test_a_symbol_of_the_run_is_forecast_as_without_the_option(place: Workplace) -> None:
    assert forecast(place, "--symbol", "AAA") == forecast(place)


def test_an_unseen_symbol_knows_no_price_but_its_own(place: Workplace) -> None:
    """The same forecast in returns if all prices are ten times as high."""
    scaled = simulated(2, symbol="TEN", price=9000.0)
    place.store.save(scaled)
    ours, theirs = (forecast(place, "--symbol", name) for name in ("BBB", "TEN"))
    low = [[s["q05"] for s in found] for found in (ours["BBB"], theirs["TEN"])]
    np.testing.assert_allclose(10 * np.array(low[0]), low[1], rtol=1e-3)


def test_what_is_not_stored_names_the_command(place: Workplace) -> None:
    result = place.invoke("forecast", "--symbol", "DDD")
    assert result.exit_code == 7
    assert "DDD" in result.stderr
    assert "lstmcast fetch DDD" in result.stderr


def test_a_symbol_named_twice_is_refused(place: Workplace) -> None:
    result = place.invoke("forecast", "--symbol", "BBB", "--symbol", "bbb")
    assert result.exit_code == 2
    assert "`--symbol` names BBB, bbb, one of them twice" in result.stderr


def test_a_network_on_prices_refuses_a_symbol_that_it_has_no_scaler_for(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path, *HISTORIES[:2])
    options = [word for option in PRICE for word in ("--set", option)]
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    result = place.invoke("forecast", "--symbol", "BBB")
    assert result.exit_code == 4
    assert "BBB was not in training, and `target.kind` price" in result.stderr
    assert Run.open(None, place.runs).symbols[0].symbol == "AAA"


def test_a_symbol_that_lags_behind_its_pool_is_named(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path, *HISTORIES[:2])
    options = ("--set", "model.members=1", "--set", "data.symbols=[AAA, BBB]")
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    assert "no bar of" not in place.invoke("forecast", "--symbol", "AAA").stderr
    late = HISTORIES[1]
    place.store.save(late.between(None, late.bars.index[-3]))
    result = place.invoke("forecast", "--symbol", "AAA")
    assert result.exit_code == 0, result.stderr
    words = " ".join(result.stderr.split())
    assert f"BBB: no bar of {late.last:%Y-%m-%d}" in words
    assert "lstmcast fetch BBB" in words

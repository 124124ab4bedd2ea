"""What the LSTM adds to a linear model of its inputs, and training to the pretrained networks."""

import numpy as np
import pytest
from support.simulated import bars_from_returns, constant_t, garch_returns, points, predict

from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.evaluation import Finding, Report
from lstmcast.evaluation.ablation import Ablation
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.significance import Test
from lstmcast.evaluation.verdict_inputs import VerdictInputs
from lstmcast.evaluation.verdict_text import lines

ROWS, FIRST = 1500, 700
LABELS = {"model": "LSTM", "linear": "linear model", "pretrained": "pretrained", "ewma": "EWMA"}
LINEAR, UNFITTED = "the linear model of the same inputs", "the pretrained networks without fitting"


def report(rows: int = ROWS, **forecasts: Distribution) -> Report:
    bars = {"X": bars_from_returns(garch_returns(1, rows, alpha=0.15, beta=0.8)[0])}
    tables = {name: predict(bars, FIRST, {"X": part}) for name, part in forecasts.items()}
    return assemble(tables, LABELS, bars)


def knows(rows: int = ROWS) -> StudentTMixture:
    """The truth: who knows each day's volatility."""
    volatility = garch_returns(1, rows, alpha=0.15, beta=0.8)[1]
    scale = volatility[FIRST:, None][None] * np.sqrt(6 / 8)
    return StudentTMixture(df=np.full_like(scale, 8.0), loc=np.zeros_like(scale), scale=scale)


def lines_of(adds: dict[str, Ablation]) -> dict[str, str]:
    """The lines of a verdict on a forecast without ranges that a GRU made."""
    evidence = VerdictInputs(
        horizon=1,
        days=500,
        error_ratio=1.0,
        point=Test(0.0, 0.0, 0.9, 500),
        copies={},
        best=None,
        against_best=None,
        against_walk=None,
        baselines=2,
        symbols_better=0,
        symbols=1,
        ranges=(),
        adds=adds,
        label="GRU",
    )
    unknown = Finding.unknown
    return lines(evidence, unknown, unknown, unknown, copies=False, calibrated=None)


def test_what_is_gained_over_both_is_said_with_its_figures() -> None:
    blind = constant_t(ROWS - FIRST, scale=0.01)
    found = report(model=knows(), ewma=blind, linear=blind, pretrained=knows())
    assert {name: part.found for name, part in found.lstm_adds.items()} == {
        "linear": Finding.better,
        "pretrained": Finding.level,
    }
    ours, theirs = (found.forecasters[name].pooled[1] for name in ("model", "linear"))
    gain = 100 * (1 - ours.crps / theirs.crps)
    assert gain > 1
    assert found.verdict.best_baseline == "pretrained"
    assert found.verdict.lines["lstm_adds"] == (
        f"better than {LINEAR} (CRPS {gain:.2f} % lower, p < 0.001); "
        f"nothing measurable over {UNFITTED}, the baseline above."
    )
    assert "What the LSTM adds: better than" in found.verdict.text


def test_what_is_lost_is_said_as_well() -> None:
    blind = constant_t(ROWS - FIRST, scale=0.01)
    found = report(model=blind, linear=knows(), pretrained=knows())
    best = found.verdict.best_baseline
    assert best == "linear"
    loss = 100 * -found.lstm_adds["pretrained"].skill
    assert found.verdict.lines["lstm_adds"] == (
        f"worse than {LINEAR}, the baseline above; "
        f"worse than {UNFITTED} (CRPS {loss:.2f} % higher, p < 0.001)."
    )


def test_the_report_states_it_as_plain_values() -> None:
    found = report(model=knows(), linear=constant_t(ROWS - FIRST, scale=0.01))
    plain = found.to_dict()
    assert list(plain["lstm_adds"]) == ["linear"]
    stated, compared = plain["lstm_adds"]["linear"], plain["comparisons"]["linear"]["1"]
    assert stated == {
        "finding": "better",
        "skill": compared["skill"],
        "crps": compared["crps"],
        "log_score": compared["log_score"],
    }
    assert stated["crps"]["days"] == 800


@pytest.mark.parametrize("rows", [ROWS, FIRST + 30])
def test_nothing_is_said_without_the_two_or_with_too_few_days(rows: int) -> None:
    few = rows < ROWS
    names = ("ewma", "linear") if few else ("ewma",)
    others = dict.fromkeys(names, constant_t(rows - FIRST, scale=0.01))
    found = report(rows, model=knows(rows), **others)
    assert "lstm_adds" not in found.verdict.lines
    assert "adds" not in found.verdict.text
    assert [part.found for part in found.lstm_adds.values()] == ([Finding.unknown] if few else [])


def test_a_point_forecast_is_not_compared() -> None:
    blind = constant_t(ROWS - FIRST)
    assert report(model=points(ROWS - FIRST), linear=blind, pretrained=blind).lstm_adds == {}


def test_the_log_score_tells_where_the_crps_does_not() -> None:
    level, lower = Test(-0.1, -1.0, 0.3, 500), Test(-0.01, -3.0, 0.003, 500)
    higher = Test(0.01, 3.0, 0.003, 500)
    for crps, log_score, expected in (
        (level, lower, Finding.better),
        (level, higher, Finding.worse),
        (lower, higher, Finding.better),
        (higher, level, Finding.worse),
        (level, level, Finding.level),
    ):
        found = Ablation("linear model", 0.001, crps, log_score)
        assert found.found is expected
        decides = "log_score" if crps is level and log_score is not level else "crps"
        assert found.decisive == decides
    told = lines_of({"linear": Ablation("linear model", -0.002, level, higher)})
    assert told["lstm_adds"] == f"worse than {LINEAR} (log score 0.0100 higher, p = 0.003)."
    told = lines_of({"linear": Ablation("linear model", -0.002, level, level)})
    assert told["lstm_adds"] == f"nothing measurable over {LINEAR} (CRPS 0.20 % higher, p = 0.300)."

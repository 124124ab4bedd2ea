"""`--fail-if`: what is understood, and what the outcomes say of it."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstmcast.errors import ConditionError, UsageError
from lstmcast.ledger import check_coverage_conditions, parse_conditions
from lstmcast.ledger.conditions import NAMES, refuse
from lstmcast.ledger.monitor import bet_against

DAYS = 120


def graded(share: float = 0.5, horizons: int = 2, waiting: int = 2) -> pd.DataFrame:
    """One symbol a day; so large a share of its 80 % ranges held, evenly over the days."""
    origins = np.repeat(pd.bdate_range("2024-01-01", periods=DAYS), horizons)
    horizon = np.tile(np.arange(1, horizons + 1), DAYS)
    day = np.repeat(np.arange(DAYS), horizons)
    inside = np.floor((day + 1) * share) > np.floor(day * share)
    returned = np.where(inside, 0.0, 0.05)
    returned[day >= DAYS - waiting] = np.nan
    state = np.where(np.isnan(returned), "waiting", "counted")
    bounds: dict[str, Any] = {"q025": -0.04, "q05": -0.03, "q10": -0.02, "q25": -0.01,
                              "q75": 0.01, "q90": 0.02, "q95": 0.03, "q975": 0.04}  # fmt: skip
    return pd.DataFrame(
        {
            "forecaster": "model", "symbol": "AAA", "origin": origins, "horizon": horizon,
            "date": origins + pd.to_timedelta(horizon, unit="D"), "return_actual": returned,
            "state": state, **bounds,
        }
    )  # fmt: skip


def test_conditions_are_read() -> None:
    read = {
        "coverage_80<0.7": (80, None, "<", 0.7),
        " coverage_95 @ 5 > .99 ": (95, 5, ">", 0.99),
        "coverage_50>=0.6": (50, None, ">", 0.6),
        "coverage_90@2<=9e-1": (90, 2, "<", 0.9),
    }
    found = parse_conditions(list(read))
    assert [(c.nominal, c.horizon, c.sign, c.limit) for c in found] == list(read.values())
    assert found[1].text == "coverage_95 @ 5 > .99"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "`--fail-if` '' is not a condition"),
        ("coverage_80", "is not a condition"),
        ("coverage_80=0.7", "is not a condition"),
        ("coverage_80<0.7 and more", "is not a condition"),
        ("0.7>coverage_80", "is not a condition"),
        ("crps<0.7", "`--fail-if` names `crps`, which cannot be watched"),
        ("coverage_85<0.7", "names `coverage_85`, which cannot be watched"),
        ("coverage_80@0<0.7", "asks for horizon 0"),
        ("coverage_80<0", "compares with 0"),
        ("coverage_80<1", "compares with 1"),
        ("coverage_80<70", "compares with 70"),
        ("coverage_80<nan", "compares with nan"),
        ("coverage_80<inf", "compares with inf"),
        ("coverage_80<-0.1", "compares with -0.1"),
        ("coverage_80<ewma", "compares with ewma"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=re.escape(fault)) as told:
        parse_conditions(["coverage_80<0.7", text])
    if "watched" in fault:
        assert told.value.hint == f"choose from {', '.join(NAMES)}"


def test_a_coverage_far_below_the_limit_is_told_with_its_figures() -> None:
    table = graded(0.5)
    (found,) = check_coverage_conditions(table, parse_conditions(["coverage_80<0.8"]), 1)
    assert (found.holds, found.horizon, found.rows, found.days) == (True, 1, DAYS - 2, DAYS - 2)
    assert found.coverage == pytest.approx(0.5, abs=0.01)
    assert found.needed == 20
    assert found.evidence > 20
    with pytest.raises(ConditionError) as told:
        refuse([found])
    assert told.value.message == (
        f"`coverage_80<0.8` since {found.since:%Y-%m-%d}: {found.coverage:.1%} of 118 outcomes on "
        f"118 days were inside (evidence {found.evidence:.3g}, 20 are enough)"
    )
    assert found.to_dict()["since"] == f"{found.since:%Y-%m-%d}"


def test_what_sampling_error_explains_is_no_failure() -> None:
    """78 % found of 120 is below 80 %, and no evidence."""
    conditions = parse_conditions(["coverage_80<0.8", "coverage_80>0.8", "coverage_80@2<0.8"])
    findings = check_coverage_conditions(graded(0.78), conditions, 1)
    assert [found.holds for found in findings] == [False] * 3
    assert [found.horizon for found in findings] == [1, 1, 2]
    refuse(findings)


def test_too_wide_ranges_are_found_by_the_other_sign() -> None:
    (found,) = check_coverage_conditions(graded(1.0), parse_conditions(["coverage_80>0.85"]), 1)
    assert found.holds


def test_each_range_is_judged_by_its_own_bounds() -> None:
    table = graded(0.5)
    table.loc[table["return_actual"] == 0.05, "return_actual"] = 0.035  # outside 90 %, inside 95 %
    findings = check_coverage_conditions(
        table, parse_conditions(["coverage_90<0.8", "coverage_95<0.8"]), 1
    )
    assert [found.holds for found in findings] == [True, False]
    assert findings[1].coverage == 1.0


def test_further_horizons_take_longer_to_be_refuted() -> None:
    one, two = check_coverage_conditions(
        graded(0.5), parse_conditions(["coverage_80<0.8", "coverage_80@2<0.8"]), 1
    )
    assert one.since is not None
    assert two.since is not None
    assert one.since < two.since


def test_only_rows_that_count_are_evidence() -> None:
    table = graded(0.5)
    for state in ("late", "repeated", "lost"):
        (found,) = check_coverage_conditions(
            table.assign(state=state), parse_conditions(["coverage_80<0.8"]), 1
        )
        assert (found.rows, found.coverage, found.holds) == (0, None, False)
    others = table.assign(forecaster="ewma", return_actual=0.05)
    (alone,) = check_coverage_conditions(table, parse_conditions(["coverage_80<0.8"]), 1)
    (beside,) = check_coverage_conditions(
        pd.concat([table, others]), parse_conditions(["coverage_80<0.8"]), 1
    )
    assert alone == beside


def test_a_point_forecast_states_no_range() -> None:
    table = graded().assign(q10=np.nan, q90=np.nan)
    (found,) = check_coverage_conditions(table, parse_conditions(["coverage_80<0.8"]), 1)
    assert (found.rows, found.holds) == (0, False)


def test_a_horizon_that_was_not_forecast_is_refused() -> None:
    with pytest.raises(UsageError, match="asks for horizon 3") as told:
        check_coverage_conditions(graded(), parse_conditions(["coverage_80@3<0.7"]), 1)
    assert told.value.hint == "the forecasts have 1 to 2"
    (found,) = check_coverage_conditions(
        graded().iloc[:0], parse_conditions(["coverage_80@3<0.7"]), 1
    )
    assert (found.rows, found.holds) == (0, False)


def test_evidence_is_that_of_the_monitor() -> None:
    table = graded(0.6, horizons=1, waiting=0)
    (found,) = check_coverage_conditions(table, parse_conditions(["coverage_80<0.7"]), 1)
    from lstmcast.ledger import outcomes_of

    evidence = bet_against(outcomes_of(table, 80, 1, 1), "at least", 0.7)
    assert found.evidence == evidence.largest
    assert found.since == evidence.alarm()

"""A feature group from another package: the page that shows how works, and the audit asks it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from support.histories import simulated
from support.plugins import install
from support.program import Workplace

from lstmcast.errors import ConfigError
from lstmcast.evaluation.audit.future import check_features
from lstmcast.features import build_features, default_groups

GROUPS = ("returns", "gaps")
SHORT = ("--set", "model.members=1", "--set", "training.epochs=1")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install("configuration.md", "my_features", tmp_path / "site", monkeypatch)


@pytest.mark.usefixtures("package")
def test_the_documented_example_is_read_beside_the_built_in_groups() -> None:
    history = simulated(1, 200)
    table = build_features(history, GROUPS).table
    assert list(table.columns[-2:]) == ["gap", "gap_month"]
    assert table["gap"].std() > 0
    assert "gaps" not in default_groups([history])
    assert check_features([history], GROUPS, np.random.default_rng(0)).passed


def test_the_audit_names_a_column_that_knows_the_future(package: Path) -> None:
    code = package.read_text(encoding="utf-8")
    assert ".shift() - 1" in code
    package.write_text(code.replace(".shift() - 1", ".shift(-1) - 1"), encoding="utf-8")
    check = check_features([simulated(1, 200)], GROUPS, np.random.default_rng(0))
    assert check.passed is False
    assert "`gap` reads bars up to 1 session ahead" in check.detail


@pytest.mark.usefixtures("package")
def test_a_run_trains_and_forecasts_with_it(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path, simulated(rows=300))
    for words in (
        ("train", "-c", place.config, "--set", "features=[returns, gaps]", *SHORT),
        ("forecast",),
        ("audit", "--no-training"),
    ):
        result = place.invoke(*words)
        assert result.exit_code == 0, result.output


def test_what_is_no_group_is_refused(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = simulated(1, 200)
    with pytest.raises(ConfigError, match="names moon, which is not") as caught:
        build_features(history, ["gaps", "moon"])
    assert "price, gaps" in str(caught.value.hint)
    for code, words in (
        ("GAPS = 3", "'gaps' is 'my_features:GAPS', a int"),
        ("import no_such_module", "fails to load: No module named 'no_such_module'"),
    ):
        package.write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, "my_features", raising=False)
        with pytest.raises(ConfigError, match=words):
            build_features(history, GROUPS)


def test_a_column_s_name_that_is_taken_is_refused(package: Path) -> None:
    code = package.read_text(encoding="utf-8").replace('"gap_month"', '"abs_return"')
    package.write_text(code, encoding="utf-8")
    with pytest.raises(ConfigError, match="have two columns named `abs_return`"):
        build_features(simulated(1, 200), GROUPS)

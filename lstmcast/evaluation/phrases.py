"""Phrases that the verdict, a forecast's trust line and charts share, so that all say it alike."""

from collections.abc import Sequence

from lstmcast.evaluation.coverage import subset_label
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.finding import deflated
from lstmcast.evaluation.significance import Test


def ahead(horizon: int) -> str:
    """How far a forecast reaches."""
    return "one session ahead" if horizon == 1 else f"{horizon} sessions ahead"


def p_value(value: float) -> str:
    """As statistics prints it."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def stated_p(test: Test, trials: int) -> str:
    """A p-value, and that of the best of many trials where it speaks for the model."""
    plain = p_value(test.p_value)
    if trials == 1 or test.mean >= 0:
        return plain
    return f"{plain}, corrected for {trials:,} trials {p_value(deflated(test, trials))}"


def side(gain: float) -> str:
    """Whether a loss is lower or higher than another's, of `1 - loss / other loss`."""
    return "higher" if gain < 0 else "lower"


def too_short(days: int) -> str:
    """That so many days are too few, and what chance alone makes of them."""
    return f"The test period has {days} days, {too_few(days)}."


def coverages(checks: Sequence[CoverageCheck]) -> str:
    """The coverage of ranges on all days: `the 50 / 80 % ranges contained 48.4 / 77.6 %`."""
    return _contained([check for check in checks if check.subset == OVERALL])


def deviations(checks: Sequence[CoverageCheck]) -> str:
    """The ranges that fail, with figures: `the 50 % range contained 33.1 % (too narrow)`."""
    return ", ".join(
        f"{_contained(group)}{at} ({way})" for (way, at), group in _failing(checks).items()
    )


def directions(checks: Sequence[CoverageCheck]) -> str:
    """The ranges that fail, without figures: `the 50 % range is too narrow at high volatility`."""
    every = {check.nominal for check in checks}
    parts = []
    for (way, at), group in _failing(checks).items():
        nominals = [check.nominal for check in group]
        if set(nominals) == every:
            parts.append(f"they are {way}{at}")
        elif len(nominals) == 1:
            parts.append(f"the {nominals[0]} % range is {way}{at}")
        else:
            listed = ", ".join(f"{nominal} %" for nominal in nominals[:-1])
            parts.append(f"the {listed} and {nominals[-1]} % ranges are {way}{at}")
    return ", ".join(parts)


def _contained(checks: Sequence[CoverageCheck]) -> str:
    nominal = " / ".join(str(check.nominal) for check in checks)
    found = " / ".join(f"{100 * check.coverage:.1f}" for check in checks)
    return f"the {nominal} % range{'s' if len(checks) > 1 else ''} contained {found} %"


def _failing(checks: Sequence[CoverageCheck]) -> dict[tuple[str, str], list[CoverageCheck]]:
    """The ranges that fail, by which way and where; in a subset only if not on all days."""
    broken = [check for check in checks if check.calibrated is False]
    overall = {check.nominal for check in broken if check.subset == OVERALL}
    groups: dict[tuple[str, str], list[CoverageCheck]] = {}
    for check in broken:
        if check.subset == OVERALL or check.nominal not in overall:
            way = "too narrow" if check.coverage < check.nominal / 100 else "too wide"
            at = "" if check.subset == OVERALL else f" at {subset_label(check.subset)}"
            groups.setdefault((way, at), []).append(check)
    return groups

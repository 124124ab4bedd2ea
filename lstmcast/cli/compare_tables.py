"""What `runs compare` prints: scores on shared rows, tests of the differences, keys that differ."""

import math
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import (
    decimals_of_scores,
    figures,
    note,
    number,
    out,
    print_table,
    share,
    signed,
)

if TYPE_CHECKING:
    from lstmcast.evaluation.paired_comparison import PairedComparison, PairedDifference

LONGEST = 40
"""Characters of a key's value in a table."""


def print_compared(
    paired: "PairedComparison",
    keys: Mapping[str, Sequence[Any]],
    facts: Mapping[str, Sequence[Any]],
) -> None:
    """The tables for people; letters stand for the runs, whose names are long.

    Args:
        paired: scores and tests.
        keys: the keys that differ, with the value of each run.
        facts: what else differs.
    """
    names = list(paired.scores)
    letters = dict(zip(names, _letters(len(names)), strict=True))
    screen = out()
    for name, letter in letters.items():
        screen.print(f"{letter}  {name}")
    screen.print()
    _print_scores(paired, letters)
    if len(paired.horizons) > 1:
        screen.print()
        _print_horizons(paired, letters)
    if len(paired.rows) > 1:
        screen.print()
        _print_symbols(paired, letters)
    screen.print()
    for name in names[1:]:
        screen.print(sentence(letters[name], letters[names[0]], paired, name))
    screen.print()
    _print_keys({**keys, **facts}, letters)
    if paired.revised:
        note(
            f"note: {paired.revised:,} shared rows are left out: their outcomes differ, since the "
            "prices were revised between the trainings"
        )


def _letters(count: int) -> list[str]:
    """A, B, ... Z, and numbers where those do not do."""
    if count <= len(ascii_uppercase):
        return list(ascii_uppercase[:count])
    return [str(k + 1) for k in range(count)]


def _print_scores(paired: "PairedComparison", letters: Mapping[str, str]) -> None:
    horizon = paired.horizons[0]
    rows = sum(paired.rows.values())
    who = next(iter(paired.rows)) if len(paired.rows) == 1 else f"{len(paired.rows)} symbols"
    table = figures(
        f"{who}: {_ahead(horizon)}, {paired.days:,} days, {rows:,} shared rows at all horizons, "
        f"{paired.first} to {paired.last}",
        "price error: RMSE of the median over that of the last close (1 = no better)\n"
        "log score, CRPS: of the return in %, lower is better\n"
        "gain: CRPS below that of the first; p: Diebold-Mariano, of the CRPS"
        + (", Holm-adjusted" if len(letters) > 2 else ""),
    )
    for name in ("", "price\nerror", "log\nscore", "CRPS", "50 %", "80 %", "95 %", "gain", "p"):
        table.add_column(name, justify="right" if name else "left")
    decimals = decimals_of_scores(part[horizon].crps for part in paired.scores.values())
    for name, part in paired.scores.items():
        scores = part[horizon]
        test = paired.differences.get(name, {}).get(horizon)
        table.add_row(
            letters[name],
            number(scores.rmse_ratio),
            number(scores.log_score),
            number(scores.crps, decimals),
            *(share(getattr(scores, f"coverage_{nominal}")) for nominal in (50, 80, 95)),
            _gain(test),
            "" if test is None else p_value(test.p_holm),
        )
    print_table(table)


def _gain(test: "PairedDifference | None") -> str:
    if test is None:
        return ""
    return "-" if test.ranges.skill is None else signed(test.ranges.skill)


def _print_horizons(paired: "PairedComparison", letters: Mapping[str, str]) -> None:
    from lstmcast.evaluation.finding import SIGNIFICANT

    columns = _thinned(paired.horizons)
    first = next(iter(letters.values()))
    table = figures(
        "CRPS by sessions ahead",
        f"* better than {first}, ! worse, with p < {SIGNIFICANT}",
    )
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(str(column), justify="right")
    decimals = decimals_of_scores(
        part[column].crps for part in paired.scores.values() for column in columns
    )
    for name, part in paired.scores.items():
        tests = paired.differences.get(name, {})
        table.add_row(
            letters[name],
            *(_mark(tests.get(column)) + number(part[column].crps, decimals) for column in columns),
        )
    print_table(table)


def _mark(test: "PairedDifference | None") -> str:
    from lstmcast.evaluation.finding import SIGNIFICANT

    if test is None or not test.p_holm < SIGNIFICANT:
        return ""
    return "*" if test.test.mean < 0 else "!"


def _print_symbols(paired: "PairedComparison", letters: Mapping[str, str]) -> None:
    horizon = paired.horizons[0]
    table = figures(f"CRPS symbol by symbol, {_ahead(horizon)}")
    for name in ("", "forecasts", *letters.values()):
        table.add_column(name, justify="right" if name else "left")
    crps = {
        name: {symbol: own[horizon].crps for symbol, own in part.items() if horizon in own}
        for name, part in paired.symbols.items()
    }
    decimals = decimals_of_scores(value for part in crps.values() for value in part.values())
    for symbol in next(iter(crps.values())):
        count = next(iter(paired.symbols.values()))[symbol][horizon].rows
        shown = (number(part[symbol], decimals) for part in crps.values())
        table.add_row(symbol, f"{count:,}", *shown)
    print_table(table)


def sentence(ours: str, theirs: str, paired: "PairedComparison", name: str) -> str:
    """What the test at the shortest horizon says, in words.

    Args:
        ours: how the run `name` is called.
        theirs: how the first run is called.
        paired: scores and tests.
        name: of the run in them.
    """
    from lstmcast.evaluation.finding import SIGNIFICANT
    from lstmcast.evaluation.significance import MIN_DAYS, MIN_DAYS_PER_HORIZON

    horizon = paired.horizons[0]
    difference = paired.differences[name][horizon]
    test, fewest = difference.test, max(MIN_DAYS, MIN_DAYS_PER_HORIZON * horizon)
    if test.days < fewest:
        return f"{ours} and {theirs}: {test.days} shared days are too few; {fewest} are needed"
    if math.isnan(difference.p_holm):
        return f"{ours} and {theirs}: the same difference on every day, so there is nothing to test"
    what = "squared error" if difference.ranges.crps is None else "CRPS"
    where = f"{_ahead(horizon)}, over {test.days:,} days"
    p = p_value(difference.p_holm)
    p = f"p {p.replace('<', '< ')}" if p.startswith("<") else f"p = {p}"
    if difference.p_holm >= SIGNIFICANT:
        return f"{ours} and {theirs} show no measurable difference in {what} {where} ({p})"
    word, than = ("better", "lower") if test.mean < 0 else ("worse", "higher")
    gain = difference.ranges.skill
    by = "" if gain is None else f" by {abs(gain):.1%}"
    return f"{ours} is {word} than {theirs}: its {what} {where}, is {than}{by} ({p})"


def _print_keys(keys: Mapping[str, Sequence[Any]], letters: Mapping[str, str]) -> None:
    if not keys:
        out().print("no key of the configuration differs")
        return
    table = figures("What differs")
    table.add_column("key", no_wrap=True)
    for letter in letters.values():
        table.add_column(letter)
    for key, values in keys.items():
        table.add_row(key, *map(_shown, values))
    print_table(table)


def _shown(value: Any) -> str:
    """A value in a cell: lists with commas, what is absent as a dash, nothing too long."""
    if value is None or value == []:
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def p_value(p: float) -> str:
    """A p-value to three digits; a dash where there is none."""
    if math.isnan(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _thinned(horizons: Sequence[int]) -> list[int]:
    """At most seven horizons, the first and the last among them, so that a row fits a screen."""
    step = -(-len(horizons) // 6)
    return sorted({*horizons[::step], horizons[-1]})


def _ahead(horizon: int) -> str:
    return "one session ahead" if horizon == 1 else f"{horizon} sessions ahead"

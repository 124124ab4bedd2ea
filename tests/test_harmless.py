"""Text from elsewhere: seen as it is, and nothing happens where it is shown."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bars import make_history
from support.program import Workplace

from lstmcast.cli.console import figures, note, print_error, print_table
from lstmcast.errors import ConfigError
from lstmcast.harmless import harmless
from lstmcast.plots.labels import in_currency, money
from lstmcast.plots.sheet import Sheet

ESCAPE = "\x1b]0;owned\x07\x1b[2K"
REVERSED = "\N{RIGHT-TO-LEFT OVERRIDE}"
SHOWN = r"\x1b]0;owned\x07\x1b[2K"
EVIL = f"[link=https://x]a[/] {ESCAPE}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [/] text", "plain [/] text"),
        (ESCAPE, SHOWN),
        ("a\r\nb\tc\x7f\x9b", r"a\r\nb\tc\x7f\x9b"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}abc", r"\u202eabc"),
        ("a\N{LINE SEPARATOR}b\udcff", r"a\u2028b\udcff"),
        ("\N{TAG LATIN SMALL LETTER A}", r"\U000e0061"),
        ("é 中 €", "é 中 €"),
    ],
)
def test_what_acts_is_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_of_a_long_text_the_beginning_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert harmless("x" * 10, most=10) == "x" * 10
    assert harmless("\x1b" * 12, most=3) == r"\x1b\x1b\x1b... (12 characters)"
    print_error(ConfigError("x" * 10**6, "y" * 10**6, ("z" * 10**6,)))
    note("n" * 10**6)
    told = capsys.readouterr().err
    assert told.count("... (1,000,000 characters)") == 4
    assert len(told) < 20_000


@given(st.text(st.characters()))
def test_nothing_is_left_that_acts(text: str) -> None:
    shown = harmless(text)
    acting = {one for one in shown if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")}
    assert acting == set()
    assert harmless(shown) == shown
    lines = harmless(text, lines=True)
    assert lines.count("\n") == text.count("\n")


def test_errors_tables_and_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(ConfigError(EVIL, EVIL + "\nerror: forged", (EVIL,)))
    table = figures(f"title {EVIL}", f"one {EVIL}\ntwo")
    table.add_column(EVIL)
    table.add_row(f"{EVIL}\nforged")
    print_table(table)
    shown = capsys.readouterr()
    for text, count in ((shown.err, 3), (shown.out, 4)):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert text.count(f"[link=https://x]a[/] {SHOWN}") == count
    assert r"\nerror: forged" in shown.err


def test_charts() -> None:
    sheet = Sheet()
    sheet.text(f"run {ESCAPE}")
    words = [text.get_text() for text in sheet.finish().texts]
    assert words == [f"run {SHOWN}"]
    assert money("1", ESCAPE) == f"1 {SHOWN}"
    assert in_currency(ESCAPE) == f", {SHOWN}"


def test_names_of_files_runs_keys_and_currencies_through_the_commands(tmp_path: Path) -> None:
    history = replace(make_history("AAA", "csv"), currency=f"[/]{ESCAPE}")
    place = Workplace.make(tmp_path, history)
    (place.root / "data/prices/csv" / f"{ESCAPE}.parquet").write_bytes(b"not one")
    (place.runs / f"20200101-{ESCAPE}").mkdir(parents=True)
    (place.runs / f"20200101-{ESCAPE}" / "run.json").write_text("{")
    place.config.write_text('"\\x1b[31m[red]key": 1\nname: "\\x1b[31m"\n', encoding="utf-8")
    for words in (
        ("data", "list"),
        ("data", "show", "AAA"),
        ("data", "check"),
        ("evaluate",),
        ("evaluate", f"{ESCAPE}"),
        ("plot", "--kind", ESCAPE),
        ("plot", f"--{ESCAPE}"),
        ("plot", f"--{REVERSED}"),
        (ESCAPE,),
        ("train", "-c", place.config),
        ("train", "-c", place.config, "--set", f"{ESCAPE}=1"),
        ("fetch", "AAA", "--source", ESCAPE),
        ("fetch", "AAA", "--source", "csv", "--path", ESCAPE),
        ("forecast", "--symbol", ESCAPE),
        ("backtest", "-c", place.config, "--baselines", ESCAPE),
    ):
        result = place.invoke(*words)
        told = result.stdout + result.stderr
        assert told, words
        assert "\x1b" not in told, words
        assert "\x07" not in told, words
        assert REVERSED not in told, words
        assert result.exit_code != 1, (words, result.exception)

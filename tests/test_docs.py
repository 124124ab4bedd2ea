"""README and docs say what the program is today: commands, help, keys, links, generated parts.

What follows from trained runs (scores, charts) depends on the machine; only its shape is held here.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import update_docs
import update_figures
from blocks import ROOT, read_block, rewrite, stale

from lstmcast.baselines import BASELINES

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
COMMANDS: dict[str, Any] = {" ".join(words): command for words, command in update_docs.paths()}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.slow
def test_what_follows_from_the_code_is_current() -> None:
    assert stale(update_docs.blocks()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(name: str) -> None:
    assert f"`lstmcast {name.split(maxsplit=1)[0]}`" in read_block(README, "commands")
    assert f"\n## {name}\n" in (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    command = COMMANDS[name]
    assert (command.help or "").strip().split("\n")[0].endswith(".")
    assert [option.name for option in command.params if not getattr(option, "help", "")] == []


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        linked = path.parent / file
        assert linked.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"\W+", "-", each.lower()) for each in headings}


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_tables_are_whole_and_no_machine_shows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:^|[\s`\"'=(])/(?:work|root|home|tmp|Users)/", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_the_first_run_is_the_demo_of_make() -> None:
    page = (ROOT / "docs/first-run.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\$ (.+)$", read_block(page, "demo"), re.MULTILINE)
    recipe = re.findall(r"^\t\$\(DEMO_RUN\) (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert shown == [f"lstmcast {arguments}" for arguments in recipe]
    assert shown == list(update_figures.DEMO)


def test_the_commands_for_own_stocks_exist() -> None:
    section = README.split("## Your own stocks")[1].split("\n## ")[0]
    used = re.findall(r"^ {4}lstmcast (\w+)", section, re.MULTILINE)
    assert used
    assert set(used) <= set(COMMANDS)


def test_the_scores_in_the_readme_have_todays_columns_and_forecasters() -> None:
    header, _, *rows = re.findall(r"^\| ?(.*) \|$", read_block(README, "belief"), re.MULTILINE)
    assert [cell.strip() for cell in header.split(" | ")][-len(update_figures.SCORES) :] == [
        *update_figures.SCORES
    ]
    labels = [row.split(" | ")[0].replace("\\", "") for row in rows]
    assert labels[0] == "**LSTM**"
    assert set(labels[1:]) == {BASELINES[name].label for name in update_figures.SHOWN}


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= 150
    assert [p.name for p in ROOT.glob("docs/*.md") if f"(docs/{p.name}" not in README] == []


def test_every_configuration_is_compared() -> None:
    compared = read_block((ROOT / "docs/experiments.md").read_text(), "configurations")
    trained = re.findall(r"`configs/(\w+)\.yaml`", compared)
    assert {"aapl", "classic", "pooled"} <= set(trained)
    assert set(trained) <= {path.stem for path in (ROOT / "configs").glob("*.yaml")}


def test_the_cell_in_the_readme_is_the_cell() -> None:
    shown = README.split("```python\n")[1].split("```")[0]
    source = (ROOT / "lstmcast/nn/cell.py").read_text()
    assert [line for line in shown.splitlines() if line.strip() not in source] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs/images").iterdir()), ids=lambda p: p.name)
def test_charts_are_pictures_that_a_page_shows(path: Path) -> None:
    assert path.read_bytes().startswith(b"\x89PNG")
    assert any(f"images/{path.name}" in page.read_text(encoding="utf-8") for page in PAGES)


def test_a_block_is_put_between_its_markers_and_nowhere_else() -> None:
    text = "before\n<!-- begin:a -->\nold\n<!-- end:a -->\nafter\n"
    new = rewrite(text, {"a": "new\n"}, "page.md")
    assert new == "before\n<!-- begin:a -->\n\nnew\n\n<!-- end:a -->\nafter\n"
    assert read_block(new, "a") == "new"
    assert rewrite(new, {"a": "new"}, "page.md") == new


def test_a_page_without_the_markers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"page\.md must hold `<!-- begin:b -->`"):
        rewrite("no markers", {"b": "text"}, "page.md")

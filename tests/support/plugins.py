"""Packages that add to lstmcast, installed as pip would: the examples of the documentation."""

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str, language: str) -> str:
    """The one block of code in a language on a page of the documentation."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(code)


def install(page: str, module: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a page's example and its entry points; returns the file of its code."""
    group, names = re.findall(
        r'entry-points\."([\w.]+)"\]\n(.*)', example(page, "toml"), re.DOTALL
    )[0]
    about = site / f"{module}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n" + names.replace('"', ""))
    code = site / f"{module}.py"
    code.write_text(example(page, "python"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, module, raising=False)
    return code

"""A source from another package, found through its entry point; the page that shows how works."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from lstmcast.errors import UsageError
from lstmcast.prices.sources import get_source, source_names

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the example of the documentation, as pip would."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    site = tmp_path / "site"
    about = site / "my_prices-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "my_prices.py").write_text(code, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-prices\nVersion: 1.0\n")
    entry = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    names = re.findall(r'^(\w+) = "(.+)"$', entry, re.MULTILINE)
    lines = [f"{name} = {value}" for name, value in names]
    (about / "entry_points.txt").write_text("[lstmcast.sources]\n" + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "my_prices", raising=False)
    return site


@pytest.mark.usefixtures("package")
def test_the_documented_example_is_fetched_from(program: Any) -> None:
    assert "constant" in source_names()
    ran = program.run("fetch", "ANY", "--source", "constant", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.json[0]["source"] == "constant"
    assert program.store.load("ANY", "constant").bars["close"].unique().tolist() == [100.0]


def test_a_source_that_fails_to_load_is_said_so(package: Path) -> None:
    (package / "my_prices.py").write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="fails to load: No module named 'no_such_module'"):
        get_source("constant")


def test_the_page_tells_of_every_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in source_names():
        assert f"`{name}`" in page

"""A source from another package, found through its entry point; the page that shows how works."""

from pathlib import Path
from typing import Any

import pytest
from support.plugins import DOCS, install

from lstmcast.errors import UsageError
from lstmcast.prices.sources import get_source, source_names

PAGE = "sources.md"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install(PAGE, "my_prices", tmp_path / "site", monkeypatch)


@pytest.mark.usefixtures("package")
def test_the_documented_example_is_fetched_from(program: Any) -> None:
    assert "constant" in source_names()
    ran = program.run("fetch", "ANY", "--source", "constant", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.json[0]["source"] == "constant"
    assert program.store.load("ANY", "constant").bars["close"].unique().tolist() == [100.0]


def test_a_source_that_fails_to_load_is_said_so(package: Path) -> None:
    package.write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="fails to load: No module named 'no_such_module'"):
        get_source("constant")


def test_the_page_tells_of_every_source() -> None:
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    for name in source_names():
        assert f"`{name}`" in page

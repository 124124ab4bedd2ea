"""The page itself: one HTML file with its style, its script, plotly.js and the data inside.

A policy in the file lets the browser run the two scripts that are in it, by their hashes, and
nothing else, and forbids every connection. All text goes through Jinja's escaping; data lie in a
JSON block in which `<` is written as an escape, and what plotly.js shows as text, which knows some
markup, has its brackets made harmless by the page's script.
"""

import base64
import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lstmcast import __version__
from lstmcast.errors import OutputError
from lstmcast.harmless import harmless
from lstmcast.report.content import Chart, Page

MAX_BYTES = 6 * 2**20
"""Of the whole file."""


def plotly_script() -> str:
    """plotly.js, out of plotly's Python package.

    Raises:
        OutputError: if the package is not installed, or has none.
    """
    try:
        spec = find_spec("plotly")
    except (ImportError, ValueError):  # something stands in the way of it
        spec = None
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    for place in places:
        path = Path(place) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise OutputError(
        "a report needs plotly, which is not installed",
        "run `pip install 'lstmcast[report]'`",
    )


def render(page: Page, plotly: str | None = None) -> bytes:
    """The page as the bytes of an HTML file.

    Args:
        page: what it shows.
        plotly: the text of plotly.js; out of plotly's package if None.

    Raises:
        OutputError: if plotly is not installed, or the page would be larger than `MAX_BYTES`.
    """
    library = plotly_script() if plotly is None else plotly
    script = _asset("page.js")
    html = _template().render(
        page=page,
        charts=[chart for section in page.sections for chart in section.charts],
        data=_data(page),
        css=_asset("page.css"),
        script=script,
        plotly=library,
        policy=_policy(library, script),
        version=__version__,
    )
    content: bytes = html.encode("utf-8", "replace")
    if len(content) > MAX_BYTES:
        raise OutputError(
            f"the report would have {len(content) / 2**20:.1f} MB, and may have "
            f"{MAX_BYTES // 2**20}",
            "name fewer symbols with `--symbol`",
        )
    return content


def _policy(*scripts: str) -> str:
    """What a browser may do with the page: run these scripts, and connect to nothing."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; connect-src 'none'; font-src 'none'; object-src 'none'; "
        "frame-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _data(page: Page) -> str:
    """The curves of all charts as JSON in which no tag can begin or end."""
    values = {chart.id: _values(chart) for section in page.sections for chart in section.charts}
    text = json.dumps(values, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _values(chart: Chart) -> dict[str, Any]:
    return {
        "dates": chart.dates,
        "title": chart.title,
        "first": chart.first_column,
        "made": chart.table is None,
        "variants": [asdict(variant) for variant in chart.variants],
    }


@lru_cache
def _asset(name: str) -> str:
    return (files("lstmcast.report") / "assets" / name).read_text(encoding="utf-8")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["prose"] = _prose
    return environment.from_string(_asset("page.html.j2"))


def _shown(value: object) -> object:
    """Text of any class made harmless, but what is HTML already."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return harmless(value, lines=True) if is_text else value


def _prose(text: str) -> Any:
    """Escaped text, in which what stands between backticks is set as code."""
    from markupsafe import Markup, escape

    parts = [escape(harmless(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:  # one that stands alone is a backtick
        parts[-2:] = [Markup("`").join(parts[-2:])]
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if k % 2 else part for k, part in enumerate(parts))

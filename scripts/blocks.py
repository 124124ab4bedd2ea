"""Generated parts of Markdown files: what stands between two markers is written by a script.

    <!-- begin:NAME -->
    ...
    <!-- end:NAME -->

Everything outside the markers is written by hand and left alone.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

Blocks = Mapping[str, Mapping[str, str]]
"""For each file, by its path from the repository's top, the text of each block by its name."""


def rewrite(text: str, blocks: Mapping[str, str], origin: str) -> str:
    """Put each block's text between its markers.

    Raises:
        ValueError: if a block's markers are not there exactly once.
    """
    for name, content in blocks.items():
        begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{origin} must hold `{begin}` and `{end}` once each")
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        text = f"{head}{begin}\n\n{content.strip()}\n\n{end}{tail}"
    return text


def read_block(text: str, name: str) -> str:
    """What stands between a block's markers; empty if it has none."""
    found = re.search(rf"<!-- begin:{name} -->\n(.*?)<!-- end:{name} -->", text, re.DOTALL)
    return found.group(1).strip() if found else ""


def write(files: Blocks) -> list[str]:
    """Bring the files up to date and return the paths of those that changed."""
    changed = []
    for path, blocks in files.items():
        old = (ROOT / path).read_text(encoding="utf-8")
        new = rewrite(old, blocks, path)
        if new != old:
            (ROOT / path).write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def stale(files: Blocks) -> list[str]:
    """The blocks, as `path: name`, whose text in the files is not what it should be."""
    return [
        f"{path}: {name}"
        for path, blocks in files.items()
        for name, content in blocks.items()
        if read_block((ROOT / path).read_text(encoding="utf-8"), name) != content.strip()
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A Markdown table; the columns in `right` are aligned to the right."""
    rule = ["--:" if column in right else "---" for column in range(len(header))]
    lines = [[cell.replace("|", "\\|") for cell in cells] for cells in (header, rule, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fenced(text: str, language: str = "text") -> str:
    """A code block, without the blanks that terminals pad lines with."""
    body = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return f"```{language}\n{body}\n```"

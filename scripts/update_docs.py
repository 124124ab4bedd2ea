"""Write the parts of README.md and docs/ that follow from the code: help, keys, names, exit codes.

    python scripts/update_docs.py            write them
    python scripts/update_docs.py --check    change nothing; exit 1 if something is out of date

A test runs the check. What follows from a trained run is written by update_figures.py.
"""

import ast
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, Lt
from blocks import ROOT, Blocks, fenced, stale, table, write
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lstmcast import config, errors
from lstmcast.baselines import BASELINES
from lstmcast.cli.app import app
from lstmcast.features.registry import GROUPS, FeatureGroup
from lstmcast.nn.encoders import NETWORKS
from lstmcast.nn.heads import HEADS
from lstmcast.prices.sources.files.formats import EXPORTERS

GROUP: Any = typer.main.get_command(app)


def first_sentence(subject: object) -> str:
    """The first line of a docstring, without the full stop."""
    return (inspect.getdoc(subject) or "").split("\n\n")[0].replace("\n", " ").rstrip(".")


# --- commands ------------------------------------------------------------------------------------


def commands() -> str:
    """Each command and what it does, with a link to its help."""
    rows = [
        (f"[`lstmcast {name}`](docs/commands.md#{name})", summary(command))
        for (name, *below), command in paths()
        if not below
    ]
    return table(("command", "what it does"), rows)


def paths(group: Any = GROUP, before: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Any]]:
    """Every command with the words that call it; a group comes before the commands in it."""
    for name, command in group.commands.items():
        yield [*before, name], command
        if hasattr(command, "commands"):
            yield from paths(command, (*before, name))


def summary(command: Any) -> str:
    """The first sentence of a command's help."""
    return str(command.help or "").strip().split("\n")[0].rstrip(".")


HELPS = """
import contextlib, io, json, sys
from lstmcast.cli.app import app

def told(words):
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        app([*words, "--help"], prog_name="python -m lstmcast")
    return shown.getvalue()

print(json.dumps([told(words) for words in json.loads(sys.argv[1])]))
"""


def helps_of(commands: Sequence[Sequence[str]]) -> list[str]:
    """What `lstmcast WORDS --help` prints of each command, the same on every machine."""
    colours = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS")
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in colours and not key.startswith("LSTMCAST_")
    }
    # One program for all of them: to start one takes longer than to print its help.
    done = subprocess.run(
        [sys.executable, "-c", HELPS, json.dumps(commands)],
        env={**kept, "TERMINAL_WIDTH": "96"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


def helps() -> str:
    """The help of the program and of each command, subcommands too."""
    commands: list[list[str]] = [[], *(words for words, _ in paths())]
    return "\n\n".join(
        f"## {' '.join(words or ['lstmcast'])}\n\n{fenced(told)}"
        for words, told in zip(commands, helps_of(commands), strict=True)
    )


def exit_codes() -> str:
    """Each exit code and what it means, out of the exception tree."""
    rows = [("0", "done"), ("1", "a bug in lstmcast: please report it with the traceback")]
    branches = sorted(errors.LstmcastError.__subclasses__(), key=lambda branch: branch.exit_code)
    rows += [(str(branch.exit_code), _lower(first_sentence(branch))) for branch in branches]
    rows += [
        ("129", "ended by SIGHUP"),
        ("130", "interrupted with Ctrl-C"),
        ("143", "ended by SIGTERM"),
    ]
    half = -(-len(rows) // 2)
    pairs = zip_longest(rows[:half], rows[half:], fillvalue=("", ""))
    return table(("code", "meaning") * 2, [(*one, *other) for one, other in pairs], right=(0, 2))


def _lower(text: str) -> str:
    """The text with a small first letter, unless its first word is an acronym."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


# --- configuration -------------------------------------------------------------------------------


def keys() -> str:
    """Every key of the configuration with its default, its bounds and its meaning."""
    parts = []
    for path, section, usual in sections():
        rows = [
            (f"`{path}{key}`", _default(key, field, usual), _values(field), field.description)
            for key, field in section.model_fields.items()
            if field.description is not None  # sections have tables of their own
        ]
        title = f"`{path.rstrip('.')}`" if path else "The experiment"
        parts += [f"### {title}", inspect.getdoc(section) or ""]
        parts += [table(("key", "default", "values", "meaning"), rows)]
    return "\n\n".join(parts)


def sections(
    section: type[BaseModel] = config.Experiment, path: str = "", usual: object = None
) -> Iterator[tuple[str, type[BaseModel], object]]:
    """Every section: the path before its keys, `[]` standing for a list, and the section's default.

    The default counts where its keys have none of their own, as those of the split.
    """
    yield path, section, usual if isinstance(usual, section) else None
    for key, field in section.model_fields.items():
        listed = "[]" if get_origin(field.annotation) is tuple else ""
        for inner in _models(field.annotation):
            yield from sections(inner, f"{path}{key}{listed}.", field.default)


def _models(annotation: object) -> list[type[BaseModel]]:
    """The sections that an annotation names, in a union or a list too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _default(key: str, field: FieldInfo, usual: object) -> str:
    if field.is_required():
        return "required" if usual is None else f"`{getattr(usual, key)}`"
    return "-" if field.default in (None, ()) else f"`{field.default}`"


def _values(field: FieldInfo) -> str:
    """What a key takes: its choices, or its type with its bounds."""
    options = getattr(field.annotation, "__args__", ())
    if options and all(isinstance(option, str) for option in options):
        return " or ".join(f"`{option}`" for option in options)
    bounds = [_bound(rule) for rule in field.metadata]
    return " ".join([_kind(field.annotation), *filter(None, [", ".join(filter(None, bounds))])])


def _bound(rule: object) -> str:
    match rule:
        case Ge(ge=low):
            return f"≥ {low}"
        case Gt(gt=low):
            return f"> {low}"
        case Le(le=high):
            return f"≤ {high}"
        case Lt(lt=high):
            return f"< {high}"
    return ""


KINDS = {
    "tuple": "list",
    "date": "date",
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
}


def _kind(annotation: object) -> str:
    """The word for a type, optional or not, and `text` for what is not in `KINDS`."""
    return next((word for sign, word in KINDS.items() if sign in str(annotation)), "text")


def _when(group: FeatureGroup) -> str:
    """Whether a group is in where none is named."""
    if group.pooled:
        return "with several symbols"
    return "yes" if group.by_default else "no"


def feature_groups() -> str:
    """The feature groups, the columns they need, and whether they are on by default."""
    rows = [
        (
            f"`{group.name}`",
            ", ".join(group.needs),
            _when(group),
            _lower(first_sentence(group.compute)),
        )
        for group in GROUPS.values()
    ]
    return table(("group", "needs", "default", "columns"), rows)


def named(kinds: Iterable[tuple[str, object]]) -> str:
    """The names of a registry and what they stand for."""
    rows = [(f"`{name}`", _lower(first_sentence(kind))) for name, kind in kinds]
    return table(("name", "what it is"), rows)


def baselines() -> str:
    """The baselines by the names that `metrics.json` has for them."""
    return table(("name", "label"), [(f"`{name}`", each.label) for name, each in BASELINES.items()])


def formats() -> str:
    """The formats of files that are tested: who writes them, and how their header begins."""
    rows = [
        (each.name, f"`{_cell(each.header)}`" if each.header else "-", each.note)
        for each in EXPORTERS
    ]
    return table(("exporter", "header", "note"), rows)


def _cell(text: str, most: int = 60) -> str:
    """Text for a cell of a table: tabs shown, and not too long."""
    shown = text.replace("\t", " → ").replace("|", "\\|")
    return shown if len(shown) <= most else f"{shown[:most].rstrip()}..."


def benchmarks() -> str:
    """Each benchmark and the first line of its docstring."""
    rows = []
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append((f"`{path.name}`", _lower(doc.split("\n\n")[0].replace("\n", " ").rstrip("."))))
    return table(("file", "what it measures"), rows)


def daily_script() -> str:
    """The script that the page on running it daily is about."""
    return f"```sh\n{(ROOT / 'examples' / 'daily.sh').read_text(encoding='utf-8').strip()}\n```"


def blocks() -> Blocks:
    """All generated text by file and block."""
    return {
        "README.md": {"commands": commands(), "exit-codes": exit_codes()},
        "benchmarks/README.md": {"benchmarks": benchmarks()},
        "docs/commands.md": {"help": helps()},
        "docs/sources.md": {"formats": formats()},
        "docs/daily.md": {"script": daily_script()},
        "docs/configuration.md": {
            "keys": keys(),
            "features": feature_groups(),
            "networks": named(NETWORKS.items()),
            "heads": named(HEADS.items()),
            "baselines": baselines(),
        },
    }


def main() -> None:
    """Write the blocks, or check them."""
    if "--check" in sys.argv[1:]:
        if late := stale(blocks()):
            sys.exit("out of date, run `make docs`:\n" + "\n".join(f"  {name}" for name in late))
        return
    for path in write(blocks()):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()

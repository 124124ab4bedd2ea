"""YAML by rules nearer to YAML 1.2 than PyYAML's own.

The rules of YAML 1.1 bite exactly here: the ticker `ON` would be true, `1e-3` text, `005930` or
`2010-12-31` something else again.
"""

import re
from typing import Any, cast

import yaml

from lstmcast.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's core idea of what is a number, a date or a truth."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {', '.join(sorted(repeated))} is there twice", node.start_mark
            )
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


class _Dumper(yaml.SafeDumper):
    """Quotes what either this loader or a YAML 1.1 reader would take for something else."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        list("-+0123456789."),
    ),
):
    for _reader_or_writer in (_Loader, _Dumper):
        _reader_or_writer.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})\Z"), _first
        )


def read_yaml(text: str, origin: str) -> object:
    """Parse YAML safely.

    Raises:
        ConfigError: if it is not YAML, with the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(
            f"{origin}{where} is not valid YAML: {problem}",
            "check the indentation and quote values with special characters",
        ) from error


def write_yaml(values: dict[str, Any]) -> str:
    """YAML that `read_yaml` reads back to equal values, and a YAML 1.1 reader too."""
    text: str = yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text

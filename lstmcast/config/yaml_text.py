"""YAML by rules nearer to YAML 1.2 than PyYAML's own.

The rules of YAML 1.1 bite exactly here: the ticker `ON` would be true, `1e-3` text, `005930` or
`2010-12-31` something else again.
"""

import re
from collections import Counter
from collections.abc import Hashable
from typing import Any, cast

import yaml

from lstmcast.errors import ConfigError

DEEPEST = 20
"""Levels of lists and mappings within each other; an experiment has five."""
MOST_VALUES = 10_000
"""Keys and values in all, those that an alias repeats counted again."""
_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ["null", "bool", "int", "float", "str", "seq", "map"]
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's core idea of what is a number, a date or a truth.

    It counts what it composes: a few hundred bytes of aliases can stand for a million values.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.composed = 0
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        self.depth += 1
        if self.depth > DEEPEST:
            raise _refused(f"it is nested more than {DEEPEST} levels deep", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if node is None:
            return None
        if isinstance(event, yaml.AliasEvent) and id(node) not in self.sizes:
            raise _refused("an alias contains itself", mark)
        self.composed += 1
        if max(self.composed, self._size(node, mark)) > MOST_VALUES:
            raise _refused(f"it holds more than {MOST_VALUES:,} values", mark)
        return node

    def _size(self, node: yaml.Node, mark: Any) -> int:
        """Values that a node stands for, itself included."""
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if node.tag not in _TAGS:
            raise _refused(f"the tag {node.tag[:40]} is not used here", mark)
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        self.sizes[id(node)] = size = 1 + sum(self.sizes[id(part)] for part in parts)
        return size

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # `!!map [1]`
            raise _refused("expected a mapping", node.start_mark)
        keys = Counter(
            value
            for key, _ in node.value
            if isinstance(value := self.construct_object(key), Hashable)
        )
        repeated = sorted(str(key)[:40] for key, times in keys.items() if times > 1)
        if repeated:
            more = f" and {len(repeated) - 5} more" if len(repeated) > 5 else ""
            what = f"the key {', '.join(repeated[:5])}{more} is there twice"
            raise _refused(what, node.start_mark)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


def _refused(what: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, what, mark)


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
    except (ValueError, LookupError, OverflowError) as error:  # `!!int x`, or 5,000 digits
        what = next(iter(str(error).splitlines()), "")[:80]
        raise ConfigError(
            f"{origin} holds a value that cannot be read: {what or type(error).__name__}",
            "leave the tag out, and quote what is meant as text",
        ) from error


def write_yaml(values: dict[str, Any]) -> str:
    """YAML that `read_yaml` reads back to equal values, and a YAML 1.1 reader too."""
    text: str = yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text

"""What other packages add: objects that they announce by an entry point.

A package that is installed beside lstmcast names its source of prices in the group
`lstmcast.sources`, and its feature group in `lstmcast.features`; both then go by that name.
"""

from importlib.metadata import EntryPoint, entry_points

from lstmcast.errors import LstmcastError


def announced(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, in alphabetical order."""
    return {point.name: point for point in sorted(entry_points(group=group))}


def load(point: EntryPoint, option: str, error: type[LstmcastError]) -> object:
    """The object that an entry point names.

    Args:
        point: out of `announced`.
        option: the option or key by which the user asked for it.
        error: what to raise.

    Raises:
        LstmcastError: of the class `error`, if its package cannot be loaded.
    """
    try:
        found: object = point.load()
    except (ImportError, AttributeError) as fault:
        raise error(
            f"`{option}` {point.name!r} is {point.value!r}, which fails to load: {fault}",
            "install the package that provides it again",
        ) from fault
    return found

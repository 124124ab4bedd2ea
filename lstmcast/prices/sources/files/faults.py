"""All that is wrong with a file, gathered and told in one error, each with what would read it."""

from dataclasses import dataclass, field
from pathlib import Path

from lstmcast.errors import DataError


@dataclass
class Faults:
    """Faults of one file in the order in which they were found."""

    path: Path
    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, option: str) -> None:
        """Note a fault and the option, in backticks, that reads the file in spite of it."""
        if (what, option) not in self.found:
            self.found.append((what, option))

    def raise_any(self) -> None:
        """Raise one error for all faults.

        Raises:
            DataError: there are some.
        """
        if not self.found:
            return
        hint = "; ".join(dict.fromkeys(option for _, option in self.found if option))
        if len(self.found) == 1:
            raise DataError(f"`{self.path}`{self.found[0][0]}", hint=hint or None)
        faults = "; ".join(
            f"({at}) {what.lstrip(', :')}" for at, (what, _) in enumerate(self.found, 1)
        )
        raise DataError(f"`{self.path}` has {len(self.found)} faults: {faults}", hint=hint)

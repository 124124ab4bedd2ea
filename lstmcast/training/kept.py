"""What a training keeps of its members on the way, to go on from when its process was killed.

    identity.json                     what is trained, on which prices, by how many threads
    member-0.fit.safetensors          in training
    member-0.stopped.safetensors      stopped by validation
    member-0.again.safetensors        in training once more, with the validation part
    member-0.refitted.safetensors     done

Each file of tensors says of which training, member and stage it is. No file holds code: tensors and
JSON. A training that is over within `every` seconds writes none.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstmcast.errors import RunError
from lstmcast.files import replace_file
from lstmcast.seals import Owner, hash_of
from lstmcast.tensors import dump_tensors, load_tensors
from lstmcast.training.distributed import Team
from lstmcast.training.progress import Kept, Progress

FIT, STOPPED, AGAIN, REFITTED = STAGES = ("fit", "stopped", "again", "refitted")
"""Stages of a member, in their order."""

_METADATA = "lstmcast.kept"

Tell = Callable[[str], object]
"""Is told a line."""


class Keeper:
    """Where a training is kept.

    Args:
        folder: for its files; made, with `identity.json`, when there is something to keep.
        identity: what is trained, as JSON.
        every: seconds between two times that something is kept; 0 keeps every epoch.
        tell: told of what cannot be written.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], every: float, tell: Tell = lambda _: None
    ) -> None:
        self.folder, self._identity, self._every, self._tell = folder, identity, every, tell
        self._due = time.monotonic() + every
        self._waiting: dict[tuple[int, str], Callable[[], Kept]] = {}
        self._lock = threading.Lock()
        self._failed = False

    def __reduce__(self) -> tuple[type["Keeper"], tuple[Path, Mapping[str, Any], float]]:
        """Another process keeps in the same folder, by its own clock, and tells nobody."""
        return Keeper, (self.folder, self._identity, self._every)

    def member(self, number: int) -> "MemberKeeper":
        """What is kept of one member."""
        return MemberKeeper(self, number)

    def load(self, number: int, stage: str) -> Kept | None:
        """What is kept of a member at a stage; None where there is nothing.

        Raises:
            RunError: if it is damaged, or of another training, member or stage.
        """
        path = self._path(number, stage)
        try:
            owner = self._owner(number, stage)
            values, tensors = load_tensors(path, _METADATA, owner, must=True)
        except FileNotFoundError:
            return None
        except (KeyError, ValueError, OSError) as error:
            raise self.damaged(number, stage, error) from error
        return Kept(tensors, values)

    def damaged(self, number: int, stage: str, error: Exception) -> RunError:
        """That a file cannot be used."""
        return RunError(
            f"`{self._path(number, stage)}` cannot be resumed: {_line(error)}",
            f"remove it: that part of member {number} is trained anew",
        )

    def offer(self, number: int, stage: str, keep: Callable[[], Kept], *, lasting: bool) -> None:
        """Write what is to be kept, if it is time.

        Args:
            number: of the member.
            stage: that it is at.
            keep: makes what is kept.
            lasting: whether it stays as it is, and may be written later where it is not time.
        """
        with self._lock:
            if time.monotonic() < self._due:
                if lasting:
                    self._waiting[number, stage] = keep
                return
            for (other, earlier), its in self._waiting.items():
                self.write(other, earlier, its())
            self._waiting.clear()
            self.write(number, stage, keep())
            self._due = time.monotonic() + self._every

    def write(self, number: int, stage: str, kept: Kept) -> None:
        """Write what is kept of a member at a stage, whether it is time or not."""
        # Weights lie in one block, of which safetensors takes no parts.
        tensors = {name: value.detach().cpu().clone() for name, value in kept.tensors.items()}
        content = dump_tensors(tensors, _METADATA, kept.values, self._owner(number, stage))
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True)
            identity = self.folder / "identity.json"
            if not identity.exists():
                replace_file(identity, json.dumps(self._identity).encode(), durable=False)
            replace_file(self._path(number, stage), content, durable=False)
        except OSError as error:
            if not self._failed:  # no training ends because it cannot be kept
                self._tell(f"note: {self.folder} cannot be written ({_line(error)}): go on without")
            self._failed = True

    def _owner(self, number: int, stage: str) -> Owner:
        return {"training": hash_of(self._identity), "member": number, "stage": stage}

    def _path(self, number: int, stage: str) -> Path:
        return self.folder / f"member-{number}.{stage}.safetensors"


class SharedKeeper(Keeper):
    """Lets the first process keep a training, and all go on from what it finds.

    Args:
        team: the processes.
        keeper: of the first process; None keeps nothing.
    """

    def __init__(self, team: Team, keeper: Keeper | None) -> None:
        super().__init__(Path() if keeper is None else keeper.folder, {}, 0)
        self._team, self._own = team, keeper

    def load(self, number: int, stage: str) -> Kept | None:
        """What the first process keeps of a member at a stage."""
        return self._team.of_first(None if self._own is None else self._own.load(number, stage))

    def offer(self, number: int, stage: str, keep: Callable[[], Kept], *, lasting: bool) -> None:
        """See `Keeper`."""
        if self._own is not None:
            self._own.offer(number, stage, keep, lasting=lasting)


class MemberKeeper:
    """What is kept of one member.

    Args:
        keeper: of the training; None keeps nothing.
        number: of the member.
    """

    def __init__(self, keeper: Keeper | None, number: int = 0) -> None:
        self._keeper, self._number = keeper, number

    def offer(self, stage: str, keep: Callable[[], Kept], *, lasting: bool = False) -> None:
        """Write what is to be kept, if it is time; see `Keeper.offer`."""
        if self._keeper is not None:
            self._keeper.offer(self._number, stage, keep, lasting=lasting)

    def load(self, stage: str) -> Kept | None:
        """What is kept at a stage."""
        return None if self._keeper is None else self._keeper.load(self._number, stage)

    def use(self, stage: str, restore: Callable[[Kept], object]) -> bool:
        """Restore what is kept at a stage; False where there is nothing.

        Raises:
            RunError: if it is damaged.
        """
        kept = self.load(stage)
        if kept is None or self._keeper is None:
            return False
        try:
            restore(kept)
        except (KeyError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise self._keeper.damaged(self._number, stage, error) from error
        return True

    def restore(self, stage: str, progress: Progress, learning_rate: float) -> bool:
        """Let a loop go on from what is kept of it, if that went at this learning rate."""
        kept = self.load(stage)
        if kept is None or kept.values.get("full_rate") != learning_rate:
            return False
        return self.use(stage, progress.restore)


NOWHERE = MemberKeeper(None)
"""Keeps nothing."""


def network_kept(state: Mapping[str, Tensor], **values: Any) -> Kept:
    """A network's state and some values."""
    return Kept({name: weight.detach() for name, weight in state.items()}, values)


def load_state(network: torch.nn.Module, kept: Kept) -> None:
    """Give a network what `network_kept` kept.

    Raises:
        RuntimeError: if it is of another one.
    """
    network.load_state_dict(dict(kept.tensors))
    network.eval()


def _line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__

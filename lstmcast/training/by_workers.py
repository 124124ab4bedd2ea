"""Members trained by workers: processes of this machine, or a cluster's.

A worker is given the data of a group and one member at a time. It returns what a training keeps of
a member that is done, and the member is restored from that here, as a resumed training restores
one. Members that an earlier process has begun go on where they were.
"""

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lstmcast.nn import Network
from lstmcast.parallel import as_completed, elsewhere
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device import (
    available_threads,
    keep_freed_memory_of_worker,
    threads_each,
    threads_per_network,
)
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.distributed import current_team
from lstmcast.training.kept import REFITTED, STAGES, STOPPED, Keeper, MemberKeeper
from lstmcast.training.member import FittedMember, Member, train_member
from lstmcast.training.observers import SilentObserver
from lstmcast.training.panel_home import PanelHome
from lstmcast.training.prepare import Prepared
from lstmcast.training.progress import Kept
from lstmcast.training.turns import to_the_end
from lstmcast.worker import inside


@dataclass(frozen=True)
class Material:
    """What the members of a group are made from.

    Args:
        part: the group's data.
        initial: networks that the members go on from; empty where there are none.
        first: number of the group's first member.
    """

    part: Prepared
    initial: Sequence[Network]
    first: int

    def builders(self, home: PanelHome) -> tuple[MemberBuilder, MemberBuilder | None]:
        """Who makes members, and who makes them anew with the validation part, if anybody.

        Args:
            home: where they are trained, and where the panel is meanwhile.
        """
        experiment = self.part.experiment
        panels = [DevicePanel(self.part, home)]
        if experiment.training.refit == "validation" and experiment.training.epochs:
            everything = {s: parts.with_validation() for s, parts in self.part.parts.items()}
            panels.append(panels[0].over(self.part, everything))
        once, *again = [
            MemberBuilder(experiment, panel, self.first, self.initial, self.part.pretrained)
            for panel in panels
        ]
        return once, again[0] if again else None


def shared_out(jobs: int, device: torch.device) -> bool:
    """Whether workers train the members: only on CPUs, and nowhere within other workers."""
    asked = jobs != 1 or elsewhere()
    return asked and device.type == "cpu" and current_team() is None and not inside()


class Workers:
    """Trains the members of a group by workers.

    Args:
        material: what the members are made from.
        jobs: workers at most; 0 takes as many as the cores give each network its threads.
        keeper: where members are kept on the way; None keeps nothing.
    """

    def __init__(self, material: Material, jobs: int, keeper: Keeper | None) -> None:
        self._material, self._jobs, self._keeper = material, jobs, keeper

    def train(
        self, tasks: Sequence[Member], builder: MemberBuilder, refit: MemberBuilder | None
    ) -> tuple[list[FittedMember], bool]:
        """The members that trained, and whether a signal cut it short: then those that are done."""
        wanted = available_threads(tasks[0].settings.threads)
        each = threads_per_network(wanted, len(tasks))
        found: dict[int, FittedMember | None] = {}

        def restore(number: int, done: _Done) -> None:
            found[number] = _restored(tasks[number], done, builder, refit)

        begun = [self._begun(task) for task in tasks]
        waiting = []
        for number, kept in enumerate(begun):
            if STOPPED in kept and (refit is None or REFITTED in kept):
                restore(number, _Done(kept))
            else:
                waiting.append(number)
        items = [_Item(tasks[k].number, tasks[k].seed, begun[k]) for k in waiting]
        # Files of this machine are out of a cluster's reach.
        common = (self._material, each, None if elsewhere() else self._keeper)
        work = as_completed(_train, common, items, jobs=self._jobs, threads=each)
        interrupted = False
        try:
            with closing(work):
                for place, done in work:
                    self._keep(tasks[waiting[place]].number, done)
                    restore(waiting[place], done)
        except KeyboardInterrupt:
            interrupted = True
            tasks[0].stop.set()
        trained = (found.get(number) for number in range(len(tasks)))
        return [member for member in trained if member is not None], interrupted

    def _begun(self, task: Member) -> dict[str, Kept]:
        """What is kept of a member, by stage."""
        found = {stage: task.keeper.load(stage) for stage in STAGES}
        return {stage: kept for stage, kept in found.items() if kept is not None}

    def _keep(self, number: int, done: "_Done") -> None:
        if self._keeper is not None:
            for stage, kept in (done.kept or {}).items():
                self._keeper.write(number, stage, kept)


@dataclass(frozen=True)
class _Item:
    """One member: its number, its seed, and what is kept of it by stage."""

    number: int
    seed: int
    kept: Mapping[str, Kept]


@dataclass(frozen=True)
class _Done:
    """What came of a member.

    Args:
        kept: how it was stopped and refitted; None if it diverged.
        restarts: learning rates at which it began again.
    """

    kept: Mapping[str, Kept] | None
    restarts: tuple[float, ...] = ()


class _Box(Keeper):
    """Holds what is kept of one member, and writes it where there is a folder for that.

    Args:
        held: by stage.
        keeper: writes on the way; None does not.
    """

    def __init__(self, held: Mapping[str, Kept], keeper: Keeper | None) -> None:
        super().__init__(keeper.folder if keeper else Path(), {}, 0)
        self.held, self._own = dict(held), keeper

    def load(self, number: int, stage: str) -> Kept | None:  # noqa: ARG002 - of one member
        """What is held of a stage."""
        return self.held.get(stage)

    def offer(self, number: int, stage: str, keep: Callable[[], Kept], *, lasting: bool) -> None:
        """Hold what stays as it is, and pass everything on."""
        if lasting:
            kept = keep()
            copies = {name: value.cpu().clone() for name, value in kept.tensors.items()}
            self.held[stage] = Kept(copies, kept.values)
        if self._own is not None:
            self._own.offer(number, stage, keep, lasting=lasting)


class _Restarts(SilentObserver):
    """Remembers at which learning rates a member began again."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_restart(self, member: int, learning_rate: float) -> None:  # noqa: ARG002 - there is one
        """See `Observer`."""
        self.rates.append(learning_rate)


def _train(common: tuple[Material, int, Keeper | None], item: _Item) -> _Done:
    """What a worker does with one member."""
    keep_freed_memory_of_worker()
    material, threads, keeper = common
    with warnings.catch_warnings():
        # What all workers share is read-only, and nobody writes it.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        builder, refit = material.builders(PanelHome(torch.device("cpu")))
    box, heard = _Box(item.kept, keeper), _Restarts()
    settings = material.part.experiment.training
    own = MemberKeeper(box, item.number)
    member = Member(item.number, item.seed, settings, heard, threading.Event(), own)
    with threads_each(threads):
        fitted = to_the_end(train_member(member, builder, refit))
    if fitted is None:
        return _Done(None, tuple(heard.rates))
    kept = {stage: box.held[stage] for stage in (STOPPED, REFITTED) if stage in box.held}
    return _Done(kept, tuple(heard.rates))


def _restored(
    task: Member, done: _Done, builder: MemberBuilder, refit: MemberBuilder | None
) -> FittedMember | None:
    """A member that a worker has trained, and what its observer missed."""
    for rate in done.restarts:
        task.observer.on_restart(task.number, rate)
    if done.kept is None:
        task.observer.on_train_end(task.number, kept=False)
        return None
    box = MemberKeeper(_Box(done.kept, None), task.number)
    return to_the_end(train_member(replace(task, keeper=box), builder, refit))

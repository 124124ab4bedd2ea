"""The life of one member: trained until validation stops it, restarted once, and refitted.

What is kept on the way lets a training that was killed go on with the member where it was.
"""

import threading
from dataclasses import asdict, dataclass

from lstmcast.config import Training
from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training.accelerator import arithmetic
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.kept import (
    FIT,
    REFITTED,
    STOPPED,
    MemberKeeper,
    load_state,
    network_kept,
)
from lstmcast.training.loop import fit_member, refit_member, retell
from lstmcast.training.observers import EpochRecord, Observer
from lstmcast.training.progress import Kept, records_of
from lstmcast.training.turns import Turns, finish_asked

RESTART_FACTOR = 0.3
"""How much lower the learning rate is when a member that diverged begins again."""


@dataclass(frozen=True)
class FittedMember:
    """A trained network and how it got there.

    Args:
        network: stopped by validation.
        seed: of its first weights, windows and masks.
        records: one for each epoch.
        refitted: trained again with the validation part; None where that was not asked for.
    """

    network: Network
    seed: int
    records: list[EpochRecord]
    refitted: Network | None = None


@dataclass(frozen=True)
class Member:
    """A member to be trained.

    Args:
        number: among all members of the run.
        seed: of its first weights, windows and masks.
        settings: how it is trained.
        observer: told of every epoch.
        stop: set when training is to end after the running epoch.
        keeper: where it is kept on the way, and goes on from.
    """

    number: int
    seed: int
    settings: Training
    observer: Observer
    stop: threading.Event
    keeper: MemberKeeper


def train_member(
    member: Member, builder: MemberBuilder, refit: MemberBuilder | None
) -> Turns[FittedMember | None]:
    """Train a member, and refit it where there is a builder for that.

    Returns:
        The trained member; None if it diverged twice or never began.
    """
    stopped = _kept_stopped(member, builder) or (yield from _fit(member, builder))
    if stopped is None:
        if not member.stop.is_set():
            member.observer.on_train_end(member.number, kept=False)
        return None
    refitted = None
    if refit is not None and not member.stop.is_set():
        refitted = yield from _refit(member, refit, stopped)
    member.observer.on_train_end(member.number, kept=True)
    return FittedMember(stopped.network, member.seed, stopped.records, refitted)


@dataclass(frozen=True)
class _Stopped:
    """A member that validation has stopped, and how."""

    network: Network
    records: list[EpochRecord]
    epochs: int
    learning_rate: float

    def keep(self) -> Kept:
        return network_kept(
            self.network.state_dict(),
            records=[asdict(record) for record in self.records],
            epochs=self.epochs,
            learning_rate=self.learning_rate,
        )


def _kept_stopped(member: Member, builder: MemberBuilder) -> _Stopped | None:
    """A member that was stopped before the process that trained it was."""
    found: list[_Stopped] = []

    def restore(kept: Kept) -> None:
        network, values = builder.empty(member.number), kept.values
        load_state(network, kept)
        records = records_of(values)
        found.append(
            _Stopped(network, records, int(values["epochs"]), float(values["learning_rate"]))
        )

    if not member.keeper.use(STOPPED, restore):
        return None
    retell(found[0].records, member.observer)
    return found[0]


def _fit(member: Member, builder: MemberBuilder) -> Turns[_Stopped | None]:
    """Train a member until validation stops it; None if it diverged twice or never began."""
    rates = [builder.learning_rate, builder.learning_rate * RESTART_FACTOR]
    begun = member.keeper.load(FIT)
    if begun is not None and begun.values.get("full_rate") == rates[1]:
        rates = rates[1:]  # it diverged at the first before
    for learning_rate in rates:
        if member.stop.is_set():
            return None
        if learning_rate != builder.learning_rate:
            member.observer.on_restart(member.number, learning_rate)
        try:
            stopped = yield from _fit_at(member, builder, learning_rate)
        except DivergedError:
            continue
        if not member.stop.is_set():  # cut short, it would be another's end
            member.keeper.offer(STOPPED, stopped.keep, lasting=True)
        return stopped
    return None


def _fit_at(member: Member, builder: MemberBuilder, learning_rate: float) -> Turns[_Stopped]:
    """Train a member at a learning rate.

    Raises:
        DivergedError: if its loss stops being finite.
    """
    settings = member.settings
    if not builder.trains(member.number):
        settings = settings.model_copy(update={"epochs": 0})
    network = builder.build(member.number, member.seed)
    with arithmetic(settings.precision, builder.panel.device):
        records, epochs = yield from fit_member(
            network,
            builder.panel,
            settings,
            member=member.number,
            seed=member.seed,
            learning_rate=learning_rate,
            observer=member.observer,
            stop=member.stop,
            warm_start=builder.warm_start,
            min_gain=builder.min_gain,
            keeper=member.keeper,
        )
    finished = builder.finish(network, member.number)
    finish_asked(builder.panel.device)  # others may write down what is kept of it
    return _Stopped(finished, records, epochs, learning_rate)


def _refit(member: Member, builder: MemberBuilder, stopped: _Stopped) -> Turns[Network | None]:
    """Train a member anew with the validation part; None if it was cut short."""
    refitted = builder.empty(member.number)
    if member.keeper.use(REFITTED, lambda kept: load_state(refitted, kept)):
        return refitted
    network = builder.build(member.number, member.seed)
    with arithmetic(member.settings.precision, builder.panel.device):
        arrived = yield from refit_member(
            network,
            builder.panel,
            member.settings,
            epochs=stopped.epochs,
            seed=member.seed,
            learning_rate=stopped.learning_rate,
            stop=member.stop,
            keeper=member.keeper,
        )
    # Where it diverges on the second way, what validation saw stands in for it.
    refitted = builder.finish(network, member.number) if arrived else stopped.network
    finish_asked(builder.panel.device)
    if member.stop.is_set():
        return None  # cut short, which is neither
    member.keeper.offer(REFITTED, lambda: network_kept(refitted.state_dict()), lasting=True)
    return refitted

"""Several networks from different seeds, trained side by side and pooled.

On a CPU the members train in parallel threads and share the cores among them: PyTorch's kernels
release the interpreter, and two networks side by side use two cores better than one network does
(a step of one takes 0.6 to 0.7 of the time on two cores, not half). There are never more threads
than cores: threads that wait for each other cost far more than they save. Each member draws its
random numbers from generators of its own, so the result does not depend on which thread runs first.
"""

import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from lstmcast.config import Experiment, Training
from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training.accelerator import arithmetic
from lstmcast.training.device import (
    available_threads,
    thread_pool,
    threads_each,
    threads_per_network,
)
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.kept import (
    FIT,
    REFITTED,
    STOPPED,
    Keeper,
    MemberKeeper,
    load_state,
    network_kept,
)
from lstmcast.training.loop import fit_member, refit_member, retell
from lstmcast.training.observers import EpochRecord, Observer
from lstmcast.training.progress import Kept, records_of

RESTART_FACTOR = 0.3
"""How much lower the learning rate is when a member that diverged begins again."""


class Recipe(Protocol):
    """How members begin and end, and the panel that they are trained on."""

    @property
    def panel(self) -> DevicePanel:
        """Training windows and validation sequences."""
        ...

    @property
    def warm_start(self) -> bool:
        """Whether members begin with trained weights."""
        ...

    @property
    def learning_rate(self) -> float:
        """The optimiser's step size."""
        ...

    @property
    def min_gain(self) -> float:
        """Nats of validation that a member must gain to leave what it begins as."""
        ...

    def trains(self, member: int) -> bool:
        """Whether a member is trained, or forecasts as it begins."""
        ...

    def build(self, member: int, seed: int) -> Network:
        """A new network from its member's number and seed."""
        ...

    def finish(self, network: Network, member: int) -> Network:
        """What a trained network forecasts with."""
        ...

    def empty(self, member: int) -> Network:
        """A network like those that `finish` returns, to load weights into."""
        ...


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
class FittedEnsemble:
    """The members that trained, in the order of their numbers.

    Args:
        members: at least one.
        diverged: numbers of the members that were left out.
        interrupted: whether training was cut short from outside.
    """

    members: list[FittedMember]
    diverged: list[int]
    interrupted: bool


def member_seeds(seed: int, members: int) -> list[int]:
    """Independent seeds for the members, the same for the same `seed`."""
    children = np.random.SeedSequence(seed).spawn(members)
    return [int(child.generate_state(1)[0]) for child in children]


def fit_ensemble(
    recipe: Recipe,
    experiment: Experiment,
    observer: Observer,
    first: int = 0,
    refit: Recipe | None = None,
    keeper: Keeper | None = None,
) -> FittedEnsemble:
    """Train `model.members` networks, numbered from `first` on.

    With `refit`, every member is then trained anew by that recipe, from the same seed and for as
    many epochs as validation found best.

    A member whose loss stops being finite begins again once with a lower learning rate; if that
    fails too it is left out and named. Ctrl-C ends all members after their running epoch and keeps
    what they have; a second one keeps nothing. With `keeper` members go on from what it holds of
    them, to the same end to the bit.

    Raises:
        DivergedError: if no member trained.
        KeyboardInterrupt: on Ctrl-C before any member finished an epoch.
    """
    last = first + experiment.model.members
    seeds = dict(enumerate(member_seeds(experiment.training.seed, last)[first:], first))
    threads = available_threads(experiment.training.threads)
    workers = min(len(seeds), threads) if recipe.panel.device.type == "cpu" else 1
    each = threads_per_network(threads, len(seeds)) if workers > 1 else threads
    stop = threading.Event()
    interrupted = False
    with (
        threads_each(each),
        thread_pool(workers) as executor,
    ):
        futures = [
            executor.submit(
                _fit_or_restart,
                recipe,
                refit,
                experiment.training,
                member=k,
                seed=seed,
                observer=observer,
                stop=stop,
                keeper=MemberKeeper(keeper, k),
            )
            for k, seed in seeds.items()
        ]
        try:
            _wait(futures)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop.set()  # nothing left to stop, or time for the others to end as well
    members = [member for member in (future.result() for future in futures) if member]
    if not members and interrupted:
        raise KeyboardInterrupt
    if not members:
        raise DivergedError(
            f"the loss of every member stopped being finite, also with `training.learning_rate` "
            f"{recipe.learning_rate * RESTART_FACTOR:g}",
            "lower `training.learning_rate`, or look for extreme values among the prices",
        )
    kept = {member.records[0].member for member in members}
    lost = [] if interrupted else [k for k in seeds if k not in kept]
    return FittedEnsemble(members, lost, interrupted)


def _wait(futures: list[Future[FittedMember | None]]) -> None:
    """Wait for all, in short naps: a Ctrl-C is only seen between them on some systems."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


def _fit_or_restart(
    recipe: Recipe,
    refit: Recipe | None,
    settings: Training,
    *,
    member: int,
    seed: int,
    observer: Observer,
    stop: threading.Event,
    keeper: MemberKeeper,
) -> FittedMember | None:
    """Train one member; None if it diverged twice or never began."""
    stopped = _kept_stopped(recipe, member, observer, keeper) or _fit(
        recipe, settings, member, seed, observer, stop, keeper
    )
    if stopped is None:
        if not stop.is_set():
            observer.on_train_end(member, kept=False)
        return None
    refitted = None
    if refit is not None and not stop.is_set():
        refitted = _refit(refit, settings, member, seed, stopped, stop, keeper)
    observer.on_train_end(member, kept=True)
    return FittedMember(stopped.network, seed, stopped.records, refitted)


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


def _kept_stopped(
    recipe: Recipe, member: int, observer: Observer, keeper: MemberKeeper
) -> _Stopped | None:
    """A member that was stopped before the process that trained it was."""
    found: list[_Stopped] = []

    def restore(kept: Kept) -> None:
        network, values = recipe.empty(member), kept.values
        load_state(network, kept)
        records = records_of(values)
        found.append(
            _Stopped(network, records, int(values["epochs"]), float(values["learning_rate"]))
        )

    if not keeper.use(STOPPED, restore):
        return None
    retell(found[0].records, observer)
    return found[0]


def _fit(
    recipe: Recipe,
    settings: Training,
    member: int,
    seed: int,
    observer: Observer,
    stop: threading.Event,
    keeper: MemberKeeper,
) -> _Stopped | None:
    """Train a member until validation stops it; None if it diverged twice or never began."""
    rates = [recipe.learning_rate, recipe.learning_rate * RESTART_FACTOR]
    if not recipe.trains(member):
        settings = settings.model_copy(update={"epochs": 0})
    begun = keeper.load(FIT)
    if begun is not None and begun.values.get("full_rate") == rates[1]:
        rates = rates[1:]  # it diverged at the first before
    for learning_rate in rates:
        if stop.is_set():
            return None
        if learning_rate != recipe.learning_rate:
            observer.on_restart(member, learning_rate)
        network = recipe.build(member, seed)
        try:
            with arithmetic(settings.precision, recipe.panel.device):
                records, epochs = fit_member(
                    network,
                    recipe.panel,
                    settings,
                    member=member,
                    seed=seed,
                    learning_rate=learning_rate,
                    observer=observer,
                    stop=stop,
                    warm_start=recipe.warm_start,
                    min_gain=recipe.min_gain,
                    keeper=keeper,
                )
        except DivergedError:
            continue
        stopped = _Stopped(recipe.finish(network, member), records, epochs, learning_rate)
        if not stop.is_set():  # cut short, it would be another's end
            keeper.offer(STOPPED, stopped.keep, lasting=True)
        return stopped
    return None


def _refit(
    refit: Recipe,
    settings: Training,
    member: int,
    seed: int,
    stopped: _Stopped,
    stop: threading.Event,
    keeper: MemberKeeper,
) -> Network | None:
    """Train a member anew with the validation part; None if it was cut short."""
    refitted = refit.empty(member)
    if keeper.use(REFITTED, lambda kept: load_state(refitted, kept)):
        return refitted
    network = refit.build(member, seed)
    with arithmetic(settings.precision, refit.panel.device):
        arrived = refit_member(
            network,
            refit.panel,
            settings,
            epochs=stopped.epochs,
            seed=seed,
            learning_rate=stopped.learning_rate,
            stop=stop,
            keeper=keeper,
        )
    # Where it diverges on the second way, what validation saw stands in for it.
    refitted = refit.finish(network, member) if arrived else stopped.network
    if stop.is_set():
        return None  # cut short, which is neither
    keeper.offer(REFITTED, lambda: network_kept(refitted.state_dict()), lasting=True)
    return refitted

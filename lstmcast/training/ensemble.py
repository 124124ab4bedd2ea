"""Several networks from different seeds, trained side by side and pooled.

On a CPU the members train in parallel threads and share the cores among them: PyTorch's kernels
release the interpreter, and two networks side by side use two cores better than one network does (a
step of one takes 0.6 to 0.7 of the time on two cores, not half). There are never more threads than
cores: threads that wait for each other cost far more than they save. On a GPU one thread trains
several members in turn (`turns`). Each member draws its random numbers from generators of its own,
so the result does not depend on which one comes first.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

import numpy as np

from lstmcast.config import Experiment
from lstmcast.errors import DivergedError
from lstmcast.training.accelerator import networks_at_once
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.by_workers import Workers
from lstmcast.training.device import (
    available_threads,
    thread_pool,
    threads_each,
    threads_per_network,
)
from lstmcast.training.distributed import SharedStop, current_team
from lstmcast.training.kept import Keeper, MemberKeeper, SharedKeeper
from lstmcast.training.member import RESTART_FACTOR, FittedMember, Member, train_member
from lstmcast.training.observers import Observer
from lstmcast.training.turns import in_turn


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
    builder: MemberBuilder,
    experiment: Experiment,
    observer: Observer,
    first: int = 0,
    refit: MemberBuilder | None = None,
    keeper: Keeper | None = None,
    workers: Workers | None = None,
) -> FittedEnsemble:
    """Train `model.members` networks, numbered from `first` on.

    With `refit`, every member is then trained anew by that builder, from the same seed and for as
    many epochs as validation found best.

    A member whose loss stops being finite begins again once with a lower learning rate; if that
    fails too it is left out and named. Ctrl-C ends all members after their running epoch and keeps
    what they have; a second one keeps nothing. With `keeper` members go on from what it holds of
    them, to the same end to the bit. With `workers` these train the members, each with as many
    threads as it would have here, and a Ctrl-C keeps those that are done.

    Raises:
        DivergedError: if no member trained.
        KeyboardInterrupt: on Ctrl-C before any member finished an epoch.
    """
    last = first + experiment.model.members
    seeds = dict(enumerate(member_seeds(experiment.training.seed, last)[first:], first))
    team = current_team()
    stop = SharedStop(team) if team else threading.Event()
    keeper = SharedKeeper(team, keeper) if team else keeper
    tasks = [
        Member(k, seed, experiment.training, observer, stop, MemberKeeper(keeper, k))
        for k, seed in seeds.items()
    ]
    train = workers.train if workers else _train_side_by_side
    members, interrupted = train(tasks, builder, refit)
    if not members and interrupted:
        raise KeyboardInterrupt
    if not members:
        raise DivergedError(
            f"the loss of every member stopped being finite, also with `training.learning_rate` "
            f"{builder.learning_rate * RESTART_FACTOR:g}",
            "lower `training.learning_rate`, or look for extreme values among the prices",
        )
    kept = {member.records[0].member for member in members}
    lost = [] if interrupted else [k for k in seeds if k not in kept]
    return FittedEnsemble(members, lost, interrupted)


def _train_side_by_side(
    tasks: Sequence[Member], builder: MemberBuilder, refit: MemberBuilder | None
) -> tuple[list[FittedMember], bool]:
    """Train members in threads that share the cores, or on a GPU in turn.

    Returns:
        Those that trained, and whether training was cut short.
    """
    threads = available_threads(tasks[0].settings.threads)
    team, device = current_team(), builder.panel.device
    trainings = [train_member(task, builder, refit) for task in tasks]
    shares, workers, at_once = [[training] for training in trainings], min(len(tasks), threads), 1
    if team or device.type != "cpu":
        # Several processes go through the members in the same order.
        shares, workers = [trainings], 1
        at_once = 1 if team else networks_at_once(builder.experiment, builder.panel)
    each = threads_per_network(threads, len(tasks)) if workers > 1 else threads
    interrupted = False
    with threads_each(each), thread_pool(workers) as executor:
        futures = [executor.submit(in_turn, share, at_once, device) for share in shares]
        try:
            _wait(futures)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            tasks[0].stop.set()  # nothing left to stop, or time for the others to end as well
    results = [member for future in futures for member in future.result()]
    interrupted = team.any(interrupted) if team else interrupted
    return [member for member in results if member is not None], interrupted


def _wait(futures: list[Future[list[FittedMember | None]]]) -> None:
    """Wait for all, in short naps: a Ctrl-C is only seen between them on some systems."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()

"""Training the groups of an experiment, one after the other, and what it made of them."""

from collections.abc import Sequence
from dataclasses import replace

from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training.by_workers import Material, Workers, shared_out
from lstmcast.training.device import (
    give_back_freed_memory,
    keep_freed_memory_of_worker,
    one_thread_each,
)
from lstmcast.training.ensemble import FittedEnsemble, fit_ensemble
from lstmcast.training.group import Group
from lstmcast.training.kept import Keeper
from lstmcast.training.movement import Movement, movement
from lstmcast.training.observers import Observer
from lstmcast.training.panel_home import PanelHome
from lstmcast.training.prepare import Prepared


def fit_groups(
    parts: Sequence[Prepared],
    initial: Sequence[Sequence[Network]],
    home: PanelHome,
    observer: Observer,
    keeper: Keeper | None = None,
    jobs: int = 1,
) -> tuple[list[Group], FittedEnsemble]:
    """Train one group after the other; a variant none of whose networks trains is left out.

    Args:
        parts: the data of each group.
        initial: networks that each group goes on from; empty for a group without any.
        home: where they are trained, and where the panel is meanwhile.
        observer: told of every epoch.
        keeper: where members are kept on the way, and go on from.
        jobs: worker processes that train members on CPUs; 1 trains them here, in threads, and 0
            takes as many as the cores give each network its threads.

    Returns:
        The groups that trained, and the members of all of them.

    Raises:
        DivergedError: if no network trained.
        KeyboardInterrupt: on Ctrl-C before any network finished an epoch.
    """
    keep_freed_memory_of_worker()
    groups: list[Group] = []
    fitted: list[FittedEnsemble] = []
    diverged: list[int] = []
    failure: DivergedError | None = None
    first = 0
    for number, part in enumerate(parts):
        try:
            ensemble = _fit_group(part, initial[number], home, observer, first, keeper, jobs)
        except DivergedError as error:
            failure = error
            diverged += range(first, first + part.experiment.model.members)
        except KeyboardInterrupt:
            if not fitted:
                raise
            fitted[-1] = replace(fitted[-1], interrupted=True)
        else:
            groups.append(_group(part, ensemble, number))
            fitted.append(ensemble)
            diverged += ensemble.diverged
        if fitted and fitted[-1].interrupted:
            break
        first += part.experiment.model.members
    if not fitted:
        raise failure or KeyboardInterrupt
    members = [member for ensemble in fitted for member in ensemble.members]
    return groups, FittedEnsemble(members, diverged, fitted[-1].interrupted)


def _fit_group(
    part: Prepared,
    initial: Sequence[Network],
    home: PanelHome,
    observer: Observer,
    first: int,
    keeper: Keeper | None,
    jobs: int,
) -> FittedEnsemble:
    experiment = part.experiment
    material = Material(part, initial, first)
    once, again = material.builders(home)
    give_back_freed_memory()
    workers = Workers(material, jobs, keeper) if shared_out(jobs, home.device) else None
    return fit_ensemble(once, experiment, observer, first, again, keeper, workers)


def _group(part: Prepared, ensemble: FittedEnsemble, number: int) -> Group:
    refitted = [member.refitted for member in ensemble.members if member.refitted is not None]
    return Group(
        part.experiment,
        part.scaling,
        [member.network for member in ensemble.members],
        # Some members without, after Ctrl-C, and none is used: a pool is of one kind.
        refitted if len(refitted) == len(ensemble.members) else (),
        number,
    )


def movements(
    parts: Sequence[Prepared],
    groups: Sequence[Group],
    ensemble: FittedEnsemble,
    initial: Sequence[Sequence[Network]],
) -> tuple[Movement, ...]:
    """How far training moved each group, from what `fit_groups` was given and what it returned."""
    firsts, first = [], 0
    for part in parts:
        firsts.append(first)
        first += part.experiment.model.members
    numbers = [member.records[0].member for member in ensemble.members]
    found = []
    with one_thread_each():
        for group in groups:
            own = numbers[: len(group.networks)]
            numbers = numbers[len(own) :]
            k = group.number
            found.append(movement(parts[k], group, own, initial[k], firsts[k]))
    return tuple(found)

"""Where a training that was interrupted is kept, and whether it is the one that is asked for.

Its hidden folder lies beside the runs and has the name of the experiment and a digest of all that
its weights depend on. It goes when the run is written; one that nobody went on with is swept.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast import __version__
from lstmcast.config import Experiment, differences, groups_of
from lstmcast.errors import OutputError, RunError, UsageError
from lstmcast.left_overs import holding, kept_folder
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import RECORD_BYTES, parse_json, read_file
from lstmcast.seals import hash_of

if TYPE_CHECKING:
    from lstmcast.training import Keeper

IDENTITY = "identity.json"

Tell = Callable[[str], object]
"""Is told a line."""


@contextmanager
def interrupted_training(
    runs_dir: Path,
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    *,
    resume: bool,
    every: float,
    tell: Tell,
) -> Iterator["Keeper | None"]:
    """Keep a training on the way, and find what an interrupted one of the same has kept.

    Args:
        runs_dir: where runs are kept.
        experiment: resolved (`lstmcast.training.resolve_experiment`).
        histories: its prices.
        resume: whether to go on with what is there; without it that is given up.
        every: seconds between two times that something is kept.
        tell: told what is gone on with.

    Yields:
        The keeper, to be ended with `done` when the run is written; None where another process
        trains the same at this moment.

    Raises:
        UsageError: if what was interrupted is another configuration, or is on other prices.
        RunError: if another process is training it.
        OutputError: if the folder cannot be made.
    """
    from lstmcast.training import Keeper

    identity = training_identity(experiment, histories)
    folder = kept_folder(runs_dir, experiment.name, hash_of(identity)[:12])
    if resume and not (folder / IDENTITY).exists():
        _refuse_another(runs_dir, experiment.name, identity)
        tell("no checkpoint of this training was found: it starts from the beginning")
    with contextlib.ExitStack() as stack:
        try:
            ours = stack.enter_context(holding(folder))
        except OSError as error:
            raise OutputError(
                f"`{folder}` cannot be made: {error.strerror or error}",
                "choose another folder with `--runs-dir`",
            ) from error
        if not ours and resume:
            raise RunError(
                f"another process is training {experiment.name} at this moment",
                "wait for it, or end it and resume then",
            )
        if ours and not resume and (folder / IDENTITY).exists():
            tell(
                "an interrupted training of this experiment is discarded;"
                " `--resume` would continue it"
            )
            _empty(folder)
        if ours and resume and (folder / IDENTITY).exists():
            tell(f"continuing from the checkpoint in {folder}")
        yield Keeper(folder, identity, every, tell) if ours else None


def done(keeper: "Keeper | None") -> None:
    """Remove what was kept: the run is written."""
    if keeper is not None:
        _empty(keeper.folder)


def _empty(folder: Path) -> None:
    """Remove what is in a folder; it itself is held, and goes with its lock."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def training_identity(experiment: Experiment, histories: Sequence[PriceHistory]) -> dict[str, Any]:
    """All that the weights depend on, as JSON."""
    from lstmcast.training.device import (
        available_threads,
        processes,
        resolve_device,
        threads_per_network,
    )

    settled = experiment.model_dump(mode="json", exclude={"tuning"})
    threads = available_threads(settled["training"].pop("threads"))
    identity: dict[str, Any] = {
        "lstmcast": __version__,
        "torch": version("torch"),
        "device": str(resolve_device(settled["training"].pop("device"))),
        "threads_per_network": [
            threads_per_network(threads, group.model.members) for group in groups_of(experiment)
        ],
        "experiment": settled,
        "prices": {history.symbol: history.sha256 for history in histories},
        "context": {
            history.symbol: [repr(origin) for origin in history.context.origins]
            for history in histories
            if history.context is not None
        },
    }
    if (count := processes()) > 1:
        identity["processes"] = count
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def _refuse_another(runs_dir: Path, name: str, identity: dict[str, Any]) -> None:
    """Refuse to begin anew where another training of that name waits to be gone on with."""
    alike = len(kept_folder(Path(), name, 12 * "0").name)  # a name may hold dots itself
    found = runs_dir.glob(f".{name}.*.resume/{IDENTITY}")
    others = [path for path in found if len(path.parent.name) == alike]
    if not others:
        return
    newest = max(others, key=lambda path: path.stat().st_mtime)
    try:
        kept = parse_json(read_file(newest, RECORD_BYTES))
    except (OSError, ValueError):
        return
    own = isinstance(kept, dict) and kept_folder(Path(), name, hash_of(kept)[:12]).name
    if newest.parent.name != own:
        return
    hint = f"use its original settings, or remove {newest.parent} and leave out `--resume`"
    for part in ("experiment", "device", "threads_per_network", "processes", "lstmcast", "torch"):
        before, now = kept.get(part), identity.get(part)
        if before != now:
            changes = list(differences(before, now, "" if part == "experiment" else part))
            more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise UsageError(
                f"the interrupted training of {name} has another configuration: "
                f"{', '.join(changes[:3])}{more}",
                hint,
            )
    changed = [
        symbol
        for symbol, digest in identity["prices"].items()
        if kept.get("prices", {}).get(symbol) != digest
    ]
    raise UsageError(
        f"the interrupted training of {name} is of other prices"
        + (f" of {', '.join(changed[:3])}" if changed else ""),
        hint,
    )

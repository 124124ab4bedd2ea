"""The files of a walk's folds: what each forecast, and to which walk and fold that belongs."""

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstmcast.errors import RunError
from lstmcast.evaluation.backtest.folds import Fold
from lstmcast.evaluation.report import MODEL
from lstmcast.predictions import COLUMNS, MAX_ROWS, fault_of, wrong_type
from lstmcast.reading import RUN_BYTES, read_file
from lstmcast.seals import (
    BLANK,
    NAME,
    OWNER,
    ForeignFileError,
    Owner,
    check_owner,
    check_seal,
    sealed,
)

FORECASTER = "forecaster"
"""The column of a fold's file that tells who forecast a row."""

WALK = "walk"
"""The key of the plan under which the walk's identity stands, which its other files name."""

_DAMAGED = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What readers of Parquet and of tables raise of a damaged file."""

AGAIN = "remove its file and run the backtest again: it goes on where it stopped"


def fold_file(folder: Path, fold: Fold) -> Path:
    """The file of a fold's forecasts."""
    return folder / f"fold-{fold.number:02d}.parquet"


def owner_of(identity: str | None, fold: Fold | None = None) -> Owner | None:
    """What a file of a walk, or of a fold of it, belongs to; None where the walk does not say."""
    if identity is None:
        return None
    return {WALK: identity} if fold is None else {WALK: identity, "fold": fold.number}


def read_folds(
    folder: Path, folds: Sequence[Fold], baselines: Sequence[str], identity: str | None
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """All folds' forecasts by forecaster, and the notes on them.

    A baseline that one fold could not have is left out of all.

    Args:
        folder: of the walk.
        folds: all of them.
        baselines: names of those that were fitted.
        identity: of the walk; None where its files name none.

    Raises:
        RunError: if a fold is missing, its file cannot be read or belongs to something else.
    """
    tables: list[dict[str, pd.DataFrame]] = []
    notes: list[str] = []
    for fold in folds:
        try:
            content = read_file(fold_file(folder, fold), RUN_BYTES)
        except OSError as error:
            raise unreadable(fold_file(folder, fold), error) from error
        try:
            parts, told = _parse_fold(content, owner_of(identity, fold))
        except ForeignFileError as error:
            name = fold_file(folder, fold).name
            raise RunError(f"`{name}` of the walk {folder}: {error}", AGAIN) from error
        except _DAMAGED as error:
            raise RunError(f"fold {fold.number} of {folder} cannot be read", AGAIN) from error
        inside = (p["origin"].between(fold.first_origin, fold.last_origin) for p in parts.values())
        if not all(own.all() for own in inside):
            raise RunError(
                f"fold {fold.number} of {folder} holds forecasts from sessions of other folds",
                AGAIN,
            )
        tables.append(parts)
        notes += [f"fold {fold.number}: {note}" for note in told]
    names = [MODEL, *(name for name in baselines if all(name in parts for parts in tables))]
    found = {
        name: pd.concat([parts[name] for parts in tables], ignore_index=True) for name in names
    }
    return found, tuple(dict.fromkeys(notes))


def dump_fold(whole: pd.DataFrame, notes: Sequence[str], owner: Owner | None) -> bytes:
    """A fold's file.

    Args:
        whole: its forecasts, by whoever made them.
        notes: on them.
        owner: the walk and the fold.
    """
    whole = whole.copy(deep=False)
    whole.attrs = {"notes": list(notes)}
    if owner is not None:
        whole.attrs[OWNER] = dict(owner)
    whole.attrs[NAME] = BLANK
    buffer = io.BytesIO()
    whole.to_parquet(buffer, index=False)
    return sealed(buffer.getvalue())


def _parse_fold(content: bytes, owner: Owner | None) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The forecasts of a fold by who made them, and the notes on them.

    Raises:
        ValueError: they are not what was written, of another fold, or what no forecast can be.
    """
    check_seal(content)
    if pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows > MAX_ROWS:
        raise ValueError(f"more than {MAX_ROWS:,} rows")
    whole = pd.read_parquet(io.BytesIO(content))
    check_owner(whole.attrs.pop(OWNER, None), owner)
    notes = whole.attrs.pop("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise ValueError("its notes are no texts")
    whole.attrs = {}  # pandas copies them with each column that is looked at
    parts = {str(name): part[list(COLUMNS)] for name, part in whole.groupby(FORECASTER, sort=False)}
    if MODEL not in parts:
        raise ValueError("it has no forecasts of the model")
    for name, part in parts.items():
        check = fault_of if name == MODEL else wrong_type
        if fault := check(part):
            raise ValueError(fault)
    return parts, notes


def unreadable(path: Path, error: OSError) -> RunError:
    """What may not be read is not damaged: nobody is told to remove it."""
    return RunError(
        f"`{path.name}` of the walk {path.parent} cannot be read: {error.strerror or error}",
        "look at what it is and who may read it",
    )

"""A cache of fitted parameters on disk, under a hash of the data they were fitted on."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmcast.distributions import FloatArray
from lstmcast.files import replace_file
from lstmcast.left_overs import sweep
from lstmcast.reading import read_file
from lstmcast.seals import parse_sealed, sealed_values

Parameters = Mapping[str, float]
CACHE_BYTES = 2**16
_FIT = "fit"


@dataclass(frozen=True)
class FitCache:
    """A folder of small JSON files, one for each fit.

    A file that is damaged, or of another fit, counts as absent, and a folder that cannot be written
    only costs time: nothing depends on the cache.

    Args:
        root: the folder; made when the first fit is kept.
    """

    root: Path

    @classmethod
    def open(cls, root: Path) -> "FitCache":
        """The cache in a folder, without what processes that were killed left there."""
        sweep(root)
        return cls(root)

    def recall(
        self, name: str, data: FloatArray, fit: Callable[[], Parameters | None]
    ) -> Parameters | None:
        """The parameters fitted on `data`, from the cache or by fitting now.

        Args:
            name: what is fitted and by which version of the code.
            data: everything that the fit depends on.
            fit: fits; None says that the fit failed, which is kept as well.
        """
        digest = hashlib.sha256(name.encode() + np.ascontiguousarray(data).tobytes()).hexdigest()
        path = self.root / f"{digest[:40]}.json"
        known, found = _read(path, digest)
        if known:
            return found
        fitted = fit()
        _write(path, digest, fitted)
        return fitted


def _read(path: Path, digest: str) -> tuple[bool, Parameters | None]:
    try:
        values = parse_sealed(read_file(path, CACHE_BYTES), {_FIT: digest}, must=True)[_FIT]
    except (OSError, ValueError, KeyError):
        return False, None
    if values is None:
        return True, None
    if isinstance(values, dict) and all(isinstance(value, float) for value in values.values()):
        return True, values
    return False, None


def _write(path: Path, digest: str, parameters: Parameters | None) -> None:
    fit = None if parameters is None else dict(parameters)
    content = json.dumps(sealed_values({_FIT: fit}, {_FIT: digest})).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content, durable=False)

"""The simulated markets that networks are trained on, chunk after chunk, from seeds alone.

Each chunk is simulated from its network's number and its own, so the order in which chunks are
made changes nothing, and a pretraining that was interrupted finds the next chunk without having
kept any generator's state. While one chunk is trained on, a thread, or several processes, prepare
those that follow.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, multiprocessing

from lstmcast.distributions import FloatArray
from lstmcast.pretraining.files import FLAG
from lstmcast.pretraining.panel import SimulatedPanel, read_markets
from lstmcast.pretraining.settings import GROUP, HORIZONS, Settings
from lstmcast.simulation import Prior, simulate
from lstmcast.worker import enter_worker

_WEIGHTS, _MARKETS, _ORDER, _HELD_OUT = range(4)
"""What a seed is for: no two uses have the same one."""

_LEAST_FACTOR = 1e-6

_WAIT = 0.2
"""Seconds after which a wait for a chunk looks whether the user wants to stop."""


@dataclass(frozen=True)
class Inputs:
    """The columns that networks read, and the constants that scale them.

    Args:
        columns: names.
        offset, factor: `(columns,)`, float64; a column x is read as (x - offset) / factor.
    """

    columns: tuple[str, ...]
    offset: FloatArray
    factor: FloatArray

    @classmethod
    def of(cls, panel: SimulatedPanel) -> "Inputs":
        """Mean and standard deviation of each column where it is there; flags stay 0 and 1."""
        values = panel.features.reshape(-1, len(panel.columns)).double()
        offset = values.nanmean(0)
        factor = (values - offset).square().nanmean(0).sqrt() + _LEAST_FACTOR
        # In a small chunk no market may have a group: then nothing is known of its columns.
        known = torch.isfinite(offset)
        offset, factor = torch.where(known, offset, 0.0), torch.where(known, factor, 1.0)
        for k, name in enumerate(panel.columns):
            if name.startswith(FLAG):
                offset[k], factor[k] = 0.0, 1.0
        return cls(panel.columns, offset.numpy(), factor.numpy())

    def scaled(self, features: Float[Tensor, "n rows columns"]) -> Float[Tensor, "n rows columns"]:
        """The features as networks read them: scaled, zero where a market lacks the column."""
        offset, factor = (
            torch.from_numpy(values).to(features) for values in (self.offset, self.factor)
        )
        return ((features - offset) / factor).nan_to_num(0.0)


def network_seed(settings: Settings, network: int) -> int:
    """The seed of a network's first weights."""
    return _seed(settings, _WEIGHTS, network)


def order_of(settings: Settings, network: int, chunk: int) -> Tensor:
    """The order in which a chunk's markets are trained on."""
    generator = torch.Generator().manual_seed(_seed(settings, _ORDER, network, chunk))
    return torch.randperm(settings.markets, generator=generator)


def _seed(settings: Settings, *use: int) -> int:
    return int(np.random.SeedSequence((settings.seed, *use)).generate_state(1, np.uint64)[0] >> 1)


def _simulated(settings: Settings, markets: int, seed: int) -> SimulatedPanel:
    generator = torch.Generator().manual_seed(seed)
    drawn = Prior(without=frozenset(settings.without)).draw(markets, generator, GROUP)
    bars = simulate(drawn, settings.sessions, generator, draws=settings.draws)
    return read_markets(bars, HORIZONS, GROUP, np.random.default_rng(seed))


class Stopped(Exception):  # noqa: N818 - as KeyboardInterrupt: nothing went wrong
    """The user wants to stop."""


Key = tuple[int, int]
"""Number of a network and of one of its chunks."""

HELD_OUT: Key = (-1, 0)


def markets_of(settings: Settings, key: Key) -> SimulatedPanel:
    """One chunk of a network's markets, or those that no network is trained on."""
    markets = settings.held_out if key == HELD_OUT else settings.markets
    use = (_HELD_OUT,) if key == HELD_OUT else (_MARKETS, *key)
    return _simulated(settings, markets, _seed(settings, *use))


class Supply:
    """Chunks of markets, prepared while others are trained on.

    Args:
        make: a chunk from its key.
        stop: set when the user wants to stop.
        jobs: processes that prepare chunks, each on one thread; with 1, a thread of this process
            does. What a chunk holds does not depend on it.
    """

    def __init__(
        self, make: Callable[[Key], SimulatedPanel], stop: threading.Event, jobs: int = 1
    ) -> None:
        self._make = make
        self._stop = stop
        self._executor: Executor = (
            ThreadPoolExecutor(1, "markets")
            if jobs == 1
            # Tensors come back as shared memory, not as copies through a pipe.
            else ProcessPoolExecutor(
                jobs,
                multiprocessing.get_context("spawn"),
                initializer=_begin_worker,
                initargs=(os.getpid(),),
            )
        )
        self.ahead = jobs
        """How many chunks it prepares beyond the one in use."""
        self._kept: dict[Key, Future[SimulatedPanel]] = {}

    def take(self, key: Key, following: Sequence[Key] = ()) -> SimulatedPanel:
        """A chunk; those that follow are prepared next, all others are forgotten.

        Raises:
            Stopped: if the user wants to stop before the chunk is ready.
        """
        self._kept = {
            name: self._kept.get(name) or self._executor.submit(self._make, name)
            for name in (key, *following)
        }
        while not self._stop.is_set():
            with suppress(TimeoutError):
                return self._kept[key].result(_WAIT)
        raise Stopped

    def close(self) -> None:
        """End the workers; a chunk that a thread prepares is finished first."""
        # Processes are at chunks that nobody waits for; from 3.14 on Python has a method for it.
        for worker in list((getattr(self._executor, "_processes", None) or {}).values()):
            worker.terminate()
        self._executor.shutdown(cancel_futures=True)


def _begin_worker(parent: int) -> None:
    """Leave Ctrl-C to the process that trains, end with it, and take one core."""
    enter_worker(parent)
    torch.set_num_threads(1)

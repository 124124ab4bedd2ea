"""Processes that simulate markets: they end with the command, however that ends."""

import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch

from lstmcast.pretraining import supply as module
from lstmcast.pretraining.supply import HELD_OUT, Stopped, Supply


def _endless(_: object) -> None:
    time.sleep(60)


def test_nobody_waits_for_a_chunk_that_a_process_is_at() -> None:
    stop = threading.Event()
    supply = Supply(_endless, stop)  # type: ignore[arg-type]  # no chunk comes of it
    supply._executor.shutdown()
    supply._executor = ProcessPoolExecutor(1, get_context("fork"))
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped, match=r"^$"):
        supply.take(HELD_OUT)
    supply.close()
    assert time.monotonic() - began < 30


def test_a_process_ends_with_the_one_that_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[int] = []
    monkeypatch.setattr(module, "enter_worker", known.append)
    monkeypatch.setattr(torch, "set_num_threads", known.append)
    module._begin_worker(7)
    assert known == [7, 1]

"""Simulated markets, made once for all tests that train on the same ones."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import pytest

from lstmcast.pretraining import supply, training
from lstmcast.pretraining.panel import SimulatedPanel
from lstmcast.pretraining.settings import Settings
from lstmcast.pretraining.supply import Key

_made = lru_cache(maxsize=64)(supply.markets_of)


def made_once(settings: Settings, key: Key) -> SimulatedPanel:
    """`markets_of`, which depends on nothing that is replaced here."""
    return _made(replace(settings, steps=1, minutes=None, networks=1, batch=8, hidden_size=1), key)


@pytest.fixture(scope="session", autouse=True)
def _markets_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "markets_of", made_once)
        yield

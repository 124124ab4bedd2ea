"""Pretrainings small enough for a test."""

from typing import Any

import torch

from lstmcast.pretraining.settings import Settings
from lstmcast.pretraining.weights import Pretrained

COLUMNS = (
    "return", "abs_return", "news_quarter", "parkinson_1", "parkinson_5", "volume",
    "pool_return", "pool_parkinson_1",
    "has_news", "has_range", "has_volume", "has_pool", "has_pool_range",
)  # fmt: skip
"""A few columns of each group, and the flags of all of them."""


def tiny(**changes: Any) -> Settings:
    """Settings of a pretraining that takes a second."""
    usual: dict[str, Any] = {
        "steps": 6,
        "hidden_size": 4,
        "batch": 8,
        "markets": 16,
        "sessions": 110,
        "draws": 2,
        "held_out": 16,
    }
    return Settings(**(usual | changes))


def same_weights(a: Pretrained, b: Pretrained) -> bool:
    """Whether all networks and scalings are the same to the last bit."""
    return (
        a.columns == b.columns
        and (a.offset == b.offset).all()
        and (a.factor == b.factor).all()
        and len(a.states) == len(b.states)
        and all(
            x.keys() == y.keys() and all(torch.equal(x[name], y[name]) for name in x)
            for x, y in zip(a.states, b.states, strict=True)
        )
    )

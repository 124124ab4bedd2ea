"""Run directories made by hand: no network is needed to list, show, compare or remove one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save

from lstmcast.prices.history import PriceHistory
from lstmcast.run.record import seal, sha256
from support.simulated import constant_t, predict

CONFIG = """
name: {name}
data: {{symbols: [{symbols}], source: csv}}
features: [returns]
model: {{members: {members}}}
"""

HISTORY = "member,epoch,train_loss,validation_loss,learning_rate,seconds,kept\n0,1,1,1,0.01,0.1,1\n"


def forecasts(
    histories: Sequence[PriceHistory], *, first: int, scale: float = 0.01, horizons: int = 2
) -> pd.DataFrame:
    """Forecasts of the same width for every row from a history's row `first` on."""
    bars = {history.symbol: history.adjusted() for history in histories}
    widths = {
        name: constant_t(len(table) - first - 1, horizons, scale=scale)
        for name, table in bars.items()
    }
    return predict(bars, first, widths)


def weights(members: int) -> bytes:
    """Networks of two layers, 18 and 3 numbers."""
    tensors: dict[str, np.ndarray] = {"scaler.AAA.offset": np.zeros(3)}
    for k in range(members):
        tensors[f"member.{k}.encoder.cells.0.weight"] = np.zeros((8, 2), dtype=np.float32)
        tensors[f"member.{k}.encoder.cells.0.bias"] = np.zeros(2, dtype=np.float32)
        tensors[f"member.{k}.head.bias"] = np.zeros(3, dtype=np.float32)
    content: bytes = save(tensors)
    return content


def write_run(
    runs: Path,
    name: str,
    histories: Sequence[PriceHistory],
    predictions: pd.DataFrame,
    *,
    members: int = 2,
    created: str = "2026-01-01T00:00:00+00:00",
    changed: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run as training does, and return its folder."""
    end = f"{predictions['origin'].min():%Y-%m-%d}" if len(predictions) else "2003-01-01"
    symbols = [
        {
            "symbol": history.symbol,
            "source": history.source,
            "rows": len(history),
            "first": f"{history.first:%Y-%m-%d}",
            "last": f"{history.last:%Y-%m-%d}",
            "sha256": history.sha256,
            "currency": "USD",
            "exchange": None,
        }
        for history in histories
    ]
    record = {
        "schema": 1,
        "name": name.partition("-")[2] or name,
        "created": created,
        "status": "complete",
        "lstmcast": "0.1.0",
        "python": "3.11.7",
        "device": "cpu",
        "seed": 7,
        "member_seeds": list(range(members)),
        "diverged_members": [],
        "threads": 2,
        "seconds": {"prepare": 0.5, "fit": 1.5},
        "split": {"train_end": end, "validation_end": end, "test_end": end},
        "parts": {h.symbol: {"train": 1500, "validation": 60, "test": 40} for h in histories},
        "symbols": symbols,
        **(changed or {}),
    }
    path = runs / name
    path.mkdir(parents=True)
    predictions.to_parquet(path / "predictions.parquet", index=False)
    listed = ", ".join(history.symbol for history in histories)
    files = {
        "config.yaml": CONFIG.format(name="made", symbols=listed, members=members).encode(),
        "history.csv": HISTORY.encode(),
        "model.safetensors": weights(members),
        "predictions.parquet": (path / "predictions.parquet").read_bytes(),
    }
    for file, content in files.items():
        (path / file).write_bytes(content)
    (path / "run.json").write_text(
        json.dumps(seal(record, {name: sha256(content) for name, content in files.items()}))
    )
    return path

"""Write the parts of README.md and docs/ that follow from trained runs: outputs, scores, charts.

    python scripts/update_figures.py

Every command runs as a user would run it, on the bundled public-domain sample, in a folder that is
removed afterwards. Figures of training depend a little on the machine, so no test compares them;
a test checks that they are there and have the shape that the commands print today.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blocks import ROOT, Blocks, fenced, table, write

from lstmcast.config import load_experiment
from lstmcast.prices.sources.sample import read_sample

DEMO = (
    "lstmcast fetch AAPL --source sample",
    "lstmcast train --config configs/aapl.yaml",
    "lstmcast evaluate",
    "lstmcast plot",
)
"""What `make demo` runs."""

SCORES = {
    "price error": ("rmse_ratio", "{:.4f}"),
    "log score": ("log_score", "{:.4f}"),
    "CRPS": ("crps", "{:.4f}"),
    "50 %": ("coverage_50", "{:.1%}"),
    "80 %": ("coverage_80", "{:.1%}"),
    "95 %": ("coverage_95", "{:.1%}"),
}
"""The columns of the tables: a heading, the score's name in `metrics.json`, and its format."""

SHOWN = ("linear", "pretrained", "har_calibrated", "garch", "ewma", "random_walk")
"""The baselines that the README shows; `lstmcast evaluate` has more."""

WIDTH = 100
"""Columns at which sentences are wrapped, as a terminal would; tables fit as they are."""


class Workshop:
    """A folder with a store and runs of its own, in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "configs", folder / "configs")

    def run(self, command: str) -> str:
        """Run one command and return what a terminal would show, without the bars of training."""
        print(f"$ {command}", flush=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LSTMCAST_")}
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=self.folder,
            env={**kept, "LSTMCAST_DATA_DIR": "prices", "LSTMCAST_RUNS_DIR": "runs"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}`{command}` ended with exit code {done.returncode}")
        lines = done.stdout.splitlines()
        return "\n".join(line.rstrip() for line in lines if not line.startswith("member "))

    def newest(self) -> Path:
        """The run that was made last."""
        return max((self.folder / "runs").iterdir(), key=lambda run: run.stat().st_mtime)

    def metrics(self) -> dict[str, Any]:
        """The scores of the newest run."""
        scores: dict[str, Any] = json.loads((self.newest() / "metrics.json").read_text())
        return scores

    def keep_chart(self, name: str) -> None:
        """Copy a chart of the newest run to docs/images."""
        target = ROOT / "docs/images" / name.lower()
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(self.newest() / "charts" / name, target)


def transcript(workshop: Workshop, commands: tuple[str, ...]) -> str:
    """The commands and what they print, as a console shows them."""
    parts = [f"$ {command}\n{_wrapped(workshop.run(command))}" for command in commands]
    return fenced("\n\n".join(part.strip() for part in parts), "console")


def _wrapped(text: str) -> str:
    return "\n".join(
        textwrap.fill(line, WIDTH) if len(line) > WIDTH and line[0].isalpha() else line
        for line in text.splitlines()
    )


def score_table(metrics: dict[str, Any]) -> str:
    """One session ahead: the model, then some baselines from the best CRPS to the worst."""
    horizon = str(metrics["horizons"][0])
    parts = {name: part["pooled"][horizon] for name, part in metrics["forecasters"].items()}
    ranked = sorted(
        (name for name in parts if name in SHOWN),
        key=lambda name: (parts[name]["crps"] is None, parts[name]["crps"]),
    )
    rows = []
    for name in ("model", *ranked):
        label = metrics["forecasters"][name]["label"]
        rows.append((f"**{label}**" if name == "model" else label, *_cells(parts[name])))
    return table(("", *SCORES), rows, right=range(1, len(SCORES) + 1))


def _cells(scores: dict[str, Any]) -> Iterator[str]:
    for name, form in SCORES.values():
        yield "-" if scores[name] is None else form.format(scores[name])


def belief(metrics: dict[str, Any]) -> str:
    """The scores and over which rows they are."""
    rows = metrics["rows"]
    count = sum(part["count"] for part in rows.values())
    first = min(part["first"] for part in rows.values())
    last = max(part["last"] for part in rows.values())
    who = f"{', '.join(rows)}: {count:,} forecasts one session ahead, {first} to {last}."
    return f"{who}\n\n{score_table(metrics)}"


def headline(metrics: dict[str, Any]) -> str:
    """The verdict's first line."""
    return f"> {metrics['verdict']['summary']}"


def train_all(workshop: Workshop) -> dict[str, dict[str, Any]]:
    """Train and score every configuration that the sample can feed: its metrics by its name."""
    stored = list(read_sample()["symbol"].unique())
    workshop.run(f"lstmcast fetch {' '.join(stored)} --source sample")
    results = {}
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        if set(load_experiment(path).data.symbols) <= set(stored):
            workshop.run(f"lstmcast train --config configs/{path.name}")
            workshop.run("lstmcast evaluate")
            results[path.stem] = workshop.metrics()
    return results


def comparison(results: dict[str, dict[str, Any]]) -> str:
    """The model of each configuration, and the best baseline on the same rows."""
    rows = []
    for name, metrics in results.items():
        scores = metrics["forecasters"]["model"]["pooled"][str(metrics["horizons"][0])]
        best = metrics["forecasters"].get(metrics["verdict"]["best_baseline"], {"label": "-"})
        rows.append((f"`configs/{name}.yaml`", *_cells(scores), best["label"]))
    header = ("", *SCORES, "best baseline by CRPS")
    return table(header, rows, right=range(1, len(SCORES) + 1))


def figures(folder: Path) -> Blocks:
    """Run everything; charts go to docs/images, texts into the blocks."""
    workshop = Workshop(folder)
    demo = transcript(workshop, DEMO)
    workshop.keep_chart("AAPL-test.png")
    readme = {"headline": headline(workshop.metrics())}
    forecast = transcript(workshop, ("lstmcast forecast --horizon 5",))
    workshop.run("lstmcast plot --kind fan")
    workshop.keep_chart("AAPL-fan.png")
    results = train_all(workshop)
    readme["belief"] = belief(results["pooled"])
    return {
        "README.md": readme,
        "docs/first-run.md": {"demo": demo},
        "docs/guide.md": {"forecast": forecast},
        "docs/experiments.md": {"configurations": comparison(results)},
    }


def main() -> None:
    """Run the commands and write the blocks."""
    with tempfile.TemporaryDirectory() as folder:
        for path in write(figures(Path(folder))):
            print(f"wrote {path}")


if __name__ == "__main__":
    main()

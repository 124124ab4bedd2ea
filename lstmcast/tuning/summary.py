"""What a study came to: the best configuration, what it gained, and which keys mattered."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.config import Experiment, dump_given, with_values
from lstmcast.errors import TrainingError
from lstmcast.files import make_folder, to_json, write_atomically
from lstmcast.tuning.space import Choice, values_of
from lstmcast.tuning.study import EPOCHS, FAULT, SECONDS, KeptStudy, is_interrupted, told

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEWEST_TO_WEIGH = 10
"""Complete trials from which it is told which keys mattered."""

BEST, TRIALS, SUMMARY = "best.yaml", "trials.csv", "summary.json"


@dataclass(frozen=True)
class Summary:
    """What a study came to so far.

    Args:
        study: its name.
        folder: where it is kept.
        start: validation loss of the configuration as it stands; None where it is not known yet.
        number: of the best trial; None where none is better than the configuration as it stands.
        loss: the lowest validation loss.
        values: of the best trial, by the path of a key.
        best: the best configuration.
        counts: trials by `complete`, `pruned`, `failed`, `interrupted` and `running`.
        chosen_from: configurations that the best was chosen from.
        importances: by the path of a key, its share of what separates good trials from others, in
            falling order; empty where there are too few trials.
        trials: a row per trial, `number`, `state`, `loss`, `seconds`, `epochs`, `fault`, and a
            column for each key.
    """

    study: str
    folder: Path
    start: float | None
    number: int | None
    loss: float
    values: dict[str, Choice]
    best: Experiment
    counts: dict[str, int]
    chosen_from: int
    importances: dict[str, float]
    trials: pd.DataFrame

    @property
    def gain(self) -> float | None:
        """By how much the best is better on validation than the configuration as it stands."""
        return None if self.start is None else self.start - self.loss

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "study": self.study,
            "folder": str(self.folder),
            "config": str(self.folder / BEST),
            "validation_loss": self.loss,
            "start_validation_loss": self.start,
            "gain": self.gain,
            "best_trial": self.number,
            "values": {k: list(v) if isinstance(v, tuple) else v for k, v in self.values.items()},
            "trials": self.counts,
            "chosen_from": self.chosen_from,
            "importances": self.importances,
        }

    def write(self) -> None:
        """Write the best configuration, the trials and this summary into the study's folder.

        Raises:
            OutputError: if they cannot be written.
        """
        make_folder(self.folder / "charts", "choose another folder with `--runs-dir`")
        command = f"# lstmcast train --config {self.folder / BEST}\n"
        text = command + "#\n" + "".join(f"# {line}\n" for line in self._about())
        write_atomically(self.folder / BEST, (text + dump_given(self.best)).encode())
        write_atomically(self.folder / TRIALS, _csv(self.trials))
        write_atomically(self.folder / SUMMARY, to_json(self.to_dict()))

    def _about(self) -> list[str]:
        which = "as it stands" if self.number is None else f"of trial {self.number}"
        return [
            f"The best of {self.chosen_from} configurations by validation, that {which}:",
            f"validation loss {self.loss:.5f}"
            + ("" if self.start is None else f", before the search {self.start:.5f}")
            + ".",
        ]


def summarise(kept: KeptStudy, *, weigh: bool = True) -> Summary:
    """Look at a study as it is now.

    Args:
        kept: the study.
        weigh: whether to tell which keys mattered, for which scikit-learn is loaded.

    Raises:
        TrainingError: if no trial is complete, and the configuration as it stands is not measured.
    """
    from optuna.trial import TrialState

    trials = kept.trials()
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    start = kept.start
    best = min(complete, key=lambda trial: (trial.value, trial.number), default=None)
    if best is not None and start is not None and float(best.value or 0.0) >= start:
        best = None
    if best is None and start is None:
        faults = [fault for trial in trials if (fault := told(trial).get(FAULT))]
        why = f": {faults[-1]}" if faults else ""
        raise TrainingError(
            f"no trial of {kept.folder} is complete{why}",
            "look at `tuning.space`, or go on with the same command",
        )
    values = {} if best is None else values_of(best.params, kept.plan.space)
    compared = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    before = kept.plan.experiment.tuning.trials
    chosen_from = before + len({json.dumps(t.params, sort_keys=True) for t in compared})
    return Summary(
        study=kept.folder.name,
        folder=kept.folder,
        start=start,
        number=None if best is None else best.number,
        loss=float(start if best is None else best.value),  # type: ignore[arg-type]  # one is known
        values=values,
        best=_best(kept, values, chosen_from),
        counts=_counts(trials),
        chosen_from=chosen_from,
        importances=_importances(kept, complete) if weigh else {},
        trials=_table(trials, list(kept.plan.space)),
    )


def _best(kept: KeptStudy, values: Mapping[str, Choice], chosen_from: int) -> Experiment:
    """The configuration with the best values, which knows what it was chosen from."""
    chosen = with_values(kept.plan.experiment, values)
    told = {"trials": chosen_from, "study": kept.folder.name}
    return chosen.model_copy(update={"tuning": chosen.tuning.model_copy(update=told)})


def _state(trial: "FrozenTrial") -> str:
    if is_interrupted(trial):
        return "interrupted"
    names = {"FAIL": "failed", "WAITING": "waiting"}
    return names.get(trial.state.name, trial.state.name.lower())


def _counts(trials: Sequence["FrozenTrial"]) -> dict[str, int]:
    states = [_state(trial) for trial in trials]
    names = ("complete", "pruned", "failed", "interrupted", "running")
    return {name: states.count(name) for name in names}


def _importances(kept: KeptStudy, complete: Sequence["FrozenTrial"]) -> dict[str, float]:
    """How much each key separates the best trials from the others, in shares that sum to 1.

    Source: Watanabe, Bansal and Hutter (2023), PED-ANOVA: Efficiently quantifying hyperparameter
    importance in arbitrary subspaces. It grows no random forest, as fANOVA does.
    """
    if len(complete) < FEWEST_TO_WEIGH or len({trial.value for trial in complete}) < 2:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    # A key that had one value in all trials tells nothing.
    varied = [k for k in kept.plan.space if len({str(t.params.get(k)) for t in complete}) > 1]
    if not varied:
        return {}
    evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
    found = get_param_importances(kept.study, evaluator=evaluator, params=varied)
    return {name: float(share) for name, share in found.items()}


def _table(trials: Sequence["FrozenTrial"], paths: Sequence[str]) -> pd.DataFrame:
    rows = [
        {
            "number": trial.number,
            "state": _state(trial),
            "loss": trial.value if _state(trial) == "complete" else None,
            "seconds": told(trial).get(SECONDS),
            "epochs": told(trial).get(EPOCHS),
            "fault": told(trial).get(FAULT, ""),
            **{path: trial.params.get(path) for path in paths},
        }
        for trial in trials
    ]
    columns = ["number", "state", "loss", "seconds", "epochs", "fault", *paths]
    return pd.DataFrame(rows, columns=columns)


def _csv(table: pd.DataFrame) -> bytes:
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    return text.getvalue().encode()

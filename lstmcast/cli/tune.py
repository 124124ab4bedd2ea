"""`lstmcast tune`: a search for a better configuration, judged by validation rows alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.clusters import computing_on, require_cluster
from lstmcast.cli.console import figures, note, number, print_json, print_table
from lstmcast.cli.experiment import read_experiment, tell_of_features
from lstmcast.cli.options import RUNS_DIR, Cluster, DataDir, Json, Overrides, RunsDir, data_dir
from lstmcast.cli.workers import load_training
from lstmcast.errors import ConfigError, LstmcastError, UsageError

if TYPE_CHECKING:
    from lstmcast.config import Experiment
    from lstmcast.tuning import KeptStudy, Plan, Summary, Tried

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def tune(
    config: Annotated[
        Path,
        typer.Option("--config", "-c", help="YAML file of the experiment.", show_default=False),
    ],
    overrides: Overrides = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials of the study, over all processes.")
    ] = 50,
    timeout: Annotated[
        str | None,
        typer.Option(
            help="Start no further trial after this time, such as 90s, 30m or 1h30m.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="Name of the study; by default the experiment's.", show_default=False),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Where trials are kept: a journal file, or a URL of a database that Optuna knows;"
            " by default in the study's folder.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Fail if there is no study to continue."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Trials at once, in worker processes; 0 uses every core. One by default, on a"
            " cluster as many as it has cores.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Trials whose values are chosen together, before any of them is done. By default"
            " 1, and 8 with --jobs or --cluster.",
            show_default=False,
        ),
    ] = None,
    cluster: Cluster = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Search for a better configuration, scored on validation rows; the test part is not used.

    The search space is `tuning.space` in the YAML file. The same command continues an interrupted
    study; several processes that run it at once share one. The same seed and --batch find the same
    configuration, whatever --jobs and wherever trials are done. The best configuration is written
    to best.yaml in the study's folder, for `lstmcast train --config`.
    """
    seconds = None if timeout is None else parse_duration(timeout)
    require_cluster(cluster)
    jobs = (1 if cluster is None else 0) if jobs is None else jobs
    if cluster is None:
        load_training(jobs)
    experiment = read_experiment(config, overrides or ())
    name = study or experiment.name
    if not re.fullmatch(_NAME, name):
        raise UsageError(
            f"`--study` is {name!r}", "use letters, digits, dots, hyphens and underscores"
        )
    plan = _plan(experiment, data)
    from lstmcast.tuning import BATCH, KeptStudy, summarise
    from lstmcast.tuning import tune as search

    batch = (1 if jobs == 1 and cluster is None else BATCH) if batch is None else batch
    if jobs > batch:
        note(
            f"note: values are chosen for {batch} trials at a time (`--batch`): so many run at once"
        )

    with KeptStudy.opened(plan, runs_dir, name, storage=storage, resume=resume) as kept:
        done = kept.taken()
        note(f"{'going on with' if done else 'study'} {kept.folder}: {_size(kept, trials)}")
        with _saying(kept), computing_on(cluster):
            search(
                kept,
                _Lines(kept, trials),
                trials=trials,
                seconds=seconds,
                batch=batch,
                jobs=jobs,
            )
        summary = summarise(kept)
        _finish(kept, summary, json=json)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `90`, `90s`, `30m`, `1h30m` or `0.5h`.

    Raises:
        UsageError: if it is none, or not above 0.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.replace(" ", ""))
    whole = "".join(value + unit for value, unit in parts)
    units = [unit for _, unit in parts]
    seconds = sum(float(value) * _UNITS[unit] for value, unit in parts)
    if not parts or whole != text.replace(" ", "") or len(set(units)) < len(units) or seconds <= 0:
        raise UsageError(f"`--timeout` is {text!r}", "write it as in 90s, 30m, 1h or 1h30m")
    return seconds


def _plan(experiment: "Experiment", data: Path | None) -> "Plan":
    """What is searched, after a look at all that could be wrong with it."""
    from lstmcast.api.fitting import settle
    from lstmcast.api.names import faulty_names
    from lstmcast.config import check_space
    from lstmcast.prices.selection import select_histories
    from lstmcast.prices.store import PriceStore

    histories = select_histories(PriceStore(data_dir(data)), experiment.data)
    resolved = settle(experiment, histories)
    from lstmcast.training.device import keep_freed_memory
    from lstmcast.training.prepare import pretrained_for
    from lstmcast.tuning import Plan, default_space

    space = default_space(experiment, pretrained=pretrained_for(resolved)[0] is not None)
    problems = check_space(experiment, space, faulty_names)
    if problems:
        count = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        raise ConfigError(f"`tuning.space` has {count}", problems=tuple(problems))
    if not experiment.training.epochs:
        raise ConfigError(
            "`training.epochs` is 0: nothing is trained, and there is nothing to tune",
            "set `training.epochs` to at least 1",
        )
    keep_freed_memory()
    tell_of_features(resolved, histories)
    return Plan(experiment, tuple(histories), space)


def _size(kept: "KeptStudy", trials: int) -> str:
    keys = len(kept.plan.space)
    done = f", {kept.taken()} done" if kept.taken() else ""
    return f"{keys} key{'s' * (keys != 1)}, {trials} trial{'s' * (trials != 1)}{done}"


@contextmanager
def _saying(kept: "KeptStudy") -> Iterator[None]:
    """When a signal ends the search, keep what there is, and say how to go on."""
    from lstmcast.tuning import summarise

    try:
        yield
    except KeyboardInterrupt:
        try:
            summary = summarise(kept, weigh=False)
            summary.write()
            note(f"{summary.counts['complete']} trials are kept; {summary.folder}/best.yaml is the")
            note("best configuration so far, and the same command goes on from here")
        except LstmcastError:
            note("no trial is complete; the same command goes on from here")
        raise


class _Lines:
    """A line for each trial, on stderr.

    Args:
        kept: the study.
        trials: that it is to have.
    """

    def __init__(self, kept: "KeptStudy", trials: int) -> None:
        self._kept, self._trials = kept, trials

    def on_start(self, loss: float) -> None:
        """The configuration as it stands was measured."""
        note(f"as it stands: validation loss {loss:.5f}")

    def on_trial(self, trial: "Tried") -> None:
        """Say what a trial came to, and how good the best one is."""
        if trial.state == "failed":
            came = f"failed: {trial.fault}"
        elif trial.loss is None:
            came = "pruned"
        else:
            came = f"validation loss {trial.loss:.5f}"
        values = ", ".join(
            f"{path.rpartition('.')[2]} {_shown(value)}" for path, value in trial.values.items()
        )
        note(
            f"trial {trial.number} ({self._kept.taken()} of {self._trials}): {came}"
            f"{self._best()}; {values}; {trial.seconds:.1f} s"
        )

    def _best(self) -> str:
        from lstmcast.errors import TrainingError
        from lstmcast.tuning import summarise

        try:
            summary = summarise(self._kept, weigh=False)
        except TrainingError:
            return ""
        whose = "as it stands" if summary.number is None else f"trial {summary.number}"
        return f", best {summary.loss:.5f} ({whose})"


def _finish(kept: "KeptStudy", summary: "Summary", *, json: bool) -> None:
    """Write what the search came to, draw it, and say it."""
    summary.write()
    charts = _draw(summary)
    if json:
        print_json(summary.to_dict())
    else:
        _print(kept, summary)
    for chart in charts:
        note(f"wrote {chart}")
    note(f"next: lstmcast train --config {summary.folder / 'best.yaml'}")


def _draw(summary: "Summary") -> list[Path]:
    from lstmcast.plots import save_figure, tuning_history_chart, tuning_importance_chart

    charts = []
    folder = summary.folder / "charts"
    if summary.counts["complete"]:
        figure = tuning_history_chart(
            summary.trials, start=summary.start, details=f"study {summary.study}"
        )
        charts.append(save_figure(figure, folder / "history.png"))
    if summary.importances:
        figure = tuning_importance_chart(summary.importances, details=f"study {summary.study}")
        charts.append(save_figure(figure, folder / "importance.png"))
    return charts


def _print(kept: "KeptStudy", summary: "Summary") -> None:
    """The keys with their values before and now, and what that gains."""
    counts = ", ".join(f"{count} {name}" for name, count in summary.counts.items() if count)
    table = figures(
        f"Study {summary.study}: {counts or 'no trials'}",
        "importance: share of what separates the best quarter of trials from all (PED-ANOVA)"
        if summary.importances
        else None,
    )
    table.add_column("", no_wrap=True)
    for name in ("as it stands", "best", *(("importance",) if summary.importances else ())):
        table.add_column(name, justify="right")
    for path in kept.plan.space:
        row = [path, _shown(_before(kept.plan.experiment, path))]
        row.append(_shown(summary.values[path]) if summary.number is not None else "")
        if summary.importances:
            share = summary.importances.get(path)
            row.append("-" if share is None else f"{share:.0%}")
        table.add_row(*row)
    start = float("nan") if summary.start is None else summary.start
    blank = [""] if summary.importances else []
    table.add_row("validation loss", number(start, 5), number(summary.loss, 5), *blank)
    print_table(table)
    if summary.number is None:
        note("no trial is better than the configuration as it stands")
        return
    note(
        f"the best of {summary.chosen_from} configurations: part of its gain on validation is "
        "selection bias; the test part was not used"
    )


def _before(experiment: "Experiment", path: str) -> object:
    value: object = experiment
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _shown(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    if value is None:
        return "default"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

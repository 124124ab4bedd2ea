"""`lstmcast evaluate`: the test forecasts of a run beside the baselines, and a verdict."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast import __version__
from lstmcast.cli.clusters import computing_on, require_cluster
from lstmcast.cli.console import note, print_json
from lstmcast.cli.options import (
    RUNS_DIR,
    Baselines,
    Cluster,
    DataDir,
    FailUnless,
    Json,
    RunOrWalk,
    RunsDir,
    data_dir,
)
from lstmcast.cli.result_files import result_path
from lstmcast.cli.run_access import open_run, open_walk
from lstmcast.cli.verdict import print_report
from lstmcast.cli.workers import load_baselines
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.baselines import Refit
    from lstmcast.evaluation import Report
    from lstmcast.run import Run


METRICS = "metrics.json"


class RefitOption(StrEnum):
    """How often the baselines are fitted."""

    never = "never"
    yearly = "yearly"
    quarterly = "quarterly"
    monthly = "monthly"


_FITTED = {
    RefitOption.never: "fitted once, on all sessions before the first forecast",
    RefitOption.yearly: "fitted again each year, on all sessions before it",
    RefitOption.quarterly: "fitted again each quarter, on all sessions before it",
    RefitOption.monthly: "fitted again each month, on all sessions before it",
}


def evaluate(
    run: RunOrWalk = None,
    baselines: Baselines = None,
    refit: Annotated[
        RefitOption,
        typer.Option(
            metavar="PERIOD",
            help="Fit the baselines once (never), or again yearly, quarterly or monthly.",
        ),
    ] = RefitOption.never,
    fail_unless: FailUnless = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help="Also print further scores, the median, coverage by year and value at risk.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 uses every core.")] = 0,
    cluster: Cluster = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Score the test forecasts against random walk, EWMA, GARCH, HAR and more; give a verdict."""
    asked = None if baselines is None else [name.strip() for name in baselines.split(",")]
    walk = open_walk(run, runs_dir)
    if walk is None:
        opened = open_run(run, runs_dir)
        if cluster is None:
            load_baselines(len(opened.symbols), asked, jobs)

    from lstmcast.baselines import BASELINES, get_baseline
    from lstmcast.evaluation import check_conditions, parse_conditions
    from lstmcast.files import to_json, write_atomically
    from lstmcast.seals import sealed_values

    names = [*BASELINES] if asked is None else asked
    for name in names:
        get_baseline(name)
    parse_conditions(fail_unless or [], names)
    if walk is not None:
        from lstmcast.cli.walks import evaluate_walk

        if refit is not RefitOption.never:
            raise UsageError(
                f"`--refit` {refit.value} is for runs: in a walk every fold fits its baselines",
                "leave it out",
            )
        evaluate_walk(walk, data_dir(data), asked, fail_unless or [], details=details, json=json)
        return
    require_cluster(cluster)
    parse_conditions(fail_unless or [], names, opened.experiment().target.horizon)
    with computing_on(cluster):
        report = evaluate_run(
            opened,
            data_dir(data),
            baselines=names,
            refit=refit.value,
            jobs=jobs,
            cached=cluster is None,
        )
    metrics = sealed_values(
        {
            **report.to_dict(),
            "refit": refit.value,
            "baselines_asked_for": names,
            "lstmcast": __version__,
        },
        opened.owner,
    )
    # Shown first: a folder that cannot be written should not cost the answer.
    if json:
        print_json(metrics)
    else:
        print_report(report, _FITTED[refit], details=details)
    _tell_of_lost_networks(opened)
    place = result_path(opened.path / METRICS, metrics, _is_whole)
    if place.name == METRICS:
        opened.write_metrics(metrics)
    else:
        write_atomically(place, to_json(metrics))
    check_conditions(report, fail_unless or [])


def _is_whole(metrics: Mapping[str, Any]) -> bool:
    """Whether every baseline was asked for; older versions do not say, and may have."""
    from lstmcast.baselines import BASELINES

    asked = metrics.get("baselines_asked_for", BASELINES)
    return "forecasters" in metrics and set(BASELINES) <= set(asked)


def _tell_of_lost_networks(run: "Run") -> None:
    """Say so where a training was cut short or lost networks: the verdict is on what is left."""
    from lstmcast.config import groups_of

    kept = len(run.record.get("member_seeds", ()))
    wanted = sum(group.model.members for group in groups_of(run.experiment()))
    if run.record.get("status") == "interrupted":
        note(f"note: training was interrupted; the run has {kept} of {wanted} networks")
    elif run.record.get("diverged_members"):
        note(f"note: {wanted - kept} of {wanted} networks diverged and are left out")


def evaluate_run(
    run: "Run",
    store_folder: Path,
    *,
    baselines: Sequence[str] | None = None,
    refit: "Refit" = "never",
    jobs: int = 0,
    cached: bool = True,
) -> "Report":
    """Evaluate a run's stored predictions, with the fits of baselines kept beside the prices."""
    from lstmcast.api.evaluation import evaluate_run as evaluate_on
    from lstmcast.api.evaluation import fit_cache
    from lstmcast.prices.store import PriceStore

    store = PriceStore(store_folder)
    cache = fit_cache(store) if cached else None
    return evaluate_on(run, store, baselines=baselines, refit=refit, jobs=jobs, cache=cache)

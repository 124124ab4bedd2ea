"""What `lstmcast report` shows of a walk of `backtest`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.report_parts import checks_of, chosen, facts, judged_sections, title

if TYPE_CHECKING:
    from lstmcast.evaluation.backtest import SavedWalk
    from lstmcast.prices.history import PriceHistory
    from lstmcast.report import Page, Section


def walk_page(walk: "SavedWalk", store_folder: Path, symbols: Sequence[str] | None) -> "Page":
    """Everything that is known of a walk; `symbols` as for a run.

    Raises:
        UsageError: if a symbol is not in the walk.
        RunError: if the walk is damaged.
        StoreError: if its prices are no longer stored.
    """
    from lstmcast.cli.walk_tables import FITTED
    from lstmcast.prices.store import PriceStore
    from lstmcast.report import Page, headline, walk_section

    shown = chosen([entry.symbol for entry in walk.symbols], symbols, walk.name)
    histories = walk.histories(PriceStore(store_folder))
    found = walk.report(histories)
    verdict, findings, tiles = headline(found.report)
    by_name = {history.symbol: history for history in histories}
    sections = judged_sections(found.report, walk.predictions(), by_name, shown, FITTED)
    folds = [fold.first_origin for fold in walk.folds]
    if (section := walk_section(found, folds)) is not None:
        sections.insert(1, section)
    sections += [_walk_data(histories), _walk_again(walk)]
    return Page(
        title=title(list(by_name)),
        kind="walk",
        name=walk.name,
        facts=[*facts(found.report)[-1:], f"Trained {len(walk.folds)} times"],
        verdict=verdict,
        findings=findings,
        tiles=tiles,
        sections=sections,
        notes=found.report.notes,
    )


def _walk_data(histories: "Sequence[PriceHistory]") -> "Section":
    from lstmcast.report import data_section

    described = [
        {
            "symbol": history.symbol,
            "source": history.source,
            "rows": len(history),
            "first": f"{history.first:%Y-%m-%d}",
            "last": f"{history.last:%Y-%m-%d}",
            "sha256": history.sha256,
        }
        for history in histories
    ]
    return data_section(described, {}, {}, checks_of(histories))


def _walk_again(walk: "SavedWalk") -> "Section":
    from lstmcast import __version__
    from lstmcast.config import dump_experiment
    from lstmcast.prices.store import fetch_command
    from lstmcast.report import configuration_section

    sources: dict[str, list[str]] = {}
    for entry in walk.symbols:
        sources.setdefault(entry.source, []).append(entry.symbol)
    commands = [fetch_command(source, *names).strip("`") for source, names in sources.items()]
    commands += [
        f"lstmcast backtest --config {walk.name}/config.yaml {walk.options}".rstrip(),
        f"lstmcast report {walk.name}",
    ]
    parts = [
        (
            f"fold {fold.number}",
            " to ".join(f"{day:%Y-%m-%d}" for day in (fold.first_origin, fold.last_outcome)),
        )
        for fold in walk.folds
    ]
    return configuration_section(
        commands, dump_experiment(walk.config), [("lstmcast", __version__), *parts]
    )

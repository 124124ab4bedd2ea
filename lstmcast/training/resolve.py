"""The choices that an experiment leaves open, made once and written out.

Which features, which head, which source and which dates depends on the prices. What is chosen here
is what the run keeps in `config.yaml`, so that it trains the same run again, also when newer prices
have been fetched. Everything after this module works with a resolved experiment.
"""

from collections.abc import Collection, Sequence

from lstmcast.config import Experiment, Pool, SplitDates, groups_of
from lstmcast.dataset import Boundaries
from lstmcast.errors import ConfigError
from lstmcast.features import default_groups
from lstmcast.nn import HEADS, NETWORKS
from lstmcast.prices.history import PriceHistory


def resolve_experiment(experiment: Experiment, histories: Sequence[PriceHistory]) -> Experiment:
    """Fill in the choices that were left open, and check those that depend on one another.

    Args:
        experiment: as it was written.
        histories: its prices, one per symbol.

    Returns:
        The experiment with its source, features and heads. A resolved one comes back as it is.

    Raises:
        ConfigError: for a network or head that does not exist or does not fit the target.
    """
    price = experiment.target.kind == "price"
    features = experiment.features
    if features is None:
        features = ("price",) if price else default_groups(histories)
    default_head = "point" if price else "student_t"
    model = experiment.model
    variants = tuple(
        variant.model_copy(update={"head": default_head}) if variant.head == "auto" else variant
        for variant in model.variants
    )
    head = default_head if model.head == "auto" else model.head
    resolved = experiment.model_copy(
        update={
            "data": experiment.data.model_copy(update={"source": histories[0].source}),
            "features": tuple(features),
            "model": model.model_copy(update={"head": head, "variants": variants}),
        }
    )
    groups = groups_of(resolved)
    for number, group in enumerate(groups):
        _check_group(group, "model.variants" if number else "model")
    _check_pool(model.pool, [group.model.head for group in groups])
    return resolved


def _check_group(group: Experiment, key: str) -> None:
    """The network, head and features of like members exist and fit the target."""
    features, head = group.features or (), group.model.head
    price = group.target.kind == "price"
    if price and "price" not in features:
        raise ConfigError(
            f"`target.kind` price needs the feature group `price`, got {', '.join(features)}",
            "add `price` to `features`, or use `target.kind: log_return`",
        )
    check_network(f"{key}.network", group.model.network)
    check_head(f"{key}.head", head)
    if price and HEADS[head].is_distribution:
        raise ConfigError(
            f"`{key}.head` {head} forecasts returns and does not fit `target.kind` price",
            f"use `{key}.head: point`, or `target.kind: log_return`",
        )


def _check_pool(pool: Pool, heads: Sequence[str]) -> None:
    """Points and distributions do not go into one pool."""
    kinds = {HEADS[name].is_distribution for name in heads}
    if len(kinds) > 1:
        raise ConfigError(
            f"`model.variants` mixes the heads {', '.join(dict.fromkeys(heads))}, and a single "
            "number cannot be pooled with a distribution",
            "leave `point` out, or use it for all",
        )
    if kinds == {False} and (pool.method != "equal" or pool.baselines):
        asked = ", ".join(pool.baselines) if pool.baselines else f"method {pool.method}"
        raise ConfigError(
            f"`model.pool` asks for {asked}, and `model.head` {heads[0]} states no distribution",
            "use another `model.head`, or leave `model.pool` out",
        )


def pin_dates(
    experiment: Experiment, histories: Sequence[PriceHistory], boundaries: Boundaries
) -> Experiment:
    """Write the first and last session and the split's dates into the experiment."""
    data = experiment.data.model_copy(
        update={
            "start": min(history.first for history in histories).date(),
            "end": max(history.last for history in histories).date(),
        }
    )
    split = SplitDates(
        train_end=boundaries.train_end.date(),
        validation_end=boundaries.validation_end.date(),
        test_end=boundaries.test_end.date(),
    )
    return experiment.model_copy(update={"data": data, "split": split})


def check_network(key: str, found: str) -> None:
    """Make sure that there is a network of that name.

    Raises:
        ConfigError: naming those that there are.
    """
    _check_choice(key, found, NETWORKS)


def check_head(key: str, found: str) -> None:
    """Make sure that there is a head of that name; `auto` is one.

    Raises:
        ConfigError: naming those that there are.
    """
    if found != "auto":
        _check_choice(key, found, HEADS)


def _check_choice(key: str, found: str, choices: Collection[str]) -> None:
    if found not in choices:
        raise ConfigError(
            f"`{key}` is {found!r}, which does not exist", f"choose one of {', '.join(choices)}"
        )

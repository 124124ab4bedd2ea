"""One experiment: what is forecast, from which prices, by which network, trained how.

An experiment is one frozen model and one YAML file. Values come from the file, then from
`--set a.b=c`, each overriding the one before.
"""

from lstmcast.config.defaults import default_experiment, name_for, template
from lstmcast.config.differences import differences
from lstmcast.config.memory import require_memory
from lstmcast.config.models import (
    Calibration,
    Data,
    Experiment,
    Model,
    Pool,
    Split,
    SplitDates,
    SplitFractions,
    Target,
    Training,
    Variant,
    groups_of,
)
from lstmcast.config.reading import dump_experiment, dump_given, load_experiment, parse_experiment
from lstmcast.config.settings import experiment_with
from lstmcast.config.space import check_space, with_values
from lstmcast.config.tuning import Choices, Interval, Tuning, Values

__all__ = [
    "Calibration",
    "Choices",
    "Data",
    "Experiment",
    "Interval",
    "Model",
    "Pool",
    "Split",
    "SplitDates",
    "SplitFractions",
    "Target",
    "Training",
    "Tuning",
    "Values",
    "Variant",
    "check_space",
    "default_experiment",
    "differences",
    "dump_experiment",
    "dump_given",
    "experiment_with",
    "groups_of",
    "load_experiment",
    "name_for",
    "parse_experiment",
    "require_memory",
    "template",
    "with_values",
]

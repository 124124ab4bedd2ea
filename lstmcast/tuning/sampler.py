"""Where the next values are looked for: by the trials before, from a seed of each trial's own.

The tree-structured Parzen estimator looks among values like those of the better trials. A sampler
that goes through one stream of random numbers would draw others in a study that was interrupted, or
that several processes share; here each trial's numbers follow from the seed and the trial's place.

Source: Bergstra, Bardenet, Bengio and Kegl (2011), Algorithms for hyper-parameter optimization.
"""

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

AT_RANDOM = 8
"""Trials before the estimator has anything to go by."""

INTERRUPTED = "interrupted"
"""Attribute of a trial that was cut off; another one has its place."""


class SeededSampler(BaseSampler):
    """A tree-structured Parzen estimator that begins anew, from its own seed, in every trial.

    Args:
        seed: of the study.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._inner: BaseSampler = TPESampler(n_startup_trials=AT_RANDOM, seed=seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin with the seed of the trial's place: what was interrupted before does not count."""
        failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        cut = sum(t.number < trial.number and INTERRUPTED in t.user_attrs for t in failed)
        state = np.random.SeedSequence((self._seed, trial.number - cut)).generate_state(1)
        self._inner = TPESampler(n_startup_trials=AT_RANDOM, seed=int(state[0]))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """As the estimator has it."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the estimator draws it."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """As the estimator draws it."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

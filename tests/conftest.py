"""Settings of the property tests, and one seed for all; a plugin checks shapes in `lstmcast.nn`.

The plugin is jaxtyping's, named in pyproject.toml: every test that calls a network also checks the
shapes in its annotations.
"""

import sys

import pytest
from hypothesis import Phase, settings

settings.register_profile(
    "lstmcast",
    deadline=None,  # a busy machine makes an example slow, which says nothing about the code
    # Phase.explain traces every line of pandas and torch: minutes for each failure.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
settings.load_profile("lstmcast")


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Begin each test at one seed, in whatever order tests run: what fails once fails again."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)

"""Settings of the property tests; the shapes of arrays in `lstmcast.nn` are checked by a plugin.

The plugin is jaxtyping's, named in pyproject.toml: every test that calls a network also checks the
shapes in its annotations.
"""

from hypothesis import Phase, settings

settings.register_profile(
    "lstmcast",
    deadline=None,  # a busy machine makes an example slow, which says nothing about the code
    # Phase.explain traces every line of pandas and torch: minutes for each failure.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
settings.load_profile("lstmcast")

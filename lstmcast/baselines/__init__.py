"""The standards that a model must beat: each forecasts the same rows from bars alone."""

"""The command line: the only place that knows typer and rich, and that turns errors into exits.

One module per command. They import what they need inside their functions, so that `--help` loads
neither torch nor pandas.
"""

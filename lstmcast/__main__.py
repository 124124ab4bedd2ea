"""`python -m lstmcast`: the same as the `lstmcast` command."""

import sys


def main() -> None:
    """Load the program and run it; a Ctrl-C while it loads ends it like any other."""
    try:
        from lstmcast.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()

"""`python -m lstmcast`: the same as the `lstmcast` command."""

import sys


def main() -> None:
    """Load the program and run it; a Ctrl-C while it loads ends it like any other."""
    try:
        from lstmcast.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError:  # too little even to load what would say so
        sys.stderr.write("error: the system gives no more memory\n")
        sys.exit(15)


if __name__ == "__main__":
    main()

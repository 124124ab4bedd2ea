"""`python -m lstmcast`: the same as the `lstmcast` command."""

from lstmcast.cli.app import main

if __name__ == "__main__":
    main()

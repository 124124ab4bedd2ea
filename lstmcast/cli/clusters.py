"""The `--cluster` option: a command's work on other machines."""

from collections.abc import Iterator
from contextlib import contextmanager

from lstmcast.cli.console import note


def require_cluster(address: str | None) -> None:
    """Fail before anything is read or written where a cluster cannot be used.

    Raises:
        UsageError: if the address is none.
        ClusterError: if Ray is not installed, or nobody answers there.
    """
    if address is not None:
        from lstmcast.cluster import require_answer

        require_answer(address)


@contextmanager
def computing_on(address: str | None) -> Iterator[None]:
    """Compute on a Ray cluster while the context is open; here where none is given.

    Raises:
        UsageError: if the address is none.
        ClusterError: if the cluster cannot be used.
    """
    if address is None:
        yield
        return
    from lstmcast.cluster import cluster

    with cluster(address, note):
        yield

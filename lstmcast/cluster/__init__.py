"""A Ray cluster as the backend of `lstmcast.parallel`: the same functions, on other machines.

    connection   joining a cluster, in bounded time and quietly, and leaving it
    versions     whether its machines have what this one has
    tasks        items as tasks: sent, repeated where a machine is lost, cancelled on Ctrl-C

What all items have in common is put into the cluster once; each item is a task of its own with as
many cores as it has threads, so that its result has the bits of a local one on the same kind of
processor. Data are sent: workers need the same versions of the packages, and no folder of prices or
runs.
"""

from lstmcast.cluster.connection import cluster, require_answer

__all__ = ["cluster", "require_answer"]

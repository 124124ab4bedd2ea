"""Whether the machines of a cluster have what this one has, by asking each of them."""

from collections.abc import Mapping
from typing import Any

from lstmcast.cluster.tasks import Tell, first_line, machines_of
from lstmcast.errors import ClusterError

PACKAGES = ("lstmcast", "torch", "numpy", "pandas", "scipy")
"""Whose versions a result depends on."""

PATIENCE = 60.0
"""Seconds in which each machine must say what it has."""


def require_same_versions(ray: Any, tell: Tell) -> None:
    """Ask every machine what it has.

    Raises:
        ClusterError: naming the first difference; also if a machine does not say.
    """

    # A function inside of another one is sent as it is: a machine may have no lstmcast.
    def described(packages: tuple[str, ...]) -> dict[str, str]:
        import platform
        from importlib.metadata import PackageNotFoundError, version
        from pathlib import Path

        def of(package: str) -> str:
            try:
                return version(package)
            except PackageNotFoundError:
                return "not installed"

        try:
            lines = Path("/proc/cpuinfo").read_text().splitlines()
        except OSError:
            lines = []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return {
            "python": platform.python_version(),
            **{package: of(package) for package in packages},
            "processor": names[0] if names else platform.processor() or platform.machine(),
        }

    own = described(PACKAGES)
    machines = machines_of(ray)
    if not machines:
        raise ClusterError(
            "the cluster has no machine with a core to compute on",
            "start a worker with `ray start --address=HOST:PORT`",
        )
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(described)
    asked = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            PACKAGES
        ): where
        for node, (where, _) in machines.items()
    }
    answered, silent = ray.wait([*asked], num_returns=len(asked), timeout=PATIENCE)
    if silent:
        raise ClusterError(
            f"{asked[silent[0]]} of the cluster does not answer within {PATIENCE:g} s",
            "look at `ray status`, and end that machine's Ray with `ray stop`",
        )
    for answer in answered:
        try:
            there = ray.get(answer)
        except ray.exceptions.TaskUnschedulableError:
            # Lost a moment ago, which the cluster had not noticed: the others go on without it.
            tell(f"note: {asked[answer]} has left the cluster")
            continue
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"{asked[answer]} of the cluster cannot compute: {first_line(error)}",
                "look at its Ray's logs",
            ) from error
        compare(own, there, asked[answer], tell)


def compare(own: Mapping[str, str], there: Mapping[str, str], where: str, tell: Tell) -> None:
    """Compare what a machine has with what this one has.

    Raises:
        ClusterError: naming the first difference between versions.
    """
    for name in ("python", *PACKAGES):
        if own[name] != there[name]:
            what = "Python" if name == "python" else name
            raise ClusterError(
                f"{where} of the cluster has {what} {there[name]}, here it is {own[name]}",
                "install the same versions on all machines",
            )
    if own["processor"] != there["processor"]:
        tell(
            f"note: {where} has another processor ({there['processor']}): its results may differ "
            "from those computed here in the last digits"
        )

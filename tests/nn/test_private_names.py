"""Private functions of PyTorch that the package calls: a release may drop them without a word."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

import lstmcast

ROOT = Path(lstmcast.__file__).parent
PROJECT = ROOT.parent / "pyproject.toml"
PINS = ROOT.parent / "constraints.txt"


def called() -> dict[str, str]:
    """Names of `torch` that begin with an underscore, or are undocumented, by the calling file."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "torch"
                and (node.attr.startswith("_") or node.attr == "lstm")
            ):
                found[node.attr] = str(path.relative_to(ROOT))
    return found


ARGUMENTS = {
    "_fused_adamw_": (
        "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs", "state_steps", "lr", "beta1",
        "beta2", "weight_decay", "eps", "amsgrad", "maximize",
    ),
    "_foreach_mul_": ("other",),
    "_foreach_add_": ("scalar",),
    "_foreach_lerp_": ("weight",),
    "_use_cudnn_rnn_flatten_weight": (),
    "_cudnn_rnn_flatten_weight": (
        "weight_stride0", "input_size", "mode", "hidden_size", "proj_size", "num_layers",
        "batch_first", "bidirectional",
    ),
    "lstm": (
        "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first",
    ),
}  # fmt: skip
"""What is called, and the arguments that it is called with."""


def test_the_list_is_what_the_package_calls() -> None:
    assert called().keys() == ARGUMENTS.keys()


@pytest.mark.parametrize("name", ARGUMENTS)
def test_pytorch_still_has_what_is_called(name: str) -> None:
    """Says which of them is gone, or takes other arguments, before any training fails on it."""
    assert hasattr(torch, name), f"PyTorch {torch.__version__} has no torch.{name}"
    schemas = torch._C._jit_get_schemas_for_operator(f"aten::{name}")
    taken = [{argument.name for argument in schema.arguments} for schema in schemas]
    wanted = set(ARGUMENTS[name])
    missing = min((wanted - arguments for arguments in taken), key=len, default=wanted)
    assert not missing, f"torch.{name} of PyTorch {torch.__version__} lacks {sorted(missing)}"


def test_pytorch_is_bounded_by_what_was_tried() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    (wanted,) = [
        requirement
        for requirement in map(Requirement, project["dependencies"])
        if requirement.name == "torch"
    ]
    found = re.search(r"^torch==(\d+)\.(\d+)\.\S+$", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    major, minor = map(int, found.groups())
    assert wanted.specifier.contains(f"{major}.{minor}.9")
    assert not wanted.specifier.contains(f"{major}.{minor + 1}.0")

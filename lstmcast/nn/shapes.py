"""Shape checks for the places where a wrong array would broadcast silently.

A `(1, 5)` state added to a `(64, 5)` input is no error to PyTorch, only a wrong answer. The public
modules of this package therefore check what they are given and name the argument. The annotations
say the same for the reader, and the test suite enforces those for every network and shape.
"""

import torch


def require_shape(name: str, value: torch.Tensor, expected: tuple[str | int, ...]) -> None:
    """Check the shape of an argument.

    Args:
        name: the argument, as the caller knows it.
        value: what was passed.
        expected: one entry an axis: a number is the exact length, a word any length of at least 1.

    Raises:
        ValueError: the number of axes or the length of one of them is wrong.
    """
    fits = value.dim() == len(expected) and all(
        length == wanted if isinstance(wanted, int) else length > 0
        for length, wanted in zip(value.shape, expected, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(axis) for axis in expected)
        raise ValueError(f"`{name}` must have shape ({wanted}), got {tuple(value.shape)}")

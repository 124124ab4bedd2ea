"""Shapes in annotations, checked once for each module and each combination of shapes.

A training calls the same network hundreds of times with arrays of the same shapes, and to check
each call takes longer than the call itself. What a call may depend on beside shapes is told apart
as well: types of numbers, plain arguments, and whether a module is training.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import torch

PLAIN = (bool, int, float, str, torch.dtype, torch.device, type(None))


def checked_once(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator as `jaxtyping.jaxtyped`, whose functions are not checked again where they were.

    Args:
        jaxtyped: checks every call.
    """

    def decorator(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
        check = jaxtyped(typechecker=typechecker)

        def decorated(function: Any) -> Any:
            return check(function) if isinstance(function, type) else _once(function, check)

        return decorated

    return decorator


def _once(function: Any, check: Callable[[Any], Any]) -> Any:
    checked = check(function)
    if not callable(function):  # a property, a class method
        return checked
    fine: WeakKeyDictionary[torch.nn.Module, set[Hashable]] = WeakKeyDictionary()
    without_module: set[Hashable] = set()

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        here = without_module
        if args and isinstance(args[0], torch.nn.Module):
            here = fine.setdefault(args[0], set())
        key = _shapes((*args, *kwargs.items()))
        if key is None:
            return checked(*args, **kwargs)
        if key in here:
            return function(*args, **kwargs)
        result = checked(*args, **kwargs)
        here.add(key)
        return result

    return called


def _shapes(value: Any) -> Hashable:
    """What a check of the value can depend on; None where that cannot be told."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, (tuple, list)):
        parts = (type(value), *map(_shapes, value))
        return None if None in parts else parts
    if isinstance(value, torch.nn.Module):
        return type(value), getattr(value, "training", None)
    return torch.Generator if isinstance(value, torch.Generator) else None

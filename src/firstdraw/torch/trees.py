"""Tensors in any nesting of containers, as models take and return them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from firstdraw.torch.library import Tensor, pytorch

__all__ = ["mapped", "named_tensors", "tensors_in"]

# What is nested deeper is no value that a model is called with.
DEEPEST: Final = 20


def tensors_in(value: object, depth: int = DEEPEST) -> Iterator[Tensor]:
    """Yield the tensors in a value: itself, or those in its mappings, sequences, sets and dataclasses.

    Args:
        value: anything.
        depth: how many containers deep to look.
    """
    for _, tensor in named_tensors("", value, depth):
        yield tensor


def named_tensors(name: str, value: object, depth: int = DEEPEST) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in a value with where they stand in it, as an expression writes it: `args[0]["mask"]`.

    Args:
        name: that of the value.
        value: anything.
        depth: how many containers deep to look.
    """
    if isinstance(value, pytorch().Tensor):
        yield name, value
    elif depth:
        for place, item in _items(value):
            yield from named_tensors(name + place, item, depth - 1)


def _items(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", item) for key, item in cast("Mapping[object, object]", value).items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{i}]", item) for i, item in enumerate(cast("list[object]", value)))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((f".{field.name}", getattr(value, field.name, None)) for field in fields(value))


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401  # of the type that came
    """Return a value like `value` with every floating-point tensor in it replaced.

    Args:
        value: anything; its mappings and sequences are made anew, other containers stay as they are.
        change: what makes a tensor of a tensor.
    """
    kind: Any = value.__class__
    if isinstance(value, pytorch().Tensor):
        tensor: Tensor = value
        return change(tensor) if tensor.is_floating_point() else tensor
    if isinstance(value, Mapping):
        made: dict[Any, Any] = {key: mapped(item, change) for key, item in cast("Mapping[Any, Any]", value).items()}
        return made if kind is dict else kind(**made)
    if isinstance(value, list | tuple):
        items = [mapped(item, change) for item in cast("list[Any]", value)]
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    return value

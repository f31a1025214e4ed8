"""Tensors in any nesting of containers, as models take and return them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from firstdraw.torch.library import Tensor, pytorch

__all__ = ["is_dense", "items", "mapped", "moved", "named_tensors", "tensors_in"]

# What is nested deeper is no value that a model is called with.
DEEPEST: Final = 20


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has an own number at each of its places: none is sparse, nested, or seen through `vmap`."""
    torch = pytorch()
    return tensor.layout == torch.strided and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


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
        for place, item in items(value):
            yield from named_tensors(name + place, item, depth - 1)


def items(value: object) -> Iterator[tuple[str, object]]:
    """Yield what a container holds with where it stands in it: the items of a mapping or a sequence, or fields."""
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", item) for key, item in cast("Mapping[object, object]", value).items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{i}]", item) for i, item in enumerate(cast("list[object]", value)))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((f".{field.name}", getattr(value, field.name, None)) for field in fields(value))


def mapped(  # the result is of the type that came
    value: Any,  # noqa: ANN401
    change: Callable[[Tensor], Tensor],
    *,
    only_floating: bool = True,
) -> Any:  # noqa: ANN401
    """Return a value like `value` with every floating-point tensor in it replaced.

    Args:
        value: anything; its mappings and sequences are made anew, other containers stay as they are.
        change: what makes a tensor of a tensor.
        only_floating: whether tensors of integers and truth values stay as they are.
    """
    kind: Any = value.__class__
    if isinstance(value, pytorch().Tensor):
        tensor: Tensor = value
        return change(tensor) if tensor.is_floating_point() or not only_floating else tensor
    if isinstance(value, Mapping):
        made: dict[Any, Any] = {
            key: mapped(item, change, only_floating=only_floating)
            for key, item in cast("Mapping[Any, Any]", value).items()
        }
        return made if kind is dict else kind(**made)
    if isinstance(value, list | tuple):
        items = [mapped(item, change, only_floating=only_floating) for item in cast("list[Any]", value)]
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    return value


def moved(value: Any, device: Any) -> Any:  # noqa: ANN401  # of the type that came
    """Return a value with all of its tensors on a device; the value itself where they are there already.

    Args:
        value: anything; tensors and what moves itself by `to` are asked to, mappings and sequences are made anew.
        device: one of PyTorch.
    """
    if all(tensor.device == device for tensor in tensors_in(value)) and not _moves_itself(value):
        return value
    kind: Any = value.__class__
    if isinstance(value, pytorch().Tensor) or _moves_itself(value):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: moved(item, device) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        items = [moved(item, device) for item in cast("list[Any]", value)]
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    return value


def _moves_itself(value: Any) -> bool:  # noqa: ANN401
    """Whether a value that is no tensor has the method by which it moves, as tokenizers' batches do."""
    return not isinstance(value, pytorch().Tensor) and callable(getattr(value, "to", None))

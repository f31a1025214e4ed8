"""A block of code after which a model is bit for bit what it was before, however the block ends.

Copying every parameter beforehand would take the model's memory once more. A copy is made of what is about to be
written to instead: PyTorch tells before each operation which of its arguments it changes. The running statistics of
normalizations are the exception, which its kernels change without saying so: buffers are copied beforehand.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from firstdraw.torch.generators import generator_state, random_states
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.trees import items, tensors_in
from firstdraw.torch.watching import copies_before_writes, memories

__all__ = ["preserved", "untouched_gradients"]

CONTAINERS: Final = (dict, OrderedDict, defaultdict, list, set, deque)
# How many containers deep an attribute of a module is looked into.
DEEPEST: Final = 3
Undo = Callable[[], None]


@contextmanager
def preserved(modules: Sequence[Module], values: object) -> Generator[None]:
    """Undo, at the end of the block, whatever it changed.

    Restored are the modules' attributes and the contents of their containers (parameters, buffers, submodules, hooks,
    training flags, caches), the numbers in all tensors that these hold, gradients, and the states of the random number
    generators of PyTorch, NumPy and Python. Hooks that wait for accumulated gradients do not run inside the block: an
    optimizer may be at work in them.

    Args:
        modules: the models, with all that they contain.
        values: what they are called with, in any nesting; the tensors in it are preserved too.
    """
    torch = pytorch()
    parts = _modules_in(modules)
    held = {id(tensor): tensor for tensor in (*_tensors_of(parts), *tensors_in(values))}
    undoing = [
        *(_attributes(part) for part in parts),
        *(_tensor(tensor) for tensor in held.values()),
        *random_states(),
        *(
            generator_state(value)
            for part in parts
            for value in part.__dict__.values()
            if isinstance(value, torch.Generator)
        ),
    ]
    memory = copies_before_writes(list(held.values()))
    for part in parts:
        for buffer in part.__dict__["_buffers"].values():
            if buffer is not None:
                memory.keep(buffer)
    try:
        _without_gradients(held.values())
        with memory:
            yield
    except BaseException:
        _begin_anew(parts)
        raise
    finally:
        for undo in reversed(undoing):
            undo()
        memory.restore()


def _begin_anew(parts: Iterable[Module]) -> None:
    """Tell the modules that `fully_shard` splits that a pass has ended: they keep in mind what they have gathered."""
    for part in parts:
        if hasattr(part, "reset_iter_state"):
            # Only the outermost knows.
            with suppress(RuntimeError):
                part.reset_iter_state()
        elif type(part).__name__.startswith("FSDP"):
            part.reshard()


@contextmanager
def untouched_gradients(result: Tensor, besides: Iterable[Tensor]) -> Generator[None]:
    """Give the leaves of a graph, at the end of the block, the gradients that they had before.

    Tensors that a model computes with but does not hold, as the layers in a list, are found in no other way.

    Args:
        result: what the graph computes.
        besides: the leaves that gradients are wanted of.
    """
    wanted = {id(tensor) for tensor in besides}
    leaves = [leaf for leaf in _leaves(result) if id(leaf) not in wanted]
    undoing = [_tensor(leaf) for leaf in leaves]
    try:
        _without_gradients(leaves)
        yield
    finally:
        for undo in undoing:
            undo()


def _leaves(result: Tensor) -> Iterator[Tensor]:
    seen: set[Any] = set()
    waiting: list[Any] = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "AccumulateGrad":
            yield node.variable
        waiting.extend(before for before, _ in node.next_functions)


def _without_gradients(tensors: Iterable[Tensor]) -> None:
    for tensor in tensors:
        if tensor.grad_fn is None:
            tensor.grad = None
        for hooks in _accumulation_hooks(tensor):
            hooks.clear()


def _modules_in(modules: Iterable[Module]) -> list[Module]:
    """Return modules with all that they hold, in lists and dictionaries too, where PyTorch does not see them."""
    found: dict[int, Module] = {}
    waiting: list[tuple[object, int]] = [(module, DEEPEST) for module in modules]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, pytorch().nn.Module):
            if id(value) not in found:
                found[id(value)] = value
                waiting += [(item, DEEPEST) for item in value.__dict__.values()]
        elif depth:
            waiting += [(item, depth - 1) for _, item in items(value)]
    return list(found.values())


def _tensors_of(parts: Sequence[Module]) -> Iterator[Tensor]:
    """Yield the tensors that modules hold: as parameters, as buffers, or as they are, with their gradients."""
    for part in parts:
        held: dict[str, object] = part.__dict__
        for tensor in tensors_in(held, depth=DEEPEST):
            yield tensor
            if tensor.grad_fn is None and tensor.grad is not None:
                yield tensor.grad


def _attributes(part: Module) -> Undo:
    """Return what gives a module its attributes back, and their containers, which stay the same objects."""
    attributes: dict[str, Any] = dict(part.__dict__)
    contents: list[tuple[Any, Any]] = [
        (value, value.copy()) for value in attributes.values() if type(value) in CONTAINERS
    ]

    def undo() -> None:
        now: dict[str, Any] = part.__dict__
        for name in now.keys() - attributes.keys():
            del now[name]
        now.update(attributes)
        for container, content in contents:
            container.clear()
            if type(container) in {list, deque}:
                container.extend(content)
            else:
                container.update(content)

    return undo


def _accumulation_hooks(tensor: Tensor) -> Iterator[dict[Any, Any]]:
    hooks = getattr(tensor, "_post_accumulate_grad_hooks", None)
    if hooks:
        yield hooks


def _tensor(tensor: Tensor) -> Undo:
    """Return what gives a tensor its memory, its gradient and its flags back."""
    leaf, alias, trainable = tensor.grad_fn is None, tensor.detach(), tensor.requires_grad
    gradient = tensor.grad if leaf else None
    hooks = [(kept, dict(kept)) for kept in _accumulation_hooks(tensor)]

    def undo() -> None:
        if _place(tensor) != _place(alias):
            tensor.data = alias
        if leaf:
            tensor.requires_grad_(trainable)
            tensor.grad = gradient
        for kept, content in hooks:
            kept.update(content)

    return undo


def _place(tensor: Tensor) -> list[tuple[Any, ...]]:
    """Return where a tensor's numbers lie, and in which order."""
    return [(part.data_ptr(), part.shape, part.stride()) for part in memories(tensor)]

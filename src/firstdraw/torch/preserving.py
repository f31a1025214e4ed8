"""A block of code after which a model is bit for bit what it was before, however the block ends.

Copying every parameter beforehand would take the model's memory once more. A copy is made of what is about to be
written to instead: PyTorch tells before each operation which of its arguments it changes. The running statistics of
normalizations are the exception, which its kernels change without saying so: buffers are copied beforehand.
"""

from __future__ import annotations

import importlib
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import numpy as np

from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.trees import tensors_in

__all__ = ["preserved", "seeded"]

CONTAINERS: Final = (dict, OrderedDict, defaultdict, list, set, deque)
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
    parts = list({id(part): part for module in modules for part in module.modules()}.values())
    held = {id(tensor): tensor for tensor in (*_tensors_of(parts), *tensors_in(values))}
    undoing = [
        *(_attributes(part) for part in parts),
        *(_tensor(tensor) for tensor in held.values()),
        *_generators(torch),
        *(
            _generator(value)
            for part in parts
            for value in part.__dict__.values()
            if isinstance(value, torch.Generator)
        ),
    ]
    memory = _watcher()([tensor for tensor in held.values() if _has_memory(torch, tensor)])
    for part in parts:
        for buffer in part.__dict__["_buffers"].values():
            if buffer is not None and _has_memory(torch, buffer):
                memory.keep(buffer)
    try:
        for tensor in held.values():
            if tensor.grad_fn is None:
                tensor.grad = None
            for hooks in _accumulation_hooks(tensor):
                hooks.clear()
        with memory:
            yield
    finally:
        for undo in reversed(undoing):
            undo()
        memory.restore()


def _tensors_of(parts: Sequence[Module]) -> Iterator[Tensor]:
    """Yield the tensors that modules hold: as parameters, as buffers, or as they are, with their gradients."""
    for part in parts:
        held: dict[str, object] = part.__dict__
        for tensor in tensors_in(held, depth=3):
            yield tensor
            if tensor.grad_fn is None and tensor.grad is not None:
                yield tensor.grad


def _has_memory(torch: Any, tensor: Tensor) -> bool:  # noqa: ANN401
    plain = type(tensor) in {torch.Tensor, torch.nn.Parameter, torch.nn.Buffer}
    return plain and tensor.layout == torch.strided and not tensor.is_meta


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
        moved = (tensor.shape, tensor.stride()) != (alias.shape, alias.stride()) if _strided(tensor) else False
        if moved or _address(tensor) != _address(alias):
            tensor.data = alias
        if leaf:
            tensor.requires_grad_(trainable)
            tensor.grad = gradient
        for kept, content in hooks:
            kept.update(content)

    return undo


def _strided(tensor: Tensor) -> bool:
    return tensor.layout == pytorch().strided


def _address(tensor: Tensor) -> int:
    return tensor.data_ptr() if _has_memory(pytorch(), tensor) else 0


def _generators(torch: Any) -> Iterator[Undo]:  # noqa: ANN401
    python, legacy, host = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield lambda: random.setstate(python)
    yield lambda: np.random.set_state(legacy)  # noqa: NPY002
    yield lambda: torch.set_rng_state(host)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        devices = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(devices)
    if torch.backends.mps.is_available():
        metal = torch.mps.get_rng_state()
        yield lambda: torch.mps.set_rng_state(metal)


def _generator(generator: Any) -> Undo:  # noqa: ANN401  # one of PyTorch
    state = generator.get_state()
    return lambda: generator.set_state(state)


def seeded(seed: int) -> None:
    """Seed the generators of PyTorch that are at work; one of a device that is not yet is left as it is.

    Args:
        seed: an integer from 0 to 2^64 - 1.
    """
    torch = pytorch()
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


@cache
def _watcher() -> Any:  # noqa: ANN401  # a class whose base is known once PyTorch is imported
    """Return the class of what copies memory before it is written to."""
    torch = pytorch()
    dispatch: Any = importlib.import_module("torch.utils._python_dispatch")

    class CopyBeforeWrite(dispatch.TorchDispatchMode):
        """Copies the memory of tensors before an operation changes it.

        Args:
            tensors: those whose memory is to be restored.
        """

        def __init__(self, tensors: Sequence[Tensor]) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            storages = (tensor.untyped_storage() for tensor in tensors)
            self._storages: dict[int, Any] = {storage.data_ptr(): storage for storage in storages}
            self._storages.pop(0, None)
            self._copies: dict[int, Any] = {}

        def keep(self, tensor: Tensor) -> None:
            """Copy a tensor's memory, unless it is not to be restored or has been copied."""
            address = tensor.untyped_storage().data_ptr()
            if address in self._storages and address not in self._copies:
                self._copies[address] = self._storages[address].clone()

        def restore(self) -> None:
            """Write back what was copied."""
            for address, copy in self._copies.items():
                self._storages[address].copy_(copy)

        def __torch_dispatch__(
            self,
            func: Any,  # noqa: ANN401
            types: Any,  # noqa: ANN401
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            options = kwargs or {}
            schema = func._schema
            if schema.is_mutable:
                for position, argument in enumerate(schema.arguments):
                    if argument.alias_info is not None and argument.alias_info.is_write:
                        given = args[position] if position < len(args) else options.get(argument.name)
                        for tensor in tensors_in(given):
                            if _has_memory(torch, tensor):
                                self.keep(tensor)
            return func(*args, **options)

    return CopyBeforeWrite

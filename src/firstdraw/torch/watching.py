"""The memory of tensors, copied when an operation is about to write to it.

PyTorch tells a mode of its dispatcher before each operation which of its arguments the operation changes. That costs
some microseconds an operation, so what this package computes itself, and which writes to nothing of the model's, runs
past the mode.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.trees import tensors_in

__all__ = ["copies_before_writes", "has_own_operations", "memories", "unwatched"]


# What the tensors of other layouts keep their numbers in.
PARTS: Final = {
    "sparse_coo": ("_indices", "_values"),
    "sparse_csr": ("crow_indices", "col_indices", "values"),
    "sparse_csc": ("ccol_indices", "row_indices", "values"),
}


def has_own_operations(tensor: Tensor) -> bool:
    """Whether what is done with a tensor is up to its class, as with `DTensor`, and not to PyTorch's kernels."""
    kind: Any = type(tensor)  # pyright: ignore[reportUnknownVariableType]
    return kind.__torch_dispatch__ is not pytorch().Tensor.__torch_dispatch__


def memories(tensor: Tensor) -> Iterator[Tensor]:
    """Yield the tensors in whose memory a tensor has its numbers: itself, the shard of a `DTensor`, sparse values."""
    torch = pytorch()
    if has_own_operations(tensor):
        names: Sequence[str] = tensor.__tensor_flatten__()[0] if hasattr(tensor, "__tensor_flatten__") else ()
        for part in (getattr(tensor, name) for name in names):
            # A `DTensor` names its mesh too.
            if isinstance(part, torch.Tensor):
                yield from memories(part)
    elif tensor.layout != torch.strided:
        for part in PARTS.get(str(tensor.layout).removeprefix("torch."), ()):
            yield getattr(tensor.detach(), part)()
    elif not tensor.is_meta:
        yield tensor


@contextmanager
def unwatched(*tensors: Tensor) -> Generator[None]:
    """Compute within the block past all modes, and in the types that are written, whatever autocasting is on.

    Args:
        tensors: what is computed with; where one has operations of its own, as `DTensor`, modes stay at work.
    """
    torch = pytorch()
    if not any(map(has_own_operations, tensors)):
        with torch._C._DisableTorchDispatch(), torch._C._DisableAutocast():
            yield
    else:
        with torch._C._DisableAutocast():
            yield


def copies_before_writes(tensors: Sequence[Tensor]) -> Any:  # noqa: ANN401
    """Return a context manager that watches the memory of tensors, and can `keep` and `restore` it.

    Args:
        tensors: those whose memory is to be restored.
    """
    return _watcher()(tensors)


@cache
def _written(func: Any) -> tuple[tuple[int, str], ...]:  # noqa: ANN401
    """Return the places and the names of the arguments that an operation writes to."""
    schema = getattr(func, "_schema", None)
    if schema is None or not schema.is_mutable:
        return ()
    arguments = enumerate(schema.arguments)
    return tuple((i, one.name) for i, one in arguments if one.alias_info is not None and one.alias_info.is_write)


@cache
def _watcher() -> Any:  # noqa: ANN401  # a class whose base is known once PyTorch is imported
    """Return the class of what copies memory before it is written to."""
    dispatch: Any = importlib.import_module("torch.utils._python_dispatch")

    class CopyBeforeWrite(dispatch.TorchDispatchMode):
        """Copies the memory of tensors before an operation changes it.

        Args:
            tensors: those whose memory is to be restored.
        """

        # Those, as `torch.cond` and flexible attention, take no operations that write to what they are given.
        supports_higher_order_operators = True

        def __init__(self, tensors: Sequence[Tensor]) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            storages = (part.untyped_storage() for tensor in tensors for part in memories(tensor))
            self._storages: dict[int, Any] = {storage.data_ptr(): storage for storage in storages}
            self._storages.pop(0, None)
            self._copies: dict[int, Any] = {}

        def keep(self, tensor: Tensor) -> None:
            """Copy a tensor's memory, unless it is not to be restored or has been copied."""
            for part in memories(tensor):
                address = part.untyped_storage().data_ptr()
                if address in self._storages and address not in self._copies:
                    self._copies[address] = self._storages[address].clone()

        def restore(self) -> None:
            """Write back what was copied, into memory of the size that it had."""
            for address, copy in self._copies.items():
                storage = self._storages[address]
                if storage.nbytes() != copy.nbytes():
                    storage.resize_(copy.nbytes())
                storage.copy_(copy)

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # Otherwise PyTorch imports its compiler with the first operation, for a second, to hold it off.
            return False

        def __torch_dispatch__(
            self,
            func: Any,  # noqa: ANN401
            types: Any,  # noqa: ANN401
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            options = kwargs or {}
            for position, name in _written(func):
                given = args[position] if position < len(args) else options.get(name)
                for tensor in tensors_in(given):
                    self.keep(tensor)
            return func(*args, **options)

    return CopyBeforeWrite

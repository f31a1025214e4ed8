"""What a user's function is, as far as its code tells: so that a change of it is a change of what is stored by it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from firstdraw.torch.comparison.batches import fingerprint
from firstdraw.torch.library import Module, pytorch

__all__ = ["digest", "of_callable", "of_modules"]

# Functions that call functions of the same file that call functions of it: deeper, nothing is looked at.
DEEPEST: Final = 4
PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
HELD: Final = (*PLAIN, tuple, list, dict, np.ndarray)


def digest(text: str) -> str:
    """Return the SHA-256 of a text, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def of_callable(function: object) -> dict[str, str]:
    """Return the name of a function, and the digest of its code where it is written in Python.

    The code is what Python compiled, so comments and layout do not count. With it count numbers, texts, tensors and
    arrays that the function holds, takes by default or finds in its file, also in containers and as attributes of an
    object, and the functions of its file that it calls. Classes, and everything else, count by their names.
    """
    return {"name": _name(function), "code": digest("\n".join(_lines(function, DEEPEST)))}


def of_modules(model: Module) -> str:
    """Return the digest of the code of a model's classes, but for those of PyTorch."""
    return digest("\n".join(_of_classes(model, DEEPEST)))


def _of_classes(model: Module, depth: int) -> Iterator[str]:
    classes = {kind for part in model.modules() for kind in type(part).__mro__ if not _is_known(kind)}
    for kind in sorted(classes, key=_name):
        for name, value in sorted(vars(kind).items()):
            if isinstance(value, FunctionType):
                yield f"{_name(kind)}.{name}"
                yield from _lines(value, depth)


def _is_known(kind: type) -> bool:
    return kind is object or kind.__module__.partition(".")[0] == "torch"


def _name(value: Any) -> str:  # noqa: ANN401
    named: Any = value if hasattr(value, "__qualname__") else value.__class__
    # What is written in C may have no module.
    return f"{getattr(named, '__module__', '')}.{named.__qualname__}"


def _lines(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
    """Yield lines that tell what a value is."""
    if isinstance(value, PLAIN):
        yield repr(value)
    elif isinstance(value, pytorch().Tensor):
        yield str(fingerprint(value))
    elif isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        yield f"{array.dtype} {array.shape} {crc32(array.tobytes())}"
    elif isinstance(value, type | ModuleType) or not depth:
        yield _name(value)
    elif isinstance(value, pytorch().nn.Module):
        yield from (repr(value), str(fingerprint(value.state_dict())))
        yield from _of_classes(value, depth - 1)
    else:
        for part in _parts(value):
            yield from part if isinstance(part, _Lines) else _lines(part, depth - 1)


class _Lines(list[str]):
    """Lines as they are."""


def _parts(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield what a value is made of."""
    if isinstance(value, FunctionType):
        yield from _of_function(value)
    elif isinstance(value, MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, functools.partial):
        given = cast("functools.partial[Any]", value)
        yield from (given.func, given.args, given.keywords)
    elif isinstance(value, tuple | list):
        yield from cast("tuple[Any, ...]", value)
    elif isinstance(value, dict):
        for pair in cast("dict[Any, Any]", value).items():
            yield from pair
    else:
        yield _Lines([_name(value)])
        # An object that is called as a function: its code, and what it holds.
        kind: Any = value.__class__
        yield from (kind.__dict__.get("__call__"), getattr(value, "__dict__", {}))


def _of_function(function: FunctionType) -> Iterator[Any]:
    yield _Lines(_code(function.__code__))
    yield from (cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell))
    yield from (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        if isinstance(value, HELD) or getattr(value, "__module__", None) == function.__module__:
            yield from (name, value)


def _is_filled(cell: Any) -> bool:  # noqa: ANN401  # what a nested function holds
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            # The order of a set is another in each process.
            yield (
                repr(sorted(map(repr, cast("frozenset[Any]", constant))))
                if isinstance(constant, frozenset)
                else repr(constant)
            )


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)

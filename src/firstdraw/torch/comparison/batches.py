"""The batches of a run: the same for all schemes of a seed, which is checked and not only meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any, Final, TypeAlias, cast
from zlib import crc32

import numpy as np

from firstdraw.errors import InputError
from firstdraw.torch.comparison.streams import BATCHES, Stream
from firstdraw.torch.failing import failing
from firstdraw.torch.generators import generator_state
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.trees import named_tensors

__all__ = ["Batches", "Loader", "Pairing", "check_loader", "fingerprint", "held_states", "iterable", "seed_generators"]

Loader: TypeAlias = Iterable[Any] | Callable[[int], Iterable[Any]]
"""Batches that can be gone through again, or a function from the seed to such."""

# So many numbers of a tensor tell two batches apart; all of an image's would take as long as reading it.
LOOKED_AT: Final = 1024
# An odd constant near 2^32/golden ratio: its multiples fall evenly over any number of places, in no pattern of rows.
SPREAD: Final = 2654435761


def iterable(loader: object) -> Iterable[Any] | None:
    """Return a loader as what is gone through, if that is what it is; None of a function."""
    return cast("Iterable[Any]", loader) if isinstance(loader, Iterable) else None


def check_loader(name: str, loader: object) -> None:
    """Refuse what is no loader.

    Raises:
        InputError: if it gives no batches, or gives them once.
    """
    if isinstance(loader, Iterator):
        raise InputError(
            name,
            "must give its batches as often as there are runs, and an iterator gives them once",
            hint="a list, a `DataLoader`, or a function from the seed to batches does",
        )
    if iterable(loader) is None:
        raise InputError(name, "must be a `DataLoader`, a list of batches or another iterable", loader)


class Batches:
    """The batches that a loader gives for a seed, over and over.

    Args:
        loader: where they come from.
        seed: of the run.

    Raises:
        InputError: if the loader gives none.
    """

    def __init__(self, loader: Loader, seed: int) -> None:
        self._stream = Stream(BATCHES + seed)
        self._source: Any = iterable(loader)
        if self._source is None:
            with self._stream.drawing(), failing("the loader"):
                self._source = cast("Callable[[int], Any]", loader)(seed)
            check_loader("loader(seed)", self._source)
        seed_generators(self._source, seed)
        # What lies there already draws nothing.
        self._is_drawn = not isinstance(self._source, list | tuple)
        self._iterator: Iterator[Any] = iter(())

    def __next__(self) -> Any:  # noqa: ANN401  # whatever the model takes
        with self._stream.drawing() if self._is_drawn else nullcontext(), failing("the loader"):
            return self._following()

    def _following(self) -> Any:  # noqa: ANN401
        for _ in range(2):
            try:
                return next(self._iterator)
            except StopIteration:
                self._iterator = iter(self._source)
        raise InputError("loader", "must give one batch or more whenever it is gone through, and gives none")


def _generators_of(loader: object) -> list[Any]:
    """Return the generators that a loader holds for itself, its order or its data."""
    torch = pytorch()
    found: dict[int, Any] = {}
    for path in ("", "sampler", "batch_sampler", "batch_sampler.sampler", "dataset"):
        holder = loader
        for name in filter(None, path.split(".")):
            holder = getattr(holder, name, None)
        for value in getattr(holder, "__dict__", {}).values():
            if isinstance(value, torch.Generator):
                found[id(value)] = value
    return list(found.values())


def seed_generators(loader: object, seed: int) -> None:
    """Seed a loader's own generators for a run."""
    for generator in _generators_of(loader):
        generator.manual_seed(BATCHES + seed)


def held_states(loader: object) -> list[Callable[[], None]]:
    """Return what gives a loader's own generators their states back."""
    return [generator_state(generator) for generator in _generators_of(loader)]


class Pairing:
    """Whether all runs of a seed see the same batches, step by step."""

    def __init__(self) -> None:
        self._seen: dict[int, list[int]] = {}

    def check(self, seed: int, step: int, batch: object) -> None:
        """Compare a batch with that of other runs.

        Raises:
            InputError: if it is another one.
        """
        seen, found = self._seen.setdefault(seed, []), fingerprint(batch)
        if step == len(seen):
            seen.append(found)
        elif seen[step] != found:
            raise InputError(
                "loader",
                "must give all runs of a seed the same batches, and gives this one another, or the model writes into "
                "its inputs",
                hint="a function from the seed to batches can draw them by it; workers draw anew for each run with "
                "`persistent_workers=False`; inputs are cloned before `inplace=True`",
            )


def fingerprint(batch: object) -> int:
    """Return a number that differs for batches that differ: of shapes, types, and up to 1,024 numbers a tensor.

    Of tensors on another device than the CPU the numbers are not looked at.
    """
    code = 0
    for name, tensor in named_tensors("", batch):
        code = crc32(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode(), code)
        code = crc32(_sample(tensor), code)
    return code


def _sample(tensor: Tensor) -> bytes:
    torch = pytorch()
    if tensor.device.type != "cpu" or tensor.layout != torch.strided or tensor.is_quantized or not tensor.numel():
        return b""
    numbers = tensor.detach()
    if numbers.numel() > LOOKED_AT:
        numbers = numbers[torch.unravel_index(_places(numbers.numel()), numbers.shape)]
    return bytes(numbers.resolve_conj().resolve_neg().flatten().contiguous().view(torch.uint8).numpy().tobytes())


@cache
def _places(count: int) -> Any:  # noqa: ANN401  # a tensor
    return pytorch().from_numpy(np.arange(LOOKED_AT, dtype=np.int64) * SPREAD % count)

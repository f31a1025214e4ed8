"""What `--input` and `--targets` stand for: random tensors of a shape."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError, either
from firstdraw.torch.arguments import Arguments
from firstdraw.torch.library import Module, Tensor, pytorch

__all__ = ["Described", "described", "drawn", "drawn_inputs"]

KINDS: Final = ("normal", "uniform", "ones", "tokens")
# 1 GiB in float32: more is a typing error, and is refused before memory is asked for.
MOST_ELEMENTS: Final = 2**28
LENGTH: Final = re.compile(r"\s*[0-9]{1,9}\s*")


@dataclass(frozen=True, slots=True)
class Described:
    """A tensor as the command line describes it.

    Args:
        name: the argument of the model that it is; "" for one by place.
        shape: its shape.
        kind: "normal", N(0, 1); "uniform", U[0, 1); "ones", the integer 1 everywhere, as masks of attention have it;
            "tokens", integers.
        count: of tokens, how many there are: they are 0 to `count` - 1, equally likely.
    """

    name: str
    shape: tuple[int, ...]
    kind: str = "normal"
    count: int = 0


def described(option: str, text: str) -> Described:
    """Read `[NAME=]SHAPE[:KIND]`.

    >>> described("--input", "8,3,32,32")
    Described(name='', shape=(8, 3, 32, 32), kind='normal', count=0)
    >>> described("--input", "input_ids=4,16:tokens=50257")
    Described(name='input_ids', shape=(4, 16), kind='tokens', count=50257)
    """
    tensor, colon, rest = text.partition(":")
    name, equals, lengths = tensor.rpartition("=")
    if equals and not name.isidentifier():
        raise InputError(option, "must name an argument of the model before `=`", text)
    kind, _, number = rest.partition("=") if colon else ("normal", "", "")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS)
        hint = f"did you mean {either(near)}?" if near else ""
        raise InputError(option, "must say normal, uniform, ones or tokens=COUNT after the colon", text, hint=hint)
    if (kind == "tokens") != bool(number):
        raise InputError(option, "must say how many there are for tokens alone, as in 4,16:tokens=50257", text)
    shape = _counts(option, lengths, text)
    if math.prod(shape) > MOST_ELEMENTS:
        raise InputError(option, f"must have at most {MOST_ELEMENTS:,} elements", text)
    return Described(name, shape, kind, _counts(option, number, text)[0] if number else 0)


def drawn_inputs(asked: Sequence[Described], model: Module, seed: int) -> Arguments:
    """Return the arguments of a model that the command line describes.

    Args:
        asked: what they are.
        model: for their device, and the type of those that are no integers.
        seed: of their numbers.
    """
    placed = tuple(drawn(one, f"input {i}", model, seed) for i, one in enumerate(asked) if not one.name)
    return Arguments(placed, {one.name: drawn(one, f"input {one.name}", model, seed) for one in asked if one.name})


def drawn(asked: Described, name: str, model: Module, seed: int) -> Tensor:
    """Return a tensor as it was described, on the model's device and of its type; the same for the same seed and name.

    Args:
        asked: what it is.
        name: what its numbers depend on beside the seed.
        model: whose first parameter of floating point says on which device it is, and of which type.
        seed: of its numbers.
    """
    torch = pytorch()
    like = next((one for one in model.parameters() if one.is_floating_point()), torch.empty(0))
    if asked.kind == "ones":
        return torch.ones(asked.shape, dtype=torch.int64, device=like.device)
    draws = CounterDraws(seed)
    numbers: Any = np.empty(asked.shape, np.float64 if like.dtype == torch.float64 else np.float32)
    if asked.kind == "tokens":
        numbers = np.floor(draws.uniform(name, asked.shape, scale=float(asked.count))).astype(np.int64)
        return torch.from_numpy(numbers).to(like.device)
    draw = draws.normal if asked.kind == "normal" else draws.uniform
    return torch.from_numpy(draw(name, asked.shape, out=numbers)).to(like.device, like.dtype)


def _counts(option: str, text: str, whole: str) -> tuple[int, ...]:
    counts = [int(part) if LENGTH.fullmatch(part) else 0 for part in text.split(",")]
    if min(counts) < 1 or max(counts) > MOST_ELEMENTS:
        raise InputError(option, "must have lengths from 1 up with commas between them, like 8,3,32,32", whole)
    return tuple(counts)

"""The two engines by name; the native one is the default wherever it was compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firstdraw.arrays import Floats
from firstdraw.compiled import cores
from firstdraw.engine import native, reference
from firstdraw.engine.problem import Problem
from firstdraw.engine.records import Progress
from firstdraw.engine.trajectory import Trajectory
from firstdraw.errors import InputError

__all__ = ["Engine", "engine_named"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to train.

    Args:
        name: "native" or "reference".
        train: from a problem, the initial parameters `[n, P]`, a seed each and a progress callback to trajectories.
        at_once: how many networks of a call it trains at the same time.
    """

    name: str
    train: Callable[[Problem, Floats, tuple[int, ...], Progress | None], Trajectory]
    at_once: int = 1


def engine_named(name: str | None = None) -> Engine:
    """Return an engine; by default the fastest there is.

    Raises:
        InputError: if there is none of that name, or it was not compiled.

    >>> engine_named("reference").name
    'reference'
    """
    if name is None:
        name = "native" if native.is_built() else "reference"
    if name == "reference":
        return Engine(name, reference.train)
    if name != "native":
        raise InputError("engine", "must be 'native' or 'reference'", name)
    if not native.is_built():
        raise InputError("engine", "must be 'reference' here, where no C++ compiler was found at installation", name)
    return Engine(name, native.train, at_once=cores())

"""What runs on a worker: it says what it is, and trains portions with examples that it is sent once."""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NoReturn

from firstdraw.engine import Engine, engine_named, native
from firstdraw.engine.version import identity_of
from firstdraw.errors import InputError
from firstdraw.experiments.examples import Examples
from firstdraw.experiments.portions import Portion, TrainedPortion, draw_portion, train_portion
from firstdraw.version import __version__

__all__ = ["Greeting", "Lacking", "Refused", "Task", "greet", "halt", "pack", "train"]

MOST_KEPT: Final = 4
"""Of examples: a grid goes from one data set to the next."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a worker is.

    Args:
        version: of the package there.
        engine: what distinguishes the runs of its engine from all others.
    """

    version: str
    engine: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Task:
    """Runs that a worker is to train.

    Args:
        portion: which.
        engine: what trains.
        threads: how many runs the worker trains at a time.
        key: the SHA-256 of the packed examples.
        packed: these, for a worker that does not have them.
        sweep: what it is a part of, and ends with.
    """

    portion: Portion
    engine: Engine
    threads: int
    key: str
    packed: bytes | None
    sweep: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """A worker does not have the examples of a task."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker lives, and could not do a task.

    Args:
        sentence: why.
        error: the same, where a spec is to blame and not its runs.
    """

    sentence: str
    error: InputError | None = None


class _Halted(Exception):  # noqa: N818  # stops a training that nobody waits for; never leaves this file
    """Raised by the progress callback."""


# Of this process, which serves one sweep after another; a cluster's scheduler gives each another name.
_kept: OrderedDict[str, Examples] = OrderedDict()
_halted: set[str] = set()


def pack(examples: Examples) -> tuple[str, bytes]:
    """Return examples as they are sent, and the key under which a worker keeps them."""
    packed = pickle.dumps(examples, protocol=5)
    return hashlib.sha256(packed).hexdigest(), packed


def greet(engine: Engine) -> Greeting:
    """Say what this worker is; where the engine was not compiled it has the other."""
    known = engine if engine.name != "native" or native.is_built() else engine_named("reference")
    return Greeting(__version__, identity_of(known))


def halt(sweep: str) -> None:
    """Stop the tasks of a sweep that this worker is at, and those that come late."""
    _halted.add(sweep)


def train(task: Task) -> TrainedPortion | Lacking | Refused:
    """Draw and train the runs of a task; what goes wrong is told, as only the end of the process is another matter."""

    def proceed(_steps: int) -> None:
        if task.sweep in _halted:
            _stop()

    examples = _examples(task)
    if examples is None:
        return Lacking()
    try:
        drawn = draw_portion(task.portion, examples, lambda: task.sweep in _halted)
        return train_portion(drawn, on_threads(task.engine, task.threads), proceed)
    except InputError as error:
        return Refused(str(error), error)
    except Exception as error:  # whatever it is, the coordinator finds the run that brings it about
        return Refused(f"{type(error).__name__}: {error}")


def on_threads(engine: Engine, threads: int) -> Engine:
    """Return an engine that trains so many runs at a time, with the same bits."""
    if engine.train is native.train:
        return replace(engine, train=partial(native.train, threads=threads), at_once=threads)
    return engine


def _stop() -> NoReturn:
    raise _Halted


def _examples(task: Task) -> Examples | None:
    if task.packed is not None:
        _kept[task.key] = pickle.loads(task.packed)  # noqa: S301  # from the coordinator, as is the code that runs here
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    if task.key in _kept:
        _kept.move_to_end(task.key)
    return _kept.get(task.key)

"""What is kept of a run of one's own model, and how it lies in the store.

Of T steps the loss before each, then what the run is judged by and how long it took: as little-endian float64,
8 (T + 2) bytes a run, bit for bit. Nothing is known of layers, so the runs are no `StoredRuns`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.engine import Outcome

__all__ = ["ModelRun", "bytes_of_a_model_run"]

_NUMBER: Final = np.dtype("<f8")


@dataclass(frozen=True, slots=True, eq=False)
class ModelRun:
    """A finished run of a model that is no network of a spec.

    Args:
        loss: of each step's batch, before its update `[T]`; NaN after the first that is not finite.
        final: what the run is judged by; not finite where it diverged.
        seconds: how long it took, on the machine that made it.
    """

    loss: Floats
    final: float
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether what it is judged by is no number."""
        return not math.isfinite(self.final)

    @property
    def outcome(self) -> Outcome:
        """How it ended: after all steps, or at the first whose loss was not finite."""
        finite = np.isfinite(self.loss)
        return Outcome(self.diverged, len(self.loss) if finite.all() else int(np.argmin(finite)))

    def laid_out(self) -> bytes:
        """Return what is kept of it."""
        return np.array([*self.loss, self.final, self.seconds], _NUMBER).tobytes()

    @classmethod
    def read_out(cls, measured: bytes) -> ModelRun:
        """Return a run as it was, from what was kept of it."""
        *loss, final, seconds = np.frombuffer(measured, _NUMBER).tolist()
        return cls(np.array(loss), final, seconds)


def bytes_of_a_model_run(steps: int) -> int:
    """Return how many bytes are kept of a run: 8 (T + 2).

    >>> bytes_of_a_model_run(200)
    1616
    """
    return _NUMBER.itemsize * (steps + 2)

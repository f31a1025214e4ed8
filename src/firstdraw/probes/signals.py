"""What is measured of a layer on the forward pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.probes.passes import ForwardStep
from firstdraw.probes.state import Moments
from firstdraw.probes.statistics import Spread, cosine, effective_rank, mean_cosine, rms, spread, sums

__all__ = ["Pair", "Signal", "signal_of"]

Pair = tuple[int, int]
"""Two examples, counted from 0."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a layer makes of its inputs; the fields are those of `LayerState`, and of `BranchState` the last one."""

    signal_rms: float
    signal: Moments
    activation: Moments
    nonfinite: int
    correlation: float
    pair_correlation: float | None
    spread: Spread
    effective_rank: float | None
    output_rms: float


def signal_of(step: ForwardStep, pair: Pair | None, *, rank: bool) -> Signal:
    """Measure a layer.

    Args:
        step: what the forward pass makes of it.
        pair: the examples whose correlation is wanted.
        rank: whether the effective rank is.
    """
    Z, A = step.Z, step.A
    of_signal = sums(Z)
    of_activation = of_signal if A is Z else sums(A)
    finite = bool(np.isfinite(of_signal.squares).all())
    return Signal(
        signal_rms=of_signal.rms,
        signal=of_signal.moments,
        activation=of_activation.moments,
        nonfinite=0 if finite else Z.size - int(np.count_nonzero(np.isfinite(Z))),
        correlation=mean_cosine(Z, of_signal),
        pair_correlation=None if pair is None else cosine(Z[:, pair[0]], Z[:, pair[1]]),
        spread=spread(A, of_activation),
        effective_rank=effective_rank(A) if rank else None,
        output_rms=math.nan if step.F is None else rms(step.F),
    )

"""What a coordinate check measures: for each layer along an axis its signal and its change, with their slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.torch.coordinates.layers import MatchedLayer, matched
from firstdraw.torch.coordinates.runs import Divergence, Run
from firstdraw.torch.coordinates.scans import Scan
from firstdraw.torch.coordinates.slopes import Slope, slope_of
from firstdraw.torch.hooks import Key

__all__ = ["LayerStep", "ScanMeasurement", "measurement_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerStep:
    """What a layer does along an axis after some steps.

    Args:
        layer: which one.
        step: how many steps were made.
        last: whether no more were made.
        signals: mean |x| over the elements of what it returns, `[sizes, seeds]`; nan where it did not run.
        changes: mean |x - x_0|, x_0 what it returned at step 0.
        signal_slope: of log mean |x| over the log of the sizes; None where it cannot be told.
        change_slope: that of mean |x - x_0|.
        diverged: whether a run had numbers that are not finite in this step or before.
    """

    layer: MatchedLayer
    step: int
    last: bool
    signals: Floats
    changes: Floats
    signal_slope: Slope | None
    change_slope: Slope | None
    diverged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanMeasurement:
    """What was measured along one axis.

    Args:
        scan: the sizes.
        seeds: of the models.
        steps: how many were made.
        optimizer: the class of the optimizers.
        layers: of each layer, in the order of execution, what it did after 0, 1, ... steps.
        divergences: the runs that diverged.
    """

    scan: Scan
    seeds: tuple[int, ...]
    steps: int
    optimizer: str
    layers: tuple[tuple[LayerStep, ...], ...]
    divergences: tuple[Divergence, ...]


def measurement_of(scan: Scan, runs: Sequence[Sequence[Run]], steps: int) -> ScanMeasurement:
    """Return what runs tell along an axis.

    Args:
        scan: the sizes.
        runs: of each size one for each seed.
        steps: how many were to be made.

    Raises:
        InputError: if the layers of the models cannot be matched.
    """
    sizes = np.array([float(size.along(scan.axis)) for size in scan.sizes])
    return ScanMeasurement(
        scan=scan,
        seeds=tuple(run.seed for run in runs[0]),
        steps=steps,
        optimizer=runs[0][0].optimizer,
        layers=tuple(
            tuple(_layer_step(layer, step, step == steps, sizes, runs) for step in range(steps + 1))
            for layer in matched(scan, runs)
        ),
        divergences=tuple(run.divergence for of_size in runs for run in of_size if run.divergence is not None),
    )


def _layer_step(
    layer: MatchedLayer,
    step: int,
    last: bool,
    sizes: Floats,
    runs: Sequence[Sequence[Run]],
) -> LayerStep:
    pairs = list(zip(layer.keys, runs, strict=True))
    signals = np.array([[_mean(keys, run.signals[step : step + 1]) for run in of_size] for keys, of_size in pairs])
    changes = np.array([[_mean(keys, run.changes[step : step + 1]) for run in of_size] for keys, of_size in pairs])
    diverged = any(
        run.divergence is not None
        and (step > run.divergence.step or (step == run.divergence.step and not np.isfinite(signal)))
        for of_size, row in zip(runs, signals, strict=True)
        for run, signal in zip(of_size, row, strict=True)
    )
    return LayerStep(
        layer=layer,
        step=step,
        last=last,
        signals=signals,
        changes=changes,
        signal_slope=slope_of(sizes, signals),
        change_slope=slope_of(sizes, changes) if step else None,
        diverged=diverged,
    )


def _mean(keys: Sequence[Key], recorded: Sequence[dict[Key, float]]) -> float:
    """Return the mean over layers of what was recorded first; nan where it was not, or some did not run."""
    return float(np.mean([recorded[0].get(key, np.nan) for key in keys])) if recorded else np.nan

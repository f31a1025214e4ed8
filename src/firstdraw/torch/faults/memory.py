"""Memory that no initialization wrote, or that something ruined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firstdraw.diagnosis.finding import Severity
from firstdraw.torch.faults.fault import Contents, Fault, names_of
from firstdraw.torch.holding import Holds

__all__ = ["never_initialized", "not_finite"]

# No initialization draws such numbers; memory that nobody wrote holds them (1e37 was seen).
ABSURD: Final = 1e8


def never_initialized(contents: Contents) -> Iterator[Fault]:
    """Find tensors that no initialization wrote: on the meta device, of absurd numbers, or all 0."""
    meta = [one for one in contents.held if one.observation is None and one.parameter.tensor.is_meta]
    if meta:
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            names_of(meta),
            f"{len(meta)} of {len(contents.held)} tensors are on the meta device and hold nothing",
            {"tensors": len(meta)},
            "Give them memory with `model.to_empty(device=...)`, then call `firstdraw.torch.initialize`",
        )
    absurd = [one for one in contents.held if _largest(one) > ABSURD]
    if absurd:
        largest = max(map(_largest, absurd))
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            names_of(absurd),
            f"numbers up to {largest:.3g} are what memory holds that nobody wrote",
            {"largest": largest},
            "Call `firstdraw.torch.initialize` after `to_empty`, or the layers' `reset_parameters`",
        )
    scales = [one for one in contents.held if one.parameter.kind == "scale"]
    weights = [one for one, _ in contents.weights]
    empty = [*scales, *weights] if scales and all(one.is_zero for one in [*scales, *weights]) else []
    if not empty and len(weights) > 1 and all(one.is_zero for one in weights):
        empty = weights
    if empty:
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            names_of(empty),
            f"all {len(empty)} weights and scales are 0, as memory is that nobody wrote",
            {"tensors": len(empty)},
            "Call `firstdraw.torch.initialize` after `to_empty`, or the layers' `reset_parameters`",
        )


def not_finite(contents: Contents) -> Iterator[Fault]:
    """Find tensors that hold NaN or infinity."""
    broken = [one for one in contents.held if one.observation is not None and not one.observation.finite]
    if broken:
        yield Fault(
            "not finite",
            Severity.BROKEN,
            names_of(broken),
            f"{len(broken)} tensors hold NaN or infinity",
            {"tensors": len(broken)},
            "Memory that nobody wrote, or a run that diverged: call `firstdraw.torch.initialize`",
        )


def _largest(one: Holds) -> float:
    seen = one.observation
    return 0.0 if seen is None else max(abs(seen.smallest), abs(seen.largest))

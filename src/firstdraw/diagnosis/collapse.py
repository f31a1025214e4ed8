"""What a deep start makes of different inputs: one direction for all, or too few."""

from __future__ import annotations

from collections.abc import Iterator

from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import COLLAPSE_FACTOR, RANK_LEFT, RANK_LOST

__all__ = ["collapse_to_one_correlation", "loss_of_rank"]


def collapse_to_one_correlation(measured: StartMeasurements) -> Iterator[Finding]:
    """Find inputs that the hidden layers have made parallel: 1 - c, c their mean cosine, has all but gone.

    A rectifier's critical start brings c to 1 as well, but slowly, 1 - c falling as 1/l^2 over l layers.
    """
    hidden = [state for state in measured.start.hidden if state.branch is None]
    if len(hidden) < 2:
        return
    first, last = hidden[0], hidden[-1]
    # Rounding alone leads beyond 1.
    left = max(0.0, float(1 - last.correlation))
    if not left < COLLAPSE_FACTOR * (1 - first.correlation):
        return
    yield Finding(
        cause="collapse to one correlation",
        severity=Severity.WARNING,
        place=f"layer {last.layer}",
        sentence=(
            f"All inputs become alike: two examples have the cosine {first.correlation:.3f} in layer {first.layer} and "
            f"{f'1 - {left:.2g}' if left else 'exactly 1'} in layer {last.layer}, so that the layers behind it cannot "
            f"tell them apart"
        ),
        evidence={
            f"1 - cosine, layer {first.layer}": float(1 - first.correlation),
            f"1 - cosine, layer {last.layer}": left,
        },
        remedy="Use larger weights with smaller biases (`he_normal` and zeros for rectifiers), or fewer layers",
    )


def loss_of_rank(measured: StartMeasurements) -> Iterator[Finding]:
    """Find the first hidden layer that varies along a single direction, though what feeds it does along several."""
    states = [state for state in measured.start.hidden if state.branch is None and state.units > 1]
    most = 0.0
    for state in states:
        ratio = state.participation_ratio
        if ratio < RANK_LEFT and most > RANK_LOST:
            yield Finding(
                cause="loss of rank",
                severity=Severity.WARNING,
                place=f"layer {state.layer}",
                sentence=(
                    f"The {state.units} units of layer {state.layer} vary along a single direction (participation "
                    f"ratio {ratio:.4g}, {most:.3g} before): they are one unit many times"
                ),
                evidence={"participation ratio": ratio, "largest before": most, "units": state.units},
                remedy="Use orthogonal weights, wider layers or fewer of them: narrow deep products lose their rank",
            )
            return
        most = max(most, ratio)

"""Units that are equal, dead or saturated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.thresholds import ALIKE_SHARE, DEAD_SHARE_WARNED, FLAT_SHARE_WARNED
from firstdraw.torch.causes.reading import called
from firstdraw.torch.layers import ModelState

__all__ = ["born_dead", "dead_units", "nearly_equal_units", "saturated", "unbroken_symmetry"]

RECTIFIERS: Final = frozenset({"ReLU", "ReLU6", "relu", "relu6"})


def unbroken_symmetry(state: ModelState) -> Iterator[Finding]:
    """Find hidden layers whose units are all equal, in their weights and in what these receive."""
    for item in state.parameters:
        if item.units is not None and item.units > 1 and item.distinct_units == 1:
            yield Finding(
                cause="unbroken symmetry",
                severity=Severity.BROKEN,
                place=item.name,
                sentence=(
                    f"The {item.units:,} units of `{item.name}` are identical, and receive the same gradient at every "
                    f"step"
                ),
                evidence={"units": item.units, "distinct units": item.distinct_units},
                remedy="Draw the weights at random: any spread above 0 makes the units different; biases may stay 0",
            )


def nearly_equal_units(state: ModelState) -> Iterator[Finding]:
    """Find hidden layers in which most units have a double."""
    for item in state.parameters:
        if item.units is None or item.distinct_units is None or item.distinct_units == 1:
            continue
        if item.units - item.distinct_units < ALIKE_SHARE * item.units:
            continue
        yield Finding(
            cause="nearly equal units",
            severity=Severity.WARNING,
            place=item.name,
            sentence=(
                f"`{item.name}` is narrower than it looks: only {item.distinct_units:,} of its {item.units:,} units "
                f"differ, and equal ones stay equal"
            ),
            evidence={"units": item.units, "distinct units": item.distinct_units},
            remedy="Draw every weight by itself, with a spread that is not small beside the weights' mean",
        )


def born_dead(state: ModelState) -> Iterator[Finding]:
    """Find the first rectifier that passes no gradient on any example, and that no skip leads around."""
    for layer in state.layers:
        if layer.kind in RECTIFIERS and layer.dead_examples == layer.examples and not layer.bypassed:
            yield Finding(
                cause="born-dead network",
                severity=Severity.BROKEN,
                place=layer.name,
                sentence=(
                    f"The model is born dead: all {layer.units:,} units of {called(layer)} are off on every one of "
                    f"{layer.examples:,} examples, so that no gradient passes"
                ),
                evidence={"units": layer.units, "examples": layer.examples},
                remedy="Use wider layers or fewer of them, or a leaky rectifier; another seed may be luckier",
            )
            return


def saturated(state: ModelState) -> Iterator[Finding]:
    """Find layers of a bounded activation that are flat on most units and examples."""
    for layer in state.layers:
        if layer.flat_share > FLAT_SHARE_WARNED and layer.feeds:
            yield Finding(
                cause="saturated hidden units",
                severity=Severity.WARNING,
                place=layer.name,
                sentence=(
                    f"The activation in {called(layer)} is saturated at the start: flat on {layer.flat_share:.0%} of "
                    f"units and examples"
                ),
                evidence={"flat share": layer.flat_share, "rms": layer.rms},
                remedy="Shrink the weights before it until their outputs are of order 1 (`glorot_normal`)",
            )


def dead_units(state: ModelState) -> Iterator[Finding]:
    """Find units of rectifiers that no example reaches."""
    for layer in state.layers:
        if not layer.dead_units:
            continue
        share = layer.dead_units >= DEAD_SHARE_WARNED * layer.units
        yield Finding(
            cause="dead units",
            severity=Severity.WARNING if share else Severity.NOTE,
            place=layer.name,
            sentence=(
                f"Of the {layer.units:,} units of {called(layer)}, {layer.dead_units:,} "
                f"{'is' if layer.dead_units == 1 else 'are'} off on all {layer.examples:,} examples: none passes a "
                "gradient through them"
            ),
            evidence={"units": layer.units, "dead": layer.dead_units, "examples": layer.examples},
            remedy="Use a smaller spread, smaller biases, a wider layer, or a leaky rectifier; or check a larger batch",
        )

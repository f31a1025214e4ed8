"""What a model does not pass for: the layers to blame, and what is known to mend the pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from firstdraw.torch.causes.reading import listed
from firstdraw.torch.coordinates.judging import FAULTS, Verdict, allowed_exponents, is_outside, verdict_on
from firstdraw.torch.coordinates.layers import MatchedLayer, Role
from firstdraw.torch.coordinates.measurements import LayerStep, ScanMeasurement
from firstdraw.torch.coordinates.scans import Axis

__all__ = ["Fault", "faults_of", "layer_name"]

FAMILIES: Final = {
    **dict.fromkeys(("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad"), "Adam"),
    "SGD": "SGD",
}
"""Optimizers by what a step depends on: with "Adam" not on the size of the gradient, with "SGD" in proportion to it."""

RATES: Final[dict[tuple[str, Role], str]] = {
    ("Adam", "input"): "Let the learning rates of input layers be the same at all widths under {optimizer}",
    ("Adam", "hidden"): "Let the learning rates of hidden layers fall as 1/width under {optimizer}",
    ("Adam", "readout"): (
        "Let the learning rate of the readout fall as 1/width under {optimizer}, or multiply its output by 1/width"
    ),
    ("SGD", "input"): "Let the learning rates of input layers grow as the width under {optimizer}",
    ("SGD", "hidden"): (
        "Let the learning rates of hidden layers be the same at all widths under {optimizer}, and the readout have the "
        "variance 1/width^2"
    ),
    ("SGD", "readout"): (
        "Let the learning rate of the readout fall as 1/width under {optimizer}, and its variance as 1/width^2"
    ),
}
"""What muP asks of a layer that changes by the wrong power of the width (Yang et al. 2022,
https://arxiv.org/abs/2203.03466, table 3)."""

LAWS: Final[dict[Role, str]] = {
    "input": "Draw input layers with a variance that does not depend on the width: a constant over the fan-in",
    "hidden": "Draw hidden layers with a variance of a constant over the fan-in",
    "readout": "Draw the readout with a variance of a constant over the fan-in^2, or let it start at 0",
}
"""What muP asks of a layer whose signal is of the wrong power of the width before training (the same table)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A reason not to pass.

    Args:
        axis: along which.
        verdict: what the layers do.
        step: the first after which one of them does.
        layers: the names of those to blame.
        sentence: what happens, with its numbers, ending without a full stop.
        remedy: what to change; "" where the pattern is not known.
    """

    axis: Axis
    verdict: Verdict
    step: int
    layers: tuple[str, ...]
    sentence: str
    remedy: str


def layer_name(layer: MatchedLayer) -> str:
    """Return what a layer is called in tables and sentences."""
    call = f" ({layer.call})" if layer.call > 1 else ""
    part = f", {layer.part}" if layer.part else ""
    function = f"{layer.kind} -> " if layer.kind.islower() else ""
    return f"{function}{layer.name or layer.kind}{call}{part}"


def faults_of(measured: ScanMeasurement) -> tuple[Fault, ...]:
    """Return why a model does not pass along an axis; nothing if it does, or if that is not certain.

    Each layer is blamed for what it does first: along the width layers with weights that do not only hand on what they
    are given, along the depth the sums that residual branches are added in; others only where none of these is.

    Args:
        measured: what was measured along the axis.
    """
    return (*_divergence(measured), *_standstill(measured), *_exponents(measured))


def _divergence(measured: ScanMeasurement) -> Iterator[Fault]:
    if not measured.divergences:
        return
    first = min(measured.divergences, key=lambda one: one.step)
    runs = len(measured.seeds) * len(measured.scan.sizes)
    name = first.layer[0] or first.layer[1]
    yield Fault(
        axis=measured.scan.axis,
        verdict="diverges",
        step=first.step,
        layers=(name,),
        sentence=(
            f"{len(measured.divergences)} of {runs} runs diverge, at {first.size} and seed {first.seed} "
            f"{_after(first.step)}, where `{name}` is the first to return numbers that are not finite"
        ),
        remedy="Take a smaller learning rate" if first.step else "Look at the start alone: `firstdraw.torch.check`",
    )


def _standstill(measured: ScanMeasurement) -> Iterator[Fault]:
    last = [steps[-1] for steps in measured.layers]
    if not measured.divergences and not any(one.changes.any() for one in last):
        yield Fault(
            axis=measured.scan.axis,
            verdict="unchanged",
            step=measured.steps,
            layers=tuple(layer_name(one.layer) for one in last),
            sentence=f"No layer returns anything else {_after(measured.steps)} than before",
            remedy="Give the optimizer parameters that a gradient comes to, and a learning rate above 0",
        )


def _exponents(measured: ScanMeasurement) -> Iterator[Fault]:
    axis = measured.scan.axis
    # Where some runs have ended, the others tell nothing of the exponents.
    end = min((one.step for one in measured.divergences), default=measured.steps + 1)
    found: dict[tuple[Verdict, bool, Role], list[LayerStep]] = {}
    for steps in measured.layers:
        first = next((one for one in steps[:end] if verdict_on(axis, one) in FAULTS), None)
        if first is not None:
            found.setdefault((verdict_on(axis, first), not first.step, first.layer.role), []).append(first)
    rooted = any(_is_root(measured, one) for group in found.values() for one in group)
    for (verdict, _, role), group in sorted(found.items(), key=lambda item: (not item[0][1], FAULTS.index(item[0][0]))):
        blamed = [one for one in group if _is_root(measured, one) or not rooted]
        if blamed:
            yield Fault(
                axis=axis,
                verdict=verdict,
                step=min(one.step for one in blamed),
                layers=tuple(layer_name(one.layer) for one in blamed),
                sentence=_sentence(axis, verdict, blamed),
                remedy=_remedy(measured, role, blamed),
            )


def _is_root(measured: ScanMeasurement, one: LayerStep) -> bool:
    """Whether a layer does itself what it is blamed for, and does not hand it on."""
    axis = measured.scan.axis
    if axis == "depth":
        return one.layer.kind == "sum"
    if not one.layer.weighted:
        return False
    if verdict_on(axis, one) == "learns no features":
        # Its own weights would change what it returns, whatever comes.
        return True
    signal = _is_of_signal(axis, one)
    before = [
        steps[one.step].signal_slope if signal else steps[one.step].change_slope
        for steps in measured.layers
        if steps[0].layer.keys[0][0] in one.layer.fed_by
    ]
    given = [slope.value for slope in before if slope is not None]
    allowed = allowed_exponents(axis, one.layer)[0 if signal else 1]
    slope = one.signal_slope if signal else one.change_slope
    assert slope is not None  # noqa: S101  # there is no such verdict without one
    if not given:
        return True
    return is_outside(slope.less(max(given) if verdict_on(axis, one) == "grows" else min(given)), allowed)


def _is_of_signal(axis: Axis, one: LayerStep) -> bool:
    """Whether it is the signal of a layer that is blamed, and not its change."""
    of_signal, _ = allowed_exponents(axis, one.layer)
    return one.signal_slope is not None and is_outside(one.signal_slope, of_signal)


def _sentence(axis: Axis, verdict: Verdict, blamed: Sequence[LayerStep]) -> str:
    first, several = blamed[0], len(blamed) > 1
    if verdict == "learns no features":
        does = f"learn{'' if several else 's'} the less the larger the {axis}"
    else:
        does = f"{verdict.removesuffix('s') if several else verdict} with the {axis}"
    signal = _is_of_signal(axis, first)
    slope = first.signal_slope if signal else first.change_slope
    assert slope is not None  # noqa: S101  # there is no such verdict without one
    what = f"mean {'|x|' if signal else '|x - x_0|'}" + (f" of `{layer_name(first.layer)}`" if several else "")
    names = listed([layer_name(one.layer) for one in blamed])
    return (
        f"{names} {does} {_after(first.step)}: {what} as {axis}^{slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f})"
    )


def _remedy(measured: ScanMeasurement, role: Role, blamed: Sequence[LayerStep]) -> str:
    first, family = blamed[0], FAMILIES.get(measured.optimizer)
    if not first.layer.weighted and measured.scan.axis == "width":
        return ""
    if measured.scan.axis == "depth":
        return _depth_remedy(measured, first, family)
    if not first.step:
        return LAWS.get(role, "")
    return RATES.get((family or "", role), "").format(optimizer=measured.optimizer)


def _depth_remedy(measured: ScanMeasurement, first: LayerStep, family: str | None) -> str:
    residual = any(steps[0].layer.bypassed for steps in measured.layers)
    if not residual or verdict_on("depth", first) != "grows":
        return ""
    if first.step and family == "Adam":
        return (
            f"With branches that are multiplied by 1/sqrt(depth), let the learning rates inside of them fall as "
            f"1/sqrt(depth) under {measured.optimizer}"
        )
    return "Multiply what each residual branch adds by 1/sqrt(depth)"


def _after(step: int) -> str:
    return "before training" if not step else f"after {step} step{'s' if step > 1 else ''}"

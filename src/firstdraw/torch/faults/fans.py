"""Fans that were counted wrongly: of packed, grouped and transposed weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from firstdraw.diagnosis.finding import Severity
from firstdraw.distributions import Distribution, Normal, Uniform
from firstdraw.roles import Role
from firstdraw.torch.faults.fault import Contents, Fault, FaultCause, names_of
from firstdraw.torch.holding import Holds

__all__ = ["grouped", "packed", "transposed"]

# A factor on the variance below 3 either way is lost among those of other layers; a larger one is worth a warning.
LARGE_FACTOR: Final = 3.0


def packed(contents: Contents) -> Iterator[Fault]:
    """Find packed projections whose fan-out was counted as that of one."""
    found = [
        (one, *wrong)
        for one, role in contents.weights
        if role.layout.parts > 1
        and (wrong := _of_other_fans(one, _own(role), _laws(role.fan_in, role.fan_out * role.layout.parts))) is not None
    ]
    yield from _wrong_fans(
        "packed projection with the fans of the whole",
        found,
        "several projections lie in one weight, whose fan-out was counted for one",
        "Initialize each part by itself: `firstdraw.torch.initialize(model, 'glorot_uniform')` counts them",
    )


def grouped(contents: Contents) -> Iterator[Fault]:
    """Find grouped convolutions whose fans were counted over all groups."""
    found: list[tuple[Holds, str, float]] = []
    for one, role in contents.weights:
        groups = role.layout.groups
        if groups == 1 or role.operation == "transposed_convolution":
            continue
        # PyTorch counts the outputs of all groups; others the inputs of all groups too.
        for fan_in in (role.fan_in, role.fan_in * groups):
            wrong = _of_other_fans(one, _own(role), _laws(fan_in, role.fan_out * groups))
            if wrong is not None:
                found.append((one, *wrong))
                break
    yield from _wrong_fans(
        "grouped convolution with the fan of all groups",
        found,
        "an input feeds the outputs of its group alone, and those of all were counted",
        "Count one group's: `firstdraw.torch.initialize` does, with any law",
    )


def transposed(contents: Contents) -> Iterator[Fault]:
    """Find transposed convolutions whose fans were exchanged."""
    found: list[tuple[Holds, str, float]] = []
    for one, role in contents.weights:
        if role.operation != "transposed_convolution":
            continue
        # He's law by the fan-out is what his law by the fan-in becomes, so that it tells nothing.
        right, wrong = (
            {name: law for name, law in laws.items() if "fan-out" not in name}
            for laws in (_own(role), _laws(role.fan_out, role.fan_in))
        )
        exchanged = _of_other_fans(one, right, wrong)
        if exchanged is not None:
            found.append((one, *exchanged))
    yield from _wrong_fans(
        "transposed convolution with its fans exchanged",
        found,
        "a transposed convolution is stored (in, out, kernel), and PyTorch takes its outputs for its inputs",
        "`firstdraw.torch.initialize` counts its inputs; with `torch.nn.init`, ask for the other fan",
    )


def _laws(fan_in: float, fan_out: float) -> dict[str, Distribution]:
    """Return He's laws by their fans, Glorot's and LeCun's, and PyTorch's default."""
    variances = {
        "he": 2 / fan_in,
        "he by fan-out": 2 / fan_out,
        "glorot": 2 / (fan_in + fan_out),
        "lecun": 1 / fan_in,
        "default": 1 / (3 * fan_in),
    }
    laws: dict[str, Distribution] = {}
    for name, variance in variances.items():
        bound = math.sqrt(3 * variance)
        laws[f"{name} uniform"] = Uniform(-bound, bound)
        if name != "default":
            laws[f"{name} normal"] = Normal(math.sqrt(variance))
    return laws


def _own(role: Role) -> dict[str, Distribution]:
    return _laws(role.fan_in, role.fan_out)


def _of_other_fans(
    one: Holds, right: dict[str, Distribution], wrong: dict[str, Distribution]
) -> tuple[str, float] | None:
    """Return the law by wrong fans that a weight is consistent with, and by which factor its variance is wrong.

    None where it is consistent with no such law, or with one by its own fans.
    """
    if any(one.could_be(law) for law in right.values()):
        return None
    for name, law in wrong.items():
        factor = law.variance / right[name].variance
        if factor != 1 and one.could_be(law):
            return name, factor
    return None


def _wrong_fans(
    cause: FaultCause, found: list[tuple[Holds, str, float]], sentence: str, remedy: str
) -> Iterator[Fault]:
    if not found:
        return
    worst = max(found, key=lambda one: abs(math.log(one[2])))
    factor = worst[2]
    normalized = all(one.parameter.following is not None and one.parameter.following.normalized for one, _, _ in found)
    large = not 1 / LARGE_FACTOR <= factor <= LARGE_FACTOR
    yield Fault(
        cause,
        Severity.WARNING if large and not normalized else Severity.NOTE,
        names_of([one for one, _, _ in found]),
        f"{sentence}: with {worst[1]} the spread is {math.sqrt(factor):.3g} of what it should be",
        {"factor on the variance": factor, "factor on the spread": math.sqrt(factor)},
        remedy,
    )

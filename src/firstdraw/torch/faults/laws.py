"""Laws that do not suit where their weights stand."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from firstdraw.activations import LeakyReLU, ReLU
from firstdraw.diagnosis.finding import Severity
from firstdraw.diagnosis.thresholds import SIGNAL_FACTOR
from firstdraw.distributions import Normal
from firstdraw.torch.faults.fault import Contents, Fault, names_of, second_moment_of
from firstdraw.torch.holding import Holds
from firstdraw.torch.library import Module
from firstdraw.torch.skeleton import inner

__all__ = ["default_under_rectifier", "half_orthogonal", "unit_embedding", "unscaled_branches", "untruncated"]

# Of the second moment less than this is left where the signal counts as vanishing.
LITTLE_LEFT: Final = SIGNAL_FACTOR**-2

# A call with a spread and without bounds; those of the function's defaults are -2 and 2, whatever the spread.
_ARGUMENTS: Final = r"(?:[^()]|\([^()]*\))*"
UNBOUNDED: Final = re.compile(rf"trunc_normal_\((?={_ARGUMENTS}\bstd\s*=)(?!{_ARGUMENTS}\b[ab]\s*=)")
# A power of -1/2, or a division by a root.
ROOTED: Final = re.compile(
    r"\*\*\s*\(?\s*-\s*(?:0?\.5|1\s*/\s*2)\b|\brsqrt\b|/\s*(?:\w+\.)*sqrt\(|/[^\n=]*\*\*\s*0?\.5\b"
)


def default_under_rectifier(contents: Contents) -> Iterator[Fault]:
    """Find weights of PyTorch's default law that a rectifier follows."""
    found: list[tuple[Holds, float]] = []
    for one, role in contents.weights:
        following = one.parameter.following
        rectifier = role.activation
        if not one.is_default or following is None or following.normalized or role.operation == "embedding":
            continue
        if isinstance(rectifier, ReLU | LeakyReLU):
            a = rectifier.slope if isinstance(rectifier, LeakyReLU) else 0.0
            found.append((one, role.fan_in * second_moment_of(one) * (1 + a * a) / 2))
    if not found:
        return
    left = math.prod(factor for _, factor in found)
    average = left ** (1 / len(found))
    inside = all(one.parameter.branch is not None for one, _ in found)
    yield Fault(
        "default law under a rectifier",
        Severity.WARNING if left < LITTLE_LEFT and not inside else Severity.NOTE,
        names_of([one for one, _ in found]),
        f"PyTorch's default law leaves {average:.3g} of the second moment a layer, {left:.3g} over {len(found)} layers",
        {"factor a layer": average, "layers": len(found), "factor over all": left},
        "`firstdraw.torch.initialize(model, 'he_normal')` keeps it: N(0, 2/n), n the fan-in",
    )


def unit_embedding(contents: Contents) -> Iterator[Fault]:
    """Find embeddings of N(0, 1) that are a readout too, or that drown what branches add."""
    found = [
        (one, role)
        for one, role in contents.weights
        if (role.operation == "embedding" or role.tied is not None) and one.could_be(Normal(1.0))
    ]
    if not found:
        return
    tied = [one for one, role in found if role.tied is not None]
    width = max(role.shape[-1] for _, role in found)
    loud = [one for one in tied if not _divided(contents.model, one)]
    drowning = _added(contents) < 1
    sentence = "rows of N(0, 1), the default of `torch.nn.Embedding`"
    if loud:
        sentence += f", are the readout too: logits start with a variance of about {width}"
    elif drowning:
        sentence += ", drown what the branches add to them"
    elif tied:
        sentence += ", are the readout too, before which the model's code divides by a root"
    yield Fault(
        "embedding of unit variance",
        Severity.WARNING if loud or drowning else Severity.NOTE,
        names_of([one for one, _ in found]),
        sentence,
        {"second moment": second_moment_of(found[0][0]), "width": float(width)},
        "Transformers of text draw N(0, 0.02^2): `firstdraw.torch.initialize(model, 'auto')`",
    )


def _added(contents: Contents) -> float:
    """Return the second moment that all branches add together, if the last layer of each is given one of 1.

    Infinite without branches: nothing is drowned.
    """
    ends = [
        role.fan_in * second_moment_of(one)
        for one, role in contents.weights
        if role.branch is not None and role.branch.is_last
    ]
    return math.fsum(ends) if ends else math.inf


def _divided(model: Module, one: Holds) -> bool:
    """Whether the code around a readout divides by a root, as T5's does with what its unit rows are multiplied with."""
    readout = one.parameter.owner
    around: set[type] = {
        type(one) for one in inner(model).modules() if any(child is readout for child in one.children())
    }
    return any(ROOTED.search(_source(cls)) for cls in around)


def untruncated(contents: Contents) -> Iterator[Fault]:
    """Find normal weights that the code believes to be truncated."""
    if not _calls_unbounded(contents.model):
        return
    found: list[Holds] = []
    for one, _ in contents.weights:
        seen = one.observation
        if seen is None or not seen.variance > 0 or seen.variance > 0.25:
            continue
        sigma = math.sqrt(seen.variance)
        beyond = max(abs(seen.smallest), abs(seen.largest)) > 2.5 * sigma
        if beyond and one.could_be(Normal(sigma)):
            found.append(one)
    if found:
        seen = found[0].observation
        assert seen is not None  # noqa: S101  # its variance was read
        sigma = math.sqrt(seen.variance)
        yield Fault(
            "truncated normal that truncates nothing",
            Severity.NOTE,
            names_of(found),
            f"the model's code calls `trunc_normal_` with a spread and no bounds, which are then -2 and 2: "
            f"{2 / sigma:.3g} standard deviations out, and nothing is cut",
            {"standard deviation": sigma, "bound in standard deviations": 2 / sigma},
            "Say `a=-2*std, b=2*std`, or use 'truncated_normal', whose cut is counted in standard deviations",
        )


def _calls_unbounded(model: Module) -> bool:
    """Whether the code of a class of the model's own calls `trunc_normal_` without bounds."""
    classes: set[type] = {cls for module in inner(model).modules() for cls in type(module).__mro__}
    return any(
        UNBOUNDED.search(_source(cls)) for cls in classes if not cls.__module__.startswith(("torch.", "builtins"))
    )


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def unscaled_branches(contents: Contents) -> Iterator[Fault]:
    """Find last layers of residual branches with the spread of all others."""
    count = len(contents.roles.branches)
    if not contents.roles.has_attention or any(branch.normalized_after for branch in contents.roles.branches):
        return
    ends = [one for one, role in contents.weights if role.branch is not None and role.branch.is_last]
    begins = [one for one, role in contents.weights if role.branch is not None and role.branch.position == 1]
    if count < 2 or not ends or not begins:
        return
    spread = math.sqrt(float(np.median([second_moment_of(one) for one in begins])))
    alike = [one for one in ends if spread > 0 and one.could_be(Normal(spread)) and 0.8 < _ratio(one, spread) < 1.25]
    if len(alike) == len(ends):
        yield Fault(
            "residual projections not scaled",
            Severity.NOTE,
            names_of(alike),
            f"the last layers of {count} branches have the spread {spread:.3g} of all others, and what they add grows "
            f"{count}-fold",
            {"branches": count, "spread": spread, "spread by GPT-2": spread / math.sqrt(count)},
            f"GPT-2 divides it by sqrt({count}): `firstdraw.torch.initialize(model, 'auto')`",
        )


def _ratio(one: Holds, spread: float) -> float:
    return second_moment_of(one) / (spread * spread)


def half_orthogonal(contents: Contents) -> Iterator[Fault]:
    """Find orthogonal matrices that are rounded coarsely."""
    found = [
        one for one, _ in contents.weights if one.orthogonal and one.observation and one.observation.rounding > 1e-4
    ]
    if found:
        rounding = max(one.observation.rounding for one in found if one.observation)
        yield Fault(
            "orthogonal in half precision",
            Severity.NOTE,
            names_of(found),
            f"orthogonal matrices whose numbers are rounded to {rounding:.2g} of themselves: their products with "
            f"themselves miss the identity by as much, and deep products drift",
            {"rounding": rounding},
            "Keep a copy in float32, or let the gain be corrected by a normalization",
        )

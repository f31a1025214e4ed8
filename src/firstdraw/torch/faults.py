"""The known faults of initialization, each by its name, with the numbers that show it and the remedy.

Each is known from the threads in which users found it; the functions below name one each.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from firstdraw.activations import LeakyReLU, ReLU
from firstdraw.arrays import Floats
from firstdraw.diagnosis.finding import Severity
from firstdraw.distributions import Distribution, Normal, Uniform
from firstdraw.roles import Role
from firstdraw.torch.holding import Holds
from firstdraw.torch.library import Module
from firstdraw.torch.modules import ParameterKind
from firstdraw.torch.roles import ModelRoles
from firstdraw.torch.skeleton import inner

__all__ = ["Fault", "FaultCause", "faults_of"]

FaultCause: TypeAlias = Literal[
    "never initialized",
    "not finite",
    "default law under a rectifier",
    "packed projection with the fans of the whole",
    "grouped convolution with the fan of all groups",
    "transposed convolution with its fans exchanged",
    "embedding of unit variance",
    "truncated normal that truncates nothing",
    "identical layers",
    "residual projections not scaled",
    "both factors of a product zero",
    "tied tensors",
    "orthogonal in half precision",
    "frozen parameter",
    "parameter never reached",
]

# A factor on the variance below 3 either way is lost among those of other layers; a larger one is worth a warning.
LARGE_FACTOR: Final = 3.0
# Of the signal less than this is left behind the layers together: the gradient's scale, and Adam's first steps, suffer.
LITTLE_LEFT: Final = 0.01
# No initialization draws such numbers; memory that nobody wrote holds them (1e37 was seen).
ABSURD: Final = 1e8
# Two tensors whose first numbers are correlated like this come from one stream; 64 independent ones never are.
SAME_STREAM: Final = 0.9999
FEWEST_VALUES: Final = 16
DRAWN: Final[tuple[ParameterKind, ...]] = ("weight", "bias")
MOST_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One known fault.

    Args:
        cause: its name.
        severity: how bad it is.
        places: the names of the parameters that have it.
        sentence: what is so, with its numbers, ending without a full stop.
        evidence: the numbers, by name.
        remedy: what to change.
    """

    cause: FaultCause
    severity: Severity
    places: tuple[str, ...]
    sentence: str
    evidence: dict[str, float]
    remedy: str

    def __str__(self) -> str:
        rest = f" and {len(self.places) - MOST_PLACES} more" if len(self.places) > MOST_PLACES else ""
        places = ", ".join(self.places[:MOST_PLACES]) + rest
        return f"{self.severity.name.lower()}: {self.cause} ({places}): {self.sentence}. {self.remedy}."

    def as_table(self) -> dict[str, Any]:
        """Return the fault as a table of plain values."""
        return asdict(self) | {"severity": self.severity.name.lower(), "places": list(self.places)}


def faults_of(model: Module, roles: ModelRoles, held: list[Holds]) -> tuple[Fault, ...]:
    """Return the known faults of a model, the worst first.

    Args:
        model: the model.
        roles: its parameters.
        held: what each of them holds, in the same order.
    """
    found = [fault for look in LOOKS for fault in look(model, roles, held)]
    return tuple(sorted(found, key=lambda fault: -fault.severity))


def _names(held: list[Holds]) -> tuple[str, ...]:
    return tuple(one.parameter.name for one in held)


def _weights(held: list[Holds]) -> list[tuple[Holds, Role]]:
    pairs = ((one, one.parameter.role) for one in held)
    return [(one, role) for one, role in pairs if role is not None and role.kind == "weight"]


def _second_moment(one: Holds) -> float:
    return math.nan if one.observation is None else one.observation.second_moment


def _never_initialized(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    meta = [one for one in held if one.observation is None and one.parameter.tensor.is_meta]
    if meta:
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            _names(meta),
            f"{len(meta)} of {len(held)} tensors are on the meta device and hold nothing",
            {"tensors": len(meta)},
            "Give them memory with `model.to_empty(device=...)`, then call `firstdraw.torch.initialize`",
        )
    absurd = [one for one in held if (seen := one.observation) is not None and _is_absurd(seen.smallest, seen.largest)]
    if absurd:
        largest = max(
            max(abs(one.observation.smallest), abs(one.observation.largest)) for one in absurd if one.observation
        )
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            _names(absurd),
            f"numbers up to {largest:.3g} are what memory holds that nobody wrote",
            {"largest": largest},
            "Call `firstdraw.torch.initialize` after `to_empty`, or the layers' `reset_parameters`",
        )
    scales = [one for one in held if one.parameter.kind == "scale"]
    weights = [one for one, _ in _weights(held)]
    empty = [*scales, *weights] if scales and all(one.is_zero for one in [*scales, *weights]) else []
    if not empty and len(weights) > 1 and all(one.is_zero for one in weights):
        empty = weights
    if empty:
        yield Fault(
            "never initialized",
            Severity.BROKEN,
            _names(empty),
            f"all {len(empty)} weights and scales are 0, as memory is that nobody wrote",
            {"tensors": len(empty)},
            "Call `firstdraw.torch.initialize` after `to_empty`, or the layers' `reset_parameters`",
        )


def _is_absurd(smallest: float, largest: float) -> bool:
    return max(abs(smallest), abs(largest)) > ABSURD


def _not_finite(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    broken = [one for one in held if one.observation is not None and not one.observation.finite]
    if broken:
        yield Fault(
            "not finite",
            Severity.BROKEN,
            _names(broken),
            f"{len(broken)} tensors hold NaN or infinity",
            {"tensors": len(broken)},
            "Memory that nobody wrote, or a run that diverged: call `firstdraw.torch.initialize`",
        )


def _default_under_rectifier(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found: list[tuple[Holds, float]] = []
    for one, role in _weights(held):
        following = one.parameter.following
        rectifier = role.activation
        if not one.is_default or following is None or following.normalized or role.operation == "embedding":
            continue
        if isinstance(rectifier, ReLU | LeakyReLU):
            a = rectifier.slope if isinstance(rectifier, LeakyReLU) else 0.0
            found.append((one, role.fan_in * _second_moment(one) * (1 + a * a) / 2))
    if not found:
        return
    left = math.prod(factor for _, factor in found)
    average = left ** (1 / len(found))
    inside = all(one.parameter.branch is not None for one, _ in found)
    yield Fault(
        "default law under a rectifier",
        Severity.WARNING if left < LITTLE_LEFT and not inside else Severity.NOTE,
        _names([one for one, _ in found]),
        f"PyTorch's default law leaves {average:.3g} of the second moment a layer, {left:.3g} over {len(found)} layers",
        {"factor a layer": average, "layers": len(found), "factor over all": left},
        "`firstdraw.torch.initialize(model, 'he_normal')` keeps it: N(0, 2/n), n the fan-in",
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
        _names([one for one, _, _ in found]),
        f"{sentence}: with {worst[1]} the spread is {math.sqrt(factor):.3g} of what it should be",
        {"factor on the variance": factor, "factor on the spread": math.sqrt(factor)},
        remedy,
    )


def _own(role: Role) -> dict[str, Distribution]:
    return _laws(role.fan_in, role.fan_out)


def _packed(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found = [
        (one, *wrong)
        for one, role in _weights(held)
        if role.layout.parts > 1
        and (wrong := _of_other_fans(one, _own(role), _laws(role.fan_in, role.fan_out * role.layout.parts))) is not None
    ]
    yield from _wrong_fans(
        "packed projection with the fans of the whole",
        found,
        "several projections lie in one weight, whose fan-out was counted for one",
        "Initialize each part by itself: `firstdraw.torch.initialize(model, 'glorot_uniform')` counts them",
    )


def _grouped(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found: list[tuple[Holds, str, float]] = []
    for one, role in _weights(held):
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


def _transposed(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found: list[tuple[Holds, str, float]] = []
    for one, role in _weights(held):
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


def _unit_embedding(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found = [
        (one, role)
        for one, role in _weights(held)
        if (role.operation == "embedding" or role.tied is not None) and one.could_be(Normal(1.0))
    ]
    if not found:
        return
    tied = [role for _, role in found if role.tied is not None]
    width = max(role.shape[-1] for _, role in found)
    sentence = "rows of N(0, 1), the default of `torch.nn.Embedding`"
    if tied:
        sentence += f", are the readout too: logits start with a variance of about {width}"
    elif roles.branches:
        sentence += ", drown what the branches add to them"
    yield Fault(
        "embedding of unit variance",
        Severity.WARNING if tied or roles.branches else Severity.NOTE,
        _names([one for one, _ in found]),
        sentence,
        {"second moment": _second_moment(found[0][0]), "width": float(width)},
        "Language models draw N(0, 0.02^2): `firstdraw.torch.initialize(model, 'auto')`",
    )


# A call with a spread and without bounds; those of the function's defaults are -2 and 2, whatever the spread.
_ARGUMENTS: Final = r"(?:[^()]|\([^()]*\))*"
UNBOUNDED: Final = re.compile(rf"trunc_normal_\((?={_ARGUMENTS}\bstd\s*=)(?!{_ARGUMENTS}\b[ab]\s*=)")


def _untruncated(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    if not _calls_unbounded(model):
        return
    found: list[Holds] = []
    for one, _ in _weights(held):
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
            _names(found),
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


def _identical(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    # Frozen and bare tensors may be tables that are computed and not drawn, such as those of positions.
    drawn = [one for one in held if one.parameter.kind in DRAWN and not one.parameter.is_frozen]
    varied = [one for one in drawn if len(one.head) >= FEWEST_VALUES and len(np.unique(one.head)) >= FEWEST_VALUES]
    groups: dict[tuple[float, ...], list[Holds]] = {}
    for one in varied:
        head: Floats = one.head[:FEWEST_VALUES] / abs(one.head[:FEWEST_VALUES]).max()
        # Signs and proportions of the first numbers: tensors of one stream share them, whatever their spread.
        groups.setdefault(tuple(round(float(value), 2) for value in head), []).append(one)
    for alike in groups.values():
        first = alike[0]
        same = [one for one in alike if one is first or _is_same_stream(first, one)]
        if len(same) < 2:
            continue
        equal = all(_is_equal(first, one) for one in same[1:])
        what = "hold the same numbers" if equal else "begin with the same numbers, up to their spread"
        yield Fault(
            "identical layers",
            Severity.WARNING,
            _names(same),
            f"{len(same)} tensors {what}: one seed, or one copied layer, serves them all",
            {"tensors": len(same)},
            "`firstdraw.torch.initialize` draws every parameter by its name; or let the generator go on between layers",
        )


def _is_same_stream(one: Holds, other: Holds) -> bool:
    count = min(len(one.head), len(other.head))
    return bool(np.corrcoef(one.head[:count], other.head[:count])[0, 1] > SAME_STREAM)


def _is_equal(one: Holds, other: Holds) -> bool:
    first, second = one.parameter.tensor, other.parameter.tensor
    return first.shape == second.shape and bool((first.detach() == second.detach()).all())


def _unscaled_branches(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    count = len(roles.branches)
    if not roles.has_attention or any(branch.normalized_after for branch in roles.branches):
        return
    ends = [one for one, role in _weights(held) if role.branch is not None and role.branch.is_last]
    begins = [one for one, role in _weights(held) if role.branch is not None and role.branch.position == 1]
    if count < 2 or not ends or not begins:
        return
    spread = math.sqrt(float(np.median([_second_moment(one) for one in begins])))
    alike = [one for one in ends if spread > 0 and one.could_be(Normal(spread)) and 0.8 < _ratio(one, spread) < 1.25]
    if len(alike) == len(ends):
        yield Fault(
            "residual projections not scaled",
            Severity.NOTE,
            _names(alike),
            f"the last layers of {count} branches have the spread {spread:.3g} of all others, and what they add grows "
            f"{count}-fold",
            {"branches": count, "spread": spread, "spread by GPT-2": spread / math.sqrt(count)},
            f"GPT-2 divides it by sqrt({count}): `firstdraw.torch.initialize(model, 'auto')`",
        )


def _ratio(one: Holds, spread: float) -> float:
    return _second_moment(one) / (spread * spread)


def _zero_product(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    zero = [one for one in held if one.is_zero and one.parameter.kind in FACTORS]
    groups: dict[tuple[str, int], list[Holds]] = {}
    for one in zero:
        role = one.parameter.role
        if role is not None and role.branch is not None:
            groups.setdefault((BRANCH, role.branch.number), []).append(one)
        # The two factors of an adapter stand in one module, or in two of one module.
        for around in {one.parameter.layer, one.parameter.layer.rpartition(".")[0]}:
            groups.setdefault((around, 0), []).append(one)
    told: set[tuple[str, ...]] = set()
    for (where, _), factors in groups.items():
        chained = [(a, b) for a in factors for b in factors if a is not b and (where == BRANCH or _compose(a, b))]
        names = tuple(sorted({one.parameter.name for pair in chained for one in pair}))
        if names and names not in told:
            told.add(names)
            yield Fault(
                "both factors of a product zero",
                Severity.BROKEN,
                names,
                "each is multiplied with the other, so that the gradient of both is 0 at the start and stays so",
                {"factors": len(names)},
                "Start one of them at 0, and draw the others",
            )


# No module has this name.
BRANCH: Final = "a branch"
FACTORS: Final[tuple[ParameterKind, ...]] = ("weight", "bare")


def _compose(one: Holds, other: Holds) -> bool:
    """Whether two matrices can be multiplied, the first with the second's outputs."""
    a, b = one.parameter.shape, other.parameter.shape
    return len(a) == len(b) == 2 and a[1] == b[0]


def _tied(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    for one, role in _weights(held):
        if role.tied is not None:
            yield Fault(
                "tied tensors",
                Severity.NOTE,
                one.parameter.names,
                f"one tensor serves as an embedding, of fan-in {role.tied.fan_in:g}, and as a layer of fan-in "
                f"{role.fan_in:g}: whichever is initialized last decides",
                {"fan-in": float(role.fan_in), "fan-in as an embedding": float(role.tied.fan_in)},
                "Initialize it once, for the readout: N(0, 0.02^2) serves both",
            )


def _half_orthogonal(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    found = [one for one, _ in _weights(held) if one.orthogonal and one.observation and one.observation.rounding > 1e-4]
    if found:
        rounding = max(one.observation.rounding for one in found if one.observation)
        yield Fault(
            "orthogonal in half precision",
            Severity.NOTE,
            _names(found),
            f"orthogonal matrices whose numbers are rounded to {rounding:.2g} of themselves: their products with "
            f"themselves miss the identity by as much, and deep products drift",
            {"rounding": rounding},
            "Keep a copy in float32, or let the gain be corrected by a normalization",
        )


def _frozen(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    frozen = [one for one in held if one.parameter.is_frozen]
    if frozen:
        yield Fault(
            "frozen parameter",
            Severity.NOTE,
            _names(frozen),
            f"{len(frozen)} of {len(held)} tensors have `requires_grad` False: no training moves them",
            {"tensors": len(frozen)},
            "`parameter.requires_grad_()` if this is not meant",
        )


def _never_reached(model: Module, roles: ModelRoles, held: list[Holds]) -> Iterator[Fault]:  # noqa: ARG001
    reached = roles.reached
    if reached is None:
        return
    lost = [one for one in held if not any(_is_reached(name, reached) for name in one.parameter.names)]
    if lost:
        yield Fault(
            "parameter never reached",
            Severity.WARNING,
            _names(lost),
            f"the model's code does not use {len(lost)} of {len(held)} tensors: they get no gradient",
            {"tensors": len(lost)},
            "Use their module in `forward`, or remove it",
        )


def _is_reached(name: str, reached: frozenset[str]) -> bool:
    words = name.split(".")
    return any(".".join(words[:length]) in reached for length in range(1, len(words) + 1)) or "" in reached


Look: TypeAlias = Callable[[Module, ModelRoles, list[Holds]], Iterator[Fault]]
LOOKS: Final[tuple[Look, ...]] = (
    _never_initialized,
    _not_finite,
    _default_under_rectifier,
    _packed,
    _grouped,
    _transposed,
    _unit_embedding,
    _untruncated,
    _identical,
    _unscaled_branches,
    _zero_product,
    _tied,
    _half_orthogonal,
    _frozen,
    _never_reached,
)

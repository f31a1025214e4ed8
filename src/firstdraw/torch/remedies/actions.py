"""What can be done to a parameter, and how plain PyTorch says it.

An action is told by the code that does it, and done by running this code: what is printed cannot differ from what was
done. Numbers are rounded to six digits before either.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Final

from firstdraw.arrays import Shape
from firstdraw.distributions import Constant, Distribution, Normal, Orthogonal, Packed, TruncatedNormal, Uniform

__all__ = ["Action", "Center", "Draw", "Multiply", "Place", "SetTo", "code_number", "quoted"]

IN_PLACE: Final = ("float32", "float64")
"""Types of the CPU that `torch.nn.init` draws in by itself; for others a draw in float32 is copied."""


def quoted(name: str) -> str:
    """Write a name as a string of Python's.

    >>> quoted("0.weight")
    '"0.weight"'
    """
    text = repr(name)
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text


def code_number(value: float) -> str:
    """Write a number with six digits.

    >>> code_number(6**0.5)
    '2.44949'
    """
    return repr(float(f"{value:.6g}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A parameter as code reaches it.

    Args:
        name: the parameter's in the model.
        module: the name of the module that holds it.
        key: its name there.
        shape: its shape.
        type: the name of its floating-point type.
        device: the kind of device that it is on.
        computed: whether the module computes it from other parameters, to which it is handed back by an assignment.
        size: the name of the parameter that is its size alone, as of a weight normalization; "" where there is none.
        normalized: whether it keeps its size whatever is assigned to it, as by a spectral normalization.
        padding: the row of an embedding that stays 0; None where there is none.
    """

    name: str
    module: str
    key: str
    shape: Shape
    type: str
    device: str
    computed: bool = False
    size: str = ""
    normalized: bool = False
    padding: int | None = None

    @property
    def expression(self) -> str:
        """The parameter itself."""
        if self.computed:
            return f"model.get_submodule({quoted(self.module)}).{self.key}" if self.module else f"model.{self.key}"
        return f"model.get_parameter({quoted(self.name)})"

    @property
    def in_place(self) -> bool:
        """Whether `torch.nn.init` can draw in the parameter's own memory."""
        return not self.computed and self.device == "cpu" and self.type in IN_PLACE

    def assigned(self, value: str) -> str:
        """The statement that writes the value of an expression."""
        if not self.computed:
            return f"{self.expression}.copy_({value})"
        plain = self.device == "cpu" and self.type in IN_PLACE
        return f"{self.expression} = {value}" if plain else f"{self.expression} = ({value}).to({self.expression})"

    def part(self, rows: slice | None) -> str:
        """The parameter, or some of its rows."""
        return self.expression if rows is None else f"{self.expression}[{rows.start}:{rows.stop}]"

    def part_shape(self, rows: slice | None) -> Shape:
        """The shape of these."""
        return self.shape if rows is None else (rows.stop - rows.start, *self.shape[1:])


class Action(ABC):
    """What is done to one parameter."""

    @abstractmethod
    def lines(self, place: Place) -> tuple[str, ...]:
        """Return the statements that do it."""

    @abstractmethod
    def scaled(self, factor: float) -> Action:
        """Return what does this and then multiplies the parameter."""

    @property
    def draws(self) -> bool:
        """Whether random numbers are needed."""
        return False


@dataclass(frozen=True, slots=True)
class Multiply(Action):
    """Multiply all its numbers by one factor: directions stay as they were drawn.

    Args:
        factor: finite, not 0.

    >>> place = Place(name="0.weight", module="0", key="weight", shape=(4, 4), type="float32", device="cpu")
    >>> Multiply(6**0.5).lines(place)
    ('model.get_parameter("0.weight").mul_(2.44949)',)
    """

    factor: float

    def lines(self, place: Place) -> tuple[str, ...]:
        factor = code_number(self.factor)
        if place.size:
            return (f"model.get_parameter({quoted(place.size)}).mul_({factor})",)
        if place.computed:
            return (f"{place.expression} = {factor} * {place.expression}",)
        return (f"{place.expression}.mul_({factor})",)

    def scaled(self, factor: float) -> Action:
        return Multiply(self.factor * factor)

    def __str__(self) -> str:
        return f"x {self.factor:.4g}"


@dataclass(frozen=True, slots=True)
class Draw(Action):
    """Fill it by a law.

    Args:
        law: one that `torch.nn.init` draws from, or several of them for the parts of a packed parameter.

    >>> place = Place(name="0.weight", module="0", key="weight", shape=(4, 4), type="bfloat16", device="cpu")
    >>> Draw(Normal(0.02)).lines(place)  # doctest: +ELLIPSIS
    ('model.get_parameter("0.weight").copy_(torch.nn.init.normal_(torch.empty(4, 4, ...), std=0.02, generator=...))',)
    """

    law: Distribution

    def lines(self, place: Place) -> tuple[str, ...]:
        if place.computed:
            return (place.assigned(_call(self.law, _empty(place.shape, place.type))),)
        lines = tuple(
            _call(law, place.part(rows))
            if place.in_place
            else f"{place.part(rows)}.copy_({_call(law, _empty(place.part_shape(rows), place.type))})"
            for rows, law in _parts(self.law, place.shape)
        )
        return lines if place.padding is None else (*lines, f"{place.expression}[{place.padding}].zero_()")

    def scaled(self, factor: float) -> Action:
        return Draw(_scaled(self.law, factor))

    @property
    def draws(self) -> bool:
        return any(not isinstance(law, Constant) for _, law in _parts(self.law, ()))

    def __str__(self) -> str:
        return str(self.law)


@dataclass(frozen=True, slots=True)
class Center(Action):
    """Set a bias to -m times the sum of its unit's weights, which takes away what a mean m of all inputs brings in.

    Args:
        weight: the weight, with the units along its first axis.
        mean: m.

    >>> weight = Place(name="2.weight", module="2", key="weight", shape=(4, 8), type="float32", device="cpu")
    >>> bias = Place(name="2.bias", module="2", key="bias", shape=(4,), type="float32", device="cpu")
    >>> Center(weight, 0.5).lines(bias)
    ('model.get_parameter("2.bias").copy_(-0.5 * model.get_parameter("2.weight").flatten(1).sum(1))',)
    """

    weight: Place
    mean: float

    def lines(self, place: Place) -> tuple[str, ...]:
        value = f"{code_number(-self.mean)} * {self.weight.expression}.flatten(1).sum(1)"
        return (place.assigned(value),)

    def scaled(self, factor: float) -> Action:
        return Center(self.weight, factor * self.mean)

    def __str__(self) -> str:
        return f"{-self.mean:.4g} x row sums"


@dataclass(frozen=True, slots=True)
class SetTo(Action):
    """Set its numbers, one by one.

    Args:
        values: of a vector.
    """

    values: tuple[float, ...]

    def lines(self, place: Place) -> tuple[str, ...]:
        return (place.assigned(f"torch.tensor([{', '.join(map(code_number, self.values))}])"),)

    def scaled(self, factor: float) -> Action:
        return SetTo(tuple(factor * value for value in self.values))

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self.values[:3])
        return shown + (", ..." if len(self.values) > 3 else "")


def _empty(shape: Shape, kind: str) -> str:
    wide = "float64" if kind == "float64" else "float32"
    return f'torch.empty({", ".join(map(str, shape))}, dtype=torch.{wide}, device="cpu")'


def _parts(law: Distribution, shape: Shape) -> list[tuple[slice | None, Distribution]]:
    """Return the rows that have a law of their own; None stands for all of them."""
    count = law.layout.parts if isinstance(law, Packed | Orthogonal) else 1
    if count == 1:
        return [(None, law)]
    laws = law.laws if isinstance(law, Packed) else (law,) * count
    rows = shape[0] // count if shape else 0
    return [(slice(i * rows, (i + 1) * rows), part) for i, part in enumerate(laws)]


def _call(law: Distribution, target: str) -> str:
    """Write a call of `torch.nn.init`; a law that it does not know is drawn as the normal one of its variance."""
    match law:
        case Constant(value=0.0):
            return f"torch.nn.init.zeros_({target})"
        case Constant(value=1.0):
            return f"torch.nn.init.ones_({target})"
        case Constant(value=value):
            return f"torch.nn.init.constant_({target}, {code_number(value)})"
        case Uniform(low=low, high=high):
            bounds = f"a={code_number(low)}, b={code_number(high)}"
            return f"torch.nn.init.uniform_({target}, {bounds}, generator=generator)"
        case TruncatedNormal(scale=scale, cut=cut):
            bound = cut * scale
            bounds = f"a={code_number(-bound)}, b={code_number(bound)}"
            return f"torch.nn.init.trunc_normal_({target}, std={code_number(scale)}, {bounds}, generator=generator)"
        case Orthogonal(gain=gain):
            return f"torch.nn.init.orthogonal_({target}, gain={code_number(gain)}, generator=generator)"
        case _:
            spread = code_number(math.sqrt(law.second_moment))
            return f"torch.nn.init.normal_({target}, std={spread}, generator=generator)"


def _scaled(law: Distribution, factor: float) -> Distribution:
    match law:
        case Constant(value=value):
            return Constant(factor * value)
        case Uniform(low=low, high=high):
            return Uniform(factor * low, factor * high)
        case TruncatedNormal() | Normal():
            return replace(law, scale=factor * law.scale)
        case Orthogonal():
            return replace(law, gain=factor * law.gain)
        case Packed():
            return replace(law, laws=tuple(_scaled(part, factor) for part in law.laws))
        case _:
            return Normal(factor * math.sqrt(law.second_moment))

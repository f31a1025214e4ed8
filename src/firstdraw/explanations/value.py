"""What was computed for an explanation, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass

from firstdraw.arrays import Shape
from firstdraw.distributions import Distribution
from firstdraw.gains import Gains

__all__ = ["Abroad", "Effect", "Facts", "Spread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The numbers of a law.

    Args:
        law: the law as a formula writes it.
        mean: the expectation of an element.
        standard_deviation: the square root of its variance.
        second_moment: the expectation of its square.
        lowest: the smallest value an element can take, minus infinity where there is none.
        highest: the largest.
    """

    law: str
    mean: float
    standard_deviation: float
    second_moment: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, law: Distribution) -> Spread:
        """Return the numbers of a distribution."""
        lowest, highest = law.support
        return cls(
            law=str(law),
            mean=law.mean,
            standard_deviation=law.standard_deviation,
            second_moment=law.second_moment,
            lowest=lowest,
            highest=highest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a layer with this law does under an activation, from pre-activations of N(0, 1).

    With n the fan-in, m the fan-out, w an element of the weight, b one of the bias, x ~ N(0, 1):

    Args:
        activation: the activation's name.
        weight_second_moment: E[w^2], of the law for a layer with this activation.
        second_moment: E[phi(x)^2].
        slope_second_moment: E[phi'(x)^2].
        gains: what the gain should be.
        forward_factor: n E[w^2] E[phi(x)^2], with which a layer multiplies the second moment of pre-activations.
        backward_factor: m E[w^2] E[phi'(x)^2], with which it multiplies the second moment of gradients.
        after_ten_layers: what ten such layers without biases make of a second moment of 1.
    """

    activation: str
    weight_second_moment: float
    second_moment: float
    slope_second_moment: float
    gains: Gains
    forward_factor: float
    backward_factor: float
    after_ten_layers: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Abroad:
    """What another framework draws under the same name for the same weight.

    Args:
        framework: whose it is.
        call: how it is asked for, with its defaults; empty where there is nothing of this name.
        spread: the numbers of its law; None where there is nothing of this name.
        same: whether it is the law explained.
        remark: what to know about it.
    """

    framework: str
    call: str
    spread: Spread | None
    same: bool
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that an explanation tells.

    Args:
        name: the initializer or the layer.
        formula: the law of a weight, with n = fan-in, m = fan-out and the options' names.
        inserted: the same with the numbers in their places.
        shape: the shape of the weight, in PyTorch's order of axes.
        example: whether the shape is an example, as none was given.
        operation: what the layer does with it.
        fan_in: how many inputs a unit sums.
        fan_in_counted: how this number comes about.
        fan_out: how many units an input feeds.
        fan_out_counted: how this number comes about.
        weight: the numbers of its law; None where an initializer is for biases alone.
        bias: those of the bias's law; None where there is no bias.
        gain: sqrt(n E[w^2]), the gain that this law amounts to; None without a law of the weight.
        effects: what a layer does under each activation asked for; none where a weight is looked up or gated, or
            has a mean or is centered, so that no gain describes it; none for an activation that an initializer refuses.
        abroad: what other frameworks draw under the same name.
        misread_fan_in: the fan-in that Keras and JAX would count if they were given the shape as it is; None where it
            would be the same.
        remarks: where the law holds, and what it is confused with.
        source: where it was published or is documented.
        verified: whether the formula was confirmed against its source.
    """

    name: str
    formula: str
    inserted: str
    shape: Shape
    example: bool
    operation: str
    fan_in: float
    fan_in_counted: str
    fan_out: float
    fan_out_counted: str
    weight: Spread | None
    bias: Spread | None
    gain: float | None
    effects: tuple[Effect, ...]
    abroad: tuple[Abroad, ...]
    misread_fan_in: int | None
    remarks: tuple[str, ...]
    source: str
    verified: bool

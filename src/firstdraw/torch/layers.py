"""What is measured of a model of PyTorch on a batch: values, without a judgment.

A layer is a call of a module inside which no other layer is called, in the order in which they run; so is an
activation, or a sum of two signals, that a function computes and not a module, where a module is given the result. A
module that is called several times is several layers. The letters: y, `[m, ...]`, is what a layer returns for m
examples, E elements each; C is the loss. None says that there was nothing to be measured; nan that it was so in vain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["InputState", "LayerState", "ModelState", "ParameterState", "Sort"]

Sort: TypeAlias = Literal["weight", "embedding", "normalization", "activation", "sum", "other"]
"""What a layer does: "weight" for one with a matrix or a kernel, "sum" where a residual branch joins its skip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputState:
    """One floating-point tensor that the model is given.

    Args:
        name: where it stands in the call, `args[0]`.
        shape: its shape.
        mean: the mean over all elements.
        rms: the root mean square.
        smallest: the smallest element.
        largest: the largest.
        nonfinite: how many elements are not finite.
        constant: whether all examples are equal.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    rms: float
    smallest: float
    largest: float
    nonfinite: int
    constant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerState:
    """What one layer does on a batch.

    Args:
        number: its place in the order of execution, from 1.
        name: the module's name in the model; of a function the name of the module that is given its result.
        kind: the module's class, or the function ("relu", "sum").
        sort: what it does.
        call: which call of this module it is, from 1.
        parameters: the names of the parameters of the module, and of what is in it.
        fed_by: the numbers of the layers whose outputs lead here without another layer between, as autograd recorded.
        feeds: the numbers of the layers that its output leads to in this way.
        bypassed: whether a skip leads around it, from a layer before it to one after it.
        depth: how many layers with weights lie on the longest way here, this one included.
        shape: that of y.
        examples: m.
        units: how many features or channels y has.
        mean: the mean of y.
        second_moment: the mean of y^2.
        example_variance: the variance of an element of y over the examples, in the mean over the elements.
        correlation: the cosine between the y of two examples, in the mean over all pairs of distinct examples whose y
            is not 0; nan where there is no such pair.
        nonfinite: how many elements of y are not finite.
        dead_units: of a rectifier, how many units are off on every example, so that they cannot learn from any.
        dead_examples: on how many examples all of its units are off.
        flat_share: of a bounded activation, the share of elements on which its derivative is below a hundredth of the
            largest.
        gradient_rms: the root mean square of dC/dy; None where no gradient comes back.
        chi: of a layer with weights, the sum of squares of dC/dy over that of the next such layer: the mean squared
            singular value of the Jacobian between them, as the gradient sees it. None where more than this way leads
            on from here, or to there.
    """

    number: int
    name: str
    kind: str
    sort: Sort
    call: int
    parameters: tuple[str, ...]
    fed_by: tuple[int, ...]
    feeds: tuple[int, ...]
    bypassed: bool
    depth: int
    shape: tuple[int, ...]
    examples: int
    units: int
    mean: float
    second_moment: float
    example_variance: float
    correlation: float
    nonfinite: int
    dead_units: int
    dead_examples: int
    flat_share: float
    gradient_rms: float | None
    chi: float | None

    @property
    def rms(self) -> float:
        """The root mean square of y."""
        return math.sqrt(self.second_moment)

    @property
    def gradient_norm(self) -> float | None:
        """The norm of dC/dy of an example, root mean square over the examples."""
        elements = math.prod(self.shape) / self.examples
        return None if self.gradient_rms is None else self.gradient_rms * math.sqrt(elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterState:
    """One parameter of the model.

    Args:
        name: its name; a tied parameter has the first of its names.
        module: the name of the module that holds it.
        kind: that module's class.
        shape: its shape.
        trainable: whether it asks for a gradient.
        rms: the root mean square of its elements; nan or infinite where one of them is not finite.
        gradient_rms: that of dC/dw; None where no gradient comes to it: frozen, or not on the way to the loss.
        update_ratio: the norm of its change in the optimizer's first step over its own; infinite or nan where it is 0.
            None without an optimizer that holds it, or without a gradient.
        fan_in: how many inputs a unit of a matrix or a kernel sums; None for other parameters, and where this depends
            on the place in the output, as for transposed convolutions.
        units: how many units the weights of a hidden layer describe; None for other parameters.
        distinct_units: how many of these differ, in their weights or in their gradients; None likewise.
    """

    name: str
    module: str
    kind: str
    shape: tuple[int, ...]
    trainable: bool
    rms: float
    gradient_rms: float | None
    update_ratio: float | None
    fan_in: int | None
    units: int | None
    distinct_units: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """What a model does on a batch.

    Args:
        kind: the model's class.
        training: whether it was measured in training mode.
        inputs: the floating-point tensors that it was given.
        layers: in the order of execution.
        parameters: in the order in which the model names them.
        loss: C.
        loss_name: what C is.
        constant_loss: the lowest loss that was found for a prediction which ignores the inputs: an upper bound on that
            of the best one. None without targets.
    """

    kind: str
    training: bool
    inputs: tuple[InputState, ...]
    layers: tuple[LayerState, ...]
    parameters: tuple[ParameterState, ...]
    loss: float
    loss_name: str
    constant_loss: float | None

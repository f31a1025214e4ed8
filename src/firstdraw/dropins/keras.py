"""The initializers as those of Keras."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, Final

import numpy as np

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.arrays import Floats, Shape
from firstdraw.draws import CounterDraws
from firstdraw.dropins.parameter import (
    ParameterInitializer,
    drawn_type,
    framework,
    parameter_initializer,
)
from firstdraw.errors import InputError
from firstdraw.experiments.choices import choose, describe
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.roles import BranchPlace, Operation, Order

__all__ = ["as_keras", "keras_class"]

SETTINGS: Final = ("operation", "order", "groups", "parts", "stacked", "layer", "depth")


def as_keras(
    initializer: str | Initializer,
    *,
    seed: int | None = None,
    name: str | None = None,
    operation: Operation | None = None,
    order: Order = "keras",
    groups: int | None = None,
    parts: int | None = None,
    stacked: int = 0,
    stride: int | Sequence[int] = 1,
    activation: str | Activation | None = None,
    bias_of: Sequence[int] | None = None,
    layer: int | None = None,
    depth: int | None = None,
    branch: BranchPlace | None = None,
    **options: Any,  # noqa: ANN401  # those of the initializer
) -> Any:  # noqa: ANN401  # a class whose base is known once Keras is imported
    """Return an initializer as a `keras.initializers.Initializer`, called with a shape and a type, saved with a model.

        keras.layers.Dense(128, activation="relu", kernel_initializer=as_keras("he_normal"))

    The numbers depend on the seed, the name, the shape and the law alone: neither on the backend nor on the device.
    They are defined in float64; float32 holds their roundings, float16 and bfloat16 those of float32.

    Keras's own initializers give the same numbers on each call, so that two layers of one shape that share one start
    equal. Without a name this one counts its calls instead ("he_normal, call 1", "he_normal, call 2", ...). A copy,
    which `clone` makes and `keras.layers.MultiHeadAttention` for each of its projections, counts from 1 again: without
    a seed it draws a seed of its own; with one it repeats the numbers, so give such layers none.

    Three axes are a convolution's, but for the kernels of `keras.layers.EinsumDense` and `MultiHeadAttention`: these
    tell which axes are inputs, and the matrix that they make is drawn.

    A model that is saved names the class. A program that loads one, and makes none with `as_keras` before, imports
    `KerasInitializer` from `firstdraw.dropins` first, as Keras asks it to do for every class that is not its own.

    Args:
        initializer: its name in the catalogue ("he_normal"), with its options as keyword arguments, or the initializer.
        seed: an integer from 0 to 2^64 - 1; by default one that is drawn from Python's generator, as Keras does for its
            own, so that `keras.utils.set_random_seed` decides it.
        name: the parameter's, which decides the draws with the seed; each call then gives the same numbers.
        operation: what the layer does with its weight; by default "dense" for two axes, "convolution" for three to
            five, or the one operation that the initializer serves. Transposed and depthwise convolutions must say so.
        order: whose order of axes the arrays have.
        groups: into how many groups a convolution splits the channels.
        parts: how many projections lie along the outputs: 4 for the kernels of an LSTM, 3 for those of a GRU.
        stacked: how many leading axes number whole layers, as those of experts do.
        stride: that of a convolution, where the fans shall count it.
        activation: what follows the layer, or its name, for laws that ask for it.
        bias_of: the shape of the layer's weight, where the array is its bias and the law counts its inputs.
        layer: the layer's place in the network, from 1, for laws that ask for it.
        depth: the number of layers in the network, for the same.
        branch: the place in a residual branch, for the same.
        options: of the initializer.

    Raises:
        FirstdrawError: if Keras is not installed.
        InputError: if a name or an option is unknown, or one breaks its rule; the initializer raises where it cannot
            draw a parameter: integers, no elements, a vector for a law that counts a fan.

    >>> initializer = as_keras("he_normal", seed=0)  # doctest: +SKIP
    >>> initializer((256, 128)).shape  # doctest: +SKIP
    torch.Size([256, 128])
    >>> initializer.get_config()["initializer"]  # doctest: +SKIP
    {'name': 'he_normal', 'slope': 0.0, 'mode': 'fan_in'}
    """
    parameter = parameter_initializer(
        initializer,
        options,
        order=order,
        operation=operation,
        groups=groups,
        parts=parts,
        stacked=stacked,
        stride=stride,
        activation=activation,
        bias_of=bias_of,
        layer=layer,
        depth=depth,
        branch=branch,
    )
    return keras_class()(parameter, seed, name)


def described(parameter: ParameterInitializer) -> dict[str, Any]:
    """Return what `read` reads, in the types of JSON; what is None is left out."""
    if parameter.entry not in INITIALIZERS:
        raise InputError("initializer", "must be of the catalogue to be saved", parameter.initializer)
    stride, phi, shape, place = parameter.stride, parameter.activation, parameter.bias_of, parameter.branch
    whole = {setting: getattr(parameter, setting) for setting in SETTINGS} | {
        "initializer": describe(INITIALIZERS, parameter.initializer),
        "stride": list(stride) if isinstance(stride, Sequence) else stride,
        "activation": None if phi is None else describe(ACTIVATIONS, phi),
        "bias_of": None if shape is None else list(shape),
        "branch": None if place is None else asdict(place),
    }
    return {key: value for key, value in whole.items() if value is not None}


def read(config: Mapping[str, Any]) -> ParameterInitializer:
    """Return what `described` wrote."""
    made: dict[str, Any] = {"initializer": choose(INITIALIZERS, config["initializer"])}
    if (phi := config.get("activation")) is not None:
        made["activation"] = choose(ACTIVATIONS, phi)
    if (place := config.get("branch")) is not None:
        made["branch"] = BranchPlace(**place)
    return parameter_initializer(options={}, **{**config, **made})


def _drawn_matrix(
    parameter: ParameterInitializer,
    seed: int,
    name: str,
    shape: Shape,
    axes: tuple[Sequence[int], Sequence[int]],
    out: Floats,
) -> Floats:
    """Draw a kernel of which several axes are inputs, and several outputs, as the matrix that they make.

    Args:
        parameter: what to draw.
        seed: of the draws.
        name: the parameter's.
        shape: the kernel's.
        axes: those of the inputs and those of the outputs.
        out: an array of as many elements.
    """
    ordered = [axis for group in axes for axis in group]
    matrix = tuple(math.prod(shape[axis] for axis in group) for group in axes)
    drawn = parameter.draw(seed, name, matrix, out.reshape(matrix))
    return drawn.reshape([shape[axis] for axis in ordered]).transpose(np.argsort(ordered))


@cache
def keras_class() -> Any:  # noqa: ANN401
    """Return the class of the initializers that `as_keras` makes, and make it known to `keras.saving`.

    Raises:
        FirstdrawError: if Keras is not installed.
    """
    keras = framework("keras", "Keras")

    # `keras.layers.EinsumDense`, and with it attention, tells the axes of its kernel to these alone.
    class KerasInitializer(keras.initializers.VarianceScaling):
        """An initializer of firstdraw in the form of Keras; made by `as_keras`.

        Args:
            parameter: what to draw.
            seed: an integer from 0 to 2^64 - 1; None for one from Python's generator.
            name: the parameter's; None for a name that counts the calls.
            input_axes: which axes of a kernel are inputs; None where the order of axes says it.
            output_axes: which are outputs.
        """

        def __init__(
            self,
            parameter: ParameterInitializer,
            seed: int | None = None,
            name: str | None = None,
            input_axes: Sequence[int] | None = None,
            output_axes: Sequence[int] | None = None,
        ) -> None:
            self.parameter = parameter
            self.seed = seed
            self.name = name
            self.input_axes = input_axes
            self.output_axes = output_axes
            self._draws_seed = CounterDraws(random.getrandbits(64) if seed is None else seed).seed
            self._calls = itertools.count(1)

        def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:  # noqa: ANN401
            """Return an array of a shape and a type; `keras.config.floatx()` by default."""
            shape = tuple(shape)
            target = keras.backend.standardize_dtype(dtype)
            array = np.empty(shape, drawn_type(target))
            name = self.parameter.name_of_call(next(self._calls)) if self.name is None else self.name
            if self.input_axes is None or self.output_axes is None:
                array = self.parameter.draw(self._draws_seed, name, shape, array)
            else:
                axes = (self.input_axes, self.output_axes)
                array = _drawn_matrix(self.parameter, self._draws_seed, name, shape, axes, array)
            return keras.ops.convert_to_tensor(array, dtype=target)

        def get_config(self) -> dict[str, Any]:
            own = {key: getattr(self, key) for key in ("seed", "name", "input_axes", "output_axes")}
            return described(self.parameter) | own

        @classmethod
        def from_config(cls, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
            settings = dict(config)
            own = {key: settings.pop(key, None) for key in ("seed", "name", "input_axes", "output_axes")}
            return cls(read(settings), **own)

        def __repr__(self) -> str:
            return f"as_keras({self.parameter.initializer!r}, seed={self.seed})"

    return keras.saving.register_keras_serializable(package="firstdraw")(KerasInitializer)

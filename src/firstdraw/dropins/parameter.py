"""From an initializer and the shape of a parameter to its numbers: what the three frameworks share."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.arrays import Floats, Shape
from firstdraw.distributions import Distribution
from firstdraw.draws import CounterDraws
from firstdraw.errors import FirstdrawError, InputError, either, located
from firstdraw.experiments.choices import choose
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.roles import BranchPlace, Operation, Order, Role, bias_role, weight_role
from firstdraw.rules import check_non_negative_integer, check_positive_integer

__all__ = ["ParameterInitializer", "drawn_type", "framework", "parameter_initializer"]

FLAT: Final[tuple[Operation, ...]] = ("dense", "embedding", "recurrent")
WITH_KERNEL: Final[tuple[Operation, ...]] = ("convolution", "transposed_convolution")
# Numbers are drawn in float64 or float32; the short types round float32, as the frameworks themselves do.
DRAWN: Final = {"float64": np.float64, "float32": np.float32, "float16": np.float32, "bfloat16": np.float32}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInitializer:
    """An initializer, with what a shape does not say of the parameters that it is to fill.

    A parameter of one axis, besides the stacked ones, is a bias, a scalar is a bias of one number, and every other one
    is a weight.

    Args:
        initializer: what to draw.
        order: whose order of axes the shapes have.
        operation: what the layer does with its weight; by default "dense" for two axes and "convolution" for more, or
            the first operation of so many axes that the initializer serves, where it does not serve these.
        groups: as for `firstdraw.roles.weight_role`, as are the next three.
        parts: by default 1, and for the biases of gates as many as there are gates.
        stacked: how many leading axes number whole layers.
        stride: of a convolution.
        activation: what follows the layer.
        bias_of: the shape of the weight of the layer whose bias is filled, for laws that count a fan.
        layer: the layer's place in its network, from 1.
        depth: the number of layers in the network.
        branch: the place in a residual branch.
    """

    initializer: Initializer
    order: Order
    operation: Operation | None = None
    groups: int | None = None
    parts: int | None = None
    stacked: int = 0
    stride: int | tuple[int, ...] = 1
    activation: Activation | None = None
    bias_of: Shape | None = None
    layer: int | None = None
    depth: int | None = None
    branch: BranchPlace | None = None

    def __post_init__(self) -> None:
        if self.initializer.needs_architecture and (self.layer is None or self.depth is None):
            raise InputError(
                "layer",
                f"must be given, as `depth` must, for {self.entry!r}: its law depends on the place in the network",
            )
        check_non_negative_integer("stacked", self.stacked)
        for name, place in (("layer", self.layer), ("depth", self.depth)):
            if place is not None:
                check_positive_integer(name, place)

    @property
    def entry(self) -> str:
        """The name of the initializer in the catalogue; that of its class where it is in none."""
        known = (name for name, cls in INITIALIZERS.items() if type(self.initializer) is cls)
        return next(known, type(self.initializer).__name__)

    def name_of_call(self, number: int) -> str:
        """Return the name of a parameter that is given none: "he_normal, call 1" for the first one."""
        return f"{self.entry}, call {number}"

    def role(self, shape: Shape, name: str) -> Role:
        """Return the role of the parameter called `name`.

        Raises:
            InputError: if the shape is none of a parameter that the initializer serves.
        """
        if self.bias_of is not None:
            role = bias_role(self._weight(self.bias_of, name), name=name)
            if role.shape != shape:
                raise InputError("shape", f"must be {role.shape}, as the weight's is {self.bias_of}", shape)
            return role
        if len(shape) - self.stacked < 2:
            return self._vector(shape, name)
        role = self._weight(shape, name)
        served = [kind for kind in self.initializer.kinds if kind not in {"bias", "head"}]
        if not served:
            raise InputError("shape", f"must be that of a bias, of one axis, for {self.entry!r}", shape)
        kind = "convolution" if role.operation == "depthwise_convolution" else role.operation
        if kind not in served:
            raise InputError("operation", f"must be {either(served)} for {self.entry!r}", kind)
        return role

    def law(self, shape: Shape, name: str) -> Distribution:
        """Return the law of the parameter called `name`.

        Raises:
            InputError: if the shape is none of a parameter that the initializer serves.
        """
        role = self.role(shape, name)
        # An entry that serves biases by the law of its weights ('normal') leaves them 0 beside weights.
        plain = type(self.initializer).bias_law is Initializer.bias_law and "bias" in self.initializer.kinds
        return self.initializer.weight_law(role) if plain else self.initializer.law(role)

    def draw(self, seed: int, name: str, shape: Shape, out: Floats | None = None) -> Floats:
        """Draw the parameter called `name`; a scalar is drawn as a bias of one output.

        Args:
            seed: an integer from 0 to 2^64 - 1.
            name: the parameter's.
            shape: its shape.
            out: what to fill, float64 or float32, contiguous; by default a new array of float64.
        """
        law, drawn = self.law(shape, name), shape or (1,)
        filled = None if out is None else out.reshape(drawn)
        return law.sample(CounterDraws(seed), name, drawn, out=filled).reshape(shape)

    @property
    def _parts(self) -> int:
        if self.parts is not None:
            return self.parts
        return self.initializer.parts if isinstance(self.initializer, BiasInitializer) else 1

    def _weight(self, shape: Shape, name: str) -> Role:
        kernel = len(shape) - self.stacked > 2
        usual: tuple[Operation, ...] = WITH_KERNEL if kernel else FLAT
        served: list[Operation] = [operation for operation in usual if operation in self.initializer.kinds]
        return weight_role(
            shape,
            operation=self.operation or (served or usual)[0],
            order=self.order,
            groups=self.groups,
            parts=self._parts,
            stacked=self.stacked,
            stride=self.stride,
            name=name,
            layer=self.layer or 1,
            depth=self.depth or 1,
            activation=self.activation,
            branch=self.branch,
        )

    def _vector(self, shape: Shape, name: str) -> Role:
        """Return the role of a bias of whose layer nothing is known but the number of outputs."""
        if "bias" not in self.initializer.kinds:
            raise InputError(
                "shape",
                f"must have an axis of inputs and one of outputs, besides the stacked ones, for {self.entry!r}",
                shape,
                hint="say the shape of its layer's weight with `bias_of` for a bias, or choose 'zeros' for it, and "
                "'constant' with the value 1 for a scale",
            )
        if shape and self.stacked >= len(shape):
            raise InputError("stacked", f"must be below {len(shape)}, the number of axes", self.stacked)
        # The laws of biases that count the inputs of the layer were refused above.
        weight = weight_role(
            (*(shape or (1,)), 1),
            parts=self._parts,
            stacked=self.stacked,
            layer=self.layer or 1,
            depth=self.depth or 1,
            activation=self.activation,
            branch=self.branch,
        )
        return bias_role(weight, name=name)


def parameter_initializer(
    initializer: str | Initializer,
    options: Mapping[str, Any],
    *,
    stride: int | Sequence[int] = 1,
    activation: str | Activation | None = None,
    bias_of: Sequence[int] | None = None,
    **settings: Any,  # noqa: ANN401  # the other fields, as they are
) -> ParameterInitializer:
    """Return an initializer, by its name and options or the given one, with what a shape does not say.

    Raises:
        InputError: if a name or an option is unknown, an option breaks its rule, or options stand beside an initializer
            that has its own.

    >>> parameter_initializer("he_normal", {"mode": "fan_out"}, order="torch", bias_of=[8, 4]).initializer
    HeNormal(slope=0.0, mode='fan_out')
    """
    if isinstance(initializer, str):
        initializer = choose(INITIALIZERS, {"name": initializer, **options})
    # The annotation promises an initializer; a caller may still pass its class.
    elif not isinstance(initializer, Initializer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError("initializer", "must be the name of an initializer, or one", initializer)
    elif options:
        raise InputError(
            "initializer", f"must be given by its name where {next(iter(options))!r} is given", initializer
        )
    if isinstance(activation, str):
        with located("activation"):
            activation = ACTIVATIONS[activation]()
    return ParameterInitializer(
        initializer=initializer,
        stride=tuple(stride) if isinstance(stride, Sequence) else stride,
        activation=activation,
        bias_of=None if bias_of is None else tuple(bias_of),
        **settings,
    )


def drawn_type(name: str) -> type[np.floating[Any]]:
    """Return the type in which the numbers of a parameter of the type `name` are drawn, before they are rounded to it.

    Raises:
        InputError: if no parameter of this type is filled.

    >>> drawn_type("bfloat16").__name__
    'float32'
    """
    if name not in DRAWN:
        raise InputError("dtype", f"must be one of {', '.join(DRAWN)}", name, hint="no entry draws other numbers")
    return DRAWN[name]


def framework(module: str, name: str) -> Any:  # noqa: ANN401  # the core's types do not depend on a framework
    """Import a framework.

    Raises:
        FirstdrawError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise FirstdrawError(f"`as_{module}` needs {name}, which is not installed: `pip install {module}`") from None

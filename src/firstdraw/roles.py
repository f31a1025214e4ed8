"""Floor 1. What a parameter is in its network; every axis is named and every fan counted here.

A weight is a stack of blocks, one a group of channels, part of a packed projection or expert; a block maps n inputs to
m outputs through a kernel of k taps (1 where there is none). With s the product of the strides,

    dense, recurrent        fan-in n         fan-out m
    convolution             fan-in n k       fan-out m k / s
    transposed convolution  fan-in n k / s   fan-out m k
    embedding               fan-in 1         fan-out m

counts how many products a unit sums and how many units an input feeds, away from the borders; where a stride does not
divide a kernel, on the average. Known confusions: PyTorch's fan-out of a grouped convolution counts the outputs of all
groups; its fan-in of a transposed convolution is this fan-out, and the other way round; its fan-in of an embedding is
the dimension, JAX's and Keras's the vocabulary, though a row is looked up alone. No framework divides by the stride;
with `stride` 1, the default, neither is done here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from firstdraw.activations import Activation
from firstdraw.arrays import Floats, Shape
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative_integer, check_positive_integer

__all__ = [
    "BranchPlace",
    "Layout",
    "Operation",
    "Order",
    "Role",
    "TransformerPart",
    "TransformerPlace",
    "bias_role",
    "dense_roles",
    "multiplier_role",
    "tied_role",
    "weight_role",
]

Operation: TypeAlias = Literal[
    "dense", "recurrent", "convolution", "depthwise_convolution", "transposed_convolution", "embedding"
]
Order: TypeAlias = Literal["torch", "keras", "jax"]
TransformerPart: TypeAlias = Literal[
    "query", "key", "value", "attention_output", "feed_forward_in", "feed_forward_out", "embedding", "head"
]

CONVOLUTIONS: Final = ("convolution", "depthwise_convolution", "transposed_convolution")
OPERATIONS: Final = ("dense", "recurrent", *CONVOLUTIONS, "embedding")
ORDERS: Final = ("torch", "keras", "jax")
TRANSFORMER_PARTS: Final[tuple[TransformerPart, ...]] = get_args(TransformerPart)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPlace:
    """Where a parameter stands among the residual branches of its network.

    Args:
        number: which branch it belongs to, from 1.
        count: how many branches the network has.
        position: its layer's place in the branch, from 1.
        length: how many layers the branch has.
    """

    number: int
    count: int
    position: int
    length: int

    @property
    def is_last(self) -> bool:
        """Whether its layer is the last of the branch, whose output is added to the skip connection."""
        return self.position == self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerPlace:
    """Where a parameter stands in a transformer.

    Args:
        parts: what it does; of a packed projection every part in order, ("query", "key", "value") for example. Both
            halves of a gated unit are "feed_forward_in".
        stack: the stack it stands in; a network with one stack alone is either.
        layers: how many layers this stack has.
        other_layers: how many the other stack has; None where there is one stack alone.
        layer: the place of its layer in the stack, from 1; None outside of the layers, for embeddings and the head.
        cross_attention: whether it belongs to the attention of a decoder to the encoder's outputs.
        heads: the number of heads of its attention.

    Raises:
        InputError: if a part is unknown or there is none, a count is no positive integer, or the layer is beyond the
            last.

    >>> place = TransformerPlace(parts=("query", "key", "value"), stack="decoder", layers=12, layer=3)
    >>> weight_role((192, 64), parts=3, transformer=place).transformer == place
    True
    """

    parts: tuple[TransformerPart, ...]
    stack: Literal["encoder", "decoder"]
    layers: int
    other_layers: int | None = None
    layer: int | None = None
    cross_attention: bool = False
    heads: int = 1

    def __post_init__(self) -> None:
        if not self.parts or not set(self.parts) <= set(TRANSFORMER_PARTS):
            raise InputError("parts", f"must be some of {', '.join(TRANSFORMER_PARTS)}", self.parts)
        check_positive_integer("layers", self.layers)
        check_positive_integer("heads", self.heads)
        if self.other_layers is not None:
            check_positive_integer("other_layers", self.other_layers)
        if self.layer is not None and check_positive_integer("layer", self.layer) > self.layers:
            raise InputError("layer", f"must be at most `layers`, which is {self.layers}", self.layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which axis of a parameter holds what.

    Args:
        shape: the shape of the whole parameter.
        outputs: the axis of the outputs.
        inputs: the axis of the inputs; None for a bias.
        kernel: the axes of the kernel, in order.
        stacked: the axes along which whole layers lie side by side, experts for example; no fan counts them.
        groups: into how many groups the channels are split; a group's outputs see its inputs alone.
        grouped: the axis that runs over the channels of all groups; the other one holds those of one group.
        parts: how many projections lie one after the other along the outputs, as in a packed QKV or a gated unit.

    Raises:
        InputError: if a length is no positive integer, or the groups or the parts do not divide their axis.

    >>> convolution = Layout(shape=(8, 2, 3, 3), outputs=0, inputs=1, kernel=(2, 3), groups=4)
    >>> convolution.rows, convolution.columns, convolution.taps, convolution.block_shape
    (2, 2, 9, (4, 2, 2, 3, 3))
    """

    shape: Shape
    outputs: int
    inputs: int | None = None
    kernel: tuple[int, ...] = ()
    stacked: tuple[int, ...] = ()
    groups: int = 1
    grouped: Literal["outputs", "inputs"] = "outputs"
    parts: int = 1

    def __post_init__(self) -> None:
        for axis, length in enumerate(self.shape):
            if length == 0:
                raise InputError(
                    f"shape[{axis}]",
                    "must be a positive integer",
                    length,
                    hint="a parameter without elements has no fan and needs no initializer",
                )
            check_positive_integer(f"shape[{axis}]", length)
        check_positive_integer("groups", self.groups)
        check_positive_integer("parts", self.parts)
        if self.groups > 1 and self.parts > 1:
            raise InputError("parts", f"must be 1 where `groups` is above 1, and it is {self.groups}", self.parts)
        channels = self.shape[self._split_axis]
        if channels % self.groups:
            raise InputError("groups", f"must divide the {channels} channels of axis {self._split_axis}", self.groups)
        if self.shape[self.outputs] % self.parts:
            raise InputError(
                "parts",
                f"must divide the {self.shape[self.outputs]} outputs",
                self.parts,
                hint="projections of different sizes have different fans: give each a role of its own",
            )

    @property
    def _split_axis(self) -> int:
        return self.inputs if self.grouped == "inputs" and self.inputs is not None else self.outputs

    @property
    def rows(self) -> int:
        """The outputs m of one block."""
        split = self.parts * (self.groups if self.grouped == "outputs" else 1)
        return self.shape[self.outputs] // split

    @property
    def columns(self) -> int:
        """The inputs n of one block; 1 where there are none."""
        if self.inputs is None:
            return 1
        return self.shape[self.inputs] // (self.groups if self.grouped == "inputs" else 1)

    @property
    def window(self) -> tuple[int, ...]:
        """The lengths of the kernel."""
        return tuple(self.shape[axis] for axis in self.kernel)

    @property
    def taps(self) -> int:
        """The number k of places in the kernel."""
        return math.prod(self.window)

    @property
    def channels_last(self) -> bool:
        """Whether the outputs lie behind the kernel, as in Keras and JAX."""
        return bool(self.kernel) and self.outputs > self.kernel[0]

    @property
    def block_shape(self) -> Shape:
        """The shape of `view`: stacked layers, then groups or parts, m, n, and the kernel."""
        stacked = tuple(self.shape[axis] for axis in self.stacked)
        return (*stacked, self.groups * self.parts, self.rows, self.columns, *self.window)

    def view(self, parameter: Floats) -> Floats:
        """Return a view of a parameter in which every layout has the same order of axes, that of `block_shape`.

        Args:
            parameter: an array of the layout's shape.

        >>> import numpy as np
        >>> packed = Layout(shape=(6, 5), outputs=0, inputs=1, parts=3)
        >>> packed.view(np.arange(30.0).reshape(6, 5))[1, :, 0]
        array([10., 15.])
        """
        inputs = () if self.inputs is None else (self.inputs,)
        ordered = parameter.transpose((*self.stacked, self.outputs, *inputs, *self.kernel))
        stacked, split = ordered.shape[: len(self.stacked)], self.groups * self.parts
        if self.grouped == "inputs" and self.groups > 1:
            halves = ordered.reshape((*stacked, self.rows, split, self.columns, *self.window))
            return halves.swapaxes(len(stacked), len(stacked) + 1)
        return ordered.reshape(self.block_shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an initializer may know about a parameter.

    Args:
        name: the parameter's name, unique in its network; the default draws are keyed by it.
        kind: a weight is multiplied with activations, a bias added to them; a scalar multiplies all of a residual
            branch's output.
        shape: the shape of the parameter, in the axis order of its framework.
        fan_in: how many inputs a unit of the layer sums; a bias has its layer's, a scalar 1.
        fan_out: how many units an input of the layer feeds; a bias has its layer's, a scalar 1.
        layer: the layer's place, from 1; a scalar has that of its branch's last layer.
        depth: the number of layers in the network.
        activation: what follows the layer; None where nothing does: after the last layer, whose output goes to the
            loss, after the last one of a branch that adds its pre-activation, and after a scalar.
        layout: which axis holds what.
        branch: the place in a residual branch; None outside of the branches.
        operation: what the layer does with its weight.
        stride: a convolution's strides; empty elsewhere.
        tied: the other role of a tensor that serves twice; the fans are those of this one.
        transformer: the place in a transformer; None in other networks.
    """

    name: str
    kind: Literal["weight", "bias", "scalar"]
    shape: Shape
    fan_in: float
    fan_out: float
    layer: int
    depth: int
    activation: Activation | None
    layout: Layout
    branch: BranchPlace | None = None
    operation: Operation = "dense"
    stride: tuple[int, ...] = ()
    tied: Role | None = None
    transformer: TransformerPlace | None = None


def weight_role(
    shape: Sequence[int],
    *,
    operation: Operation = "dense",
    order: Order = "torch",
    groups: int | None = None,
    parts: int = 1,
    stacked: int = 0,
    stride: int | Sequence[int] = 1,
    name: str = "weight",
    layer: int = 1,
    depth: int = 1,
    activation: Activation | None = None,
    branch: BranchPlace | None = None,
    transformer: TransformerPlace | None = None,
) -> Role:
    """Return the role of a weight as a framework stores it.

        operation               torch                keras                jax (Flax)
        dense, recurrent        (out, in)            (in, out)            (in, out)
        convolution             (out, in/g, k...)    (k..., in/g, out)    (k..., in/g, out)
        depthwise_convolution   (out, 1, k...)       (k..., in, out/g)    (k..., 1, out)
        transposed_convolution  (in, out/g, k...)    (k..., out, in)      (k..., in, out)
        embedding               (vocabulary, out)    (vocabulary, out)    (vocabulary, out)

    with g the groups and k... the one to three lengths of the kernel.

    Args:
        shape: the shape of the weight, with the stacked axes first.
        operation: what the layer does; "recurrent" is the weight of a state.
        order: whose order of axes the shape has.
        groups: g; by default 1, and for a depthwise convolution one group an input (in the orders of PyTorch and JAX
            one an output, which is the same unless an input has several outputs).
        parts: how many projections lie along the outputs, each with the fans of its own: 3 for a packed QKV, 2 for a
            gated unit, 4 for an LSTM, 3 for a GRU.
        stacked: how many leading axes number whole layers, as those of experts do.
        stride: the stride of a convolution, on all axes or on each.
        name: the parameter's name.
        layer: the layer's place, from 1.
        depth: the number of layers in the network.
        activation: what follows the layer.
        branch: the place in a residual branch.
        transformer: the place in a transformer, which names as many parts as there are.

    Raises:
        InputError: if the shape has no axes for inputs and outputs, a length of 0, or groups or parts that do not
            divide it; if the operation or the order is unknown; if the place in a transformer names other parts.

    >>> weight_role((64, 4, 3, 3), operation="convolution", groups=8).fan_out
    72
    >>> weight_role((3, 3, 4, 64), operation="convolution", order="keras", groups=8).fan_out
    72
    >>> weight_role((16, 8, 4, 4), operation="transposed_convolution", stride=2).fan_in
    64
    >>> weight_role((768, 256), parts=3).fan_out
    256
    """
    shape = tuple(shape)
    if operation not in OPERATIONS:
        raise InputError("operation", f"must be one of {', '.join(OPERATIONS)}", operation)
    if order not in ORDERS:
        raise InputError("order", "must be 'torch', 'keras' or 'jax'", order)
    check_non_negative_integer("stacked", stacked)
    _check_axes(shape, operation, stacked)
    outputs, inputs, kernel = _axes(len(shape), operation, order, stacked)
    layout = Layout(
        shape=shape,
        outputs=outputs,
        inputs=inputs,
        kernel=kernel,
        stacked=tuple(range(stacked)),
        groups=_groups(shape, operation, order, outputs, inputs) if groups is None else groups,
        grouped="inputs" if _splits_inputs(operation, order) else "outputs",
        parts=parts,
    )
    if transformer is not None and len(transformer.parts) != parts:
        raise InputError("transformer.parts", f"must be as many as the {parts} of the weight", transformer.parts)
    strides = _strides(stride, operation, layout)
    fan_in, fan_out = _fans(layout, operation, math.prod(strides))
    return Role(
        name=name,
        kind="weight",
        shape=shape,
        fan_in=fan_in,
        fan_out=fan_out,
        layer=layer,
        depth=depth,
        activation=activation,
        layout=layout,
        branch=branch,
        operation=operation,
        stride=strides,
        transformer=transformer,
    )


def _check_axes(shape: Shape, operation: Operation, stacked: int) -> None:
    axes = len(shape) - stacked
    if axes < 2:
        raise InputError(
            "shape",
            "must have an axis of inputs and one of outputs, besides the stacked ones, for a fan to be counted",
            shape,
            hint="the entries for a vector are 'zeros' for a bias and 'constant' with the value 1 for a scale",
        )
    if operation in CONVOLUTIONS:
        if not 3 <= axes <= 5:
            raise InputError("shape", "must have one to three axes of a kernel besides inputs and outputs", shape)
    elif axes > 2:
        raise InputError(
            "shape",
            f"must have two axes besides the stacked ones where the operation is {operation!r}",
            shape,
            hint="say 'convolution' for one, or how many axes are `stacked`",
        )


def _axes(count: int, operation: Operation, order: Order, stacked: int) -> tuple[int, int, tuple[int, ...]]:
    """Return the axis of the outputs, that of the inputs and those of the kernel."""
    first, second, last = stacked, stacked + 1, count - 1
    if operation == "embedding":
        return second, first, ()
    if operation not in CONVOLUTIONS:
        return (first, second, ()) if order == "torch" else (second, first, ())
    if order == "torch":
        kernel = tuple(range(stacked + 2, count))
        return (second, first, kernel) if operation == "transposed_convolution" else (first, second, kernel)
    kernel = tuple(range(stacked, count - 2))
    swapped = operation == "transposed_convolution" and order == "keras"
    return (last - 1, last, kernel) if swapped else (last, last - 1, kernel)


def _splits_inputs(operation: Operation, order: Order) -> bool:
    """Whether the axis of the inputs runs over the channels of all groups, and that of the outputs over one group's."""
    return operation == "transposed_convolution" or (operation == "depthwise_convolution" and order == "keras")


def _groups(shape: Shape, operation: Operation, order: Order, outputs: int, inputs: int) -> int:
    if operation != "depthwise_convolution":
        return 1
    return shape[inputs] if order == "keras" else shape[outputs]


def _strides(stride: int | Sequence[int], operation: Operation, layout: Layout) -> tuple[int, ...]:
    strides = tuple(stride) if isinstance(stride, Sequence) else (stride,) * len(layout.kernel)
    if operation not in CONVOLUTIONS:
        if stride != 1:
            raise InputError("stride", f"must be 1 where the operation is {operation!r}", stride)
        return ()
    if len(strides) != len(layout.kernel):
        raise InputError("stride", f"must have one number for each of the {len(layout.kernel)} axes", strides)
    for axis, step in enumerate(strides):
        check_positive_integer(f"stride[{axis}]", step)
    return strides


def _fans(layout: Layout, operation: Operation, stride: int) -> tuple[float, float]:
    m, n, k = layout.rows, layout.columns, layout.taps
    if operation == "embedding":
        return 1, m
    if operation == "transposed_convolution":
        return _ratio(n * k, stride), m * k
    return n * k, _ratio(m * k, stride)


def _ratio(count: int, stride: int) -> float:
    """Return count/stride, as an integer where it is one."""
    return count / stride if count % stride else count // stride


def bias_role(weight: Role, *, name: str = "bias") -> Role:
    """Return the role of the bias of a layer: one number an output, with the fans and the parts of its weight.

    >>> bias_role(weight_role((1024, 256), operation="recurrent", parts=4)).shape
    (1024,)
    """
    layout = weight.layout
    lengths = layout.block_shape[: len(layout.stacked)]
    outputs = layout.groups * layout.parts * layout.rows
    return replace(
        weight,
        name=name,
        kind="bias",
        shape=(*lengths, outputs),
        layout=Layout(
            shape=(*lengths, outputs), outputs=len(lengths), stacked=tuple(range(len(lengths))), parts=layout.parts
        ),
        tied=None,
    )


def tied_role(counted: Role, other: Role) -> Role:
    """Return the role of a tensor that serves twice, as an embedding and as the head that reads it out, for example.

    A tensor has one law, though each of its roles may call for another: the fans of `counted` decide.

    Args:
        counted: the role whose fans count.
        other: the role whose fans do not.

    Raises:
        InputError: if the two have not the same shape.

    >>> table, head = weight_role((50257, 768), operation="embedding"), weight_role((50257, 768))
    >>> tied_role(head, table).fan_in, tied_role(table, head).fan_in
    (768, 1)
    """
    if counted.shape != other.shape:
        raise InputError("other", f"must have the shape {counted.shape} of the tensor it shares", other.shape)
    return replace(counted, tied=other)


def dense_roles(
    fan_in: int,
    fan_out: int,
    *,
    layer: int,
    depth: int,
    activation: Activation | None,
    branch: BranchPlace | None = None,
) -> tuple[Role, Role]:
    """Return the roles of the weight `[fan_out, fan_in]` and the bias `[fan_out, 1]` of a dense layer, Z = W A + b.

    >>> weight, bias = dense_roles(2, 10, layer=1, depth=3, activation=None)
    >>> weight.name, weight.shape, bias.shape
    ('layers.1.weight', (10, 2), (10, 1))
    """
    weight = weight_role(
        (fan_out, fan_in),
        name=f"layers.{layer}.weight",
        layer=layer,
        depth=depth,
        activation=activation,
        branch=branch,
    )
    bias = replace(
        weight,
        name=f"layers.{layer}.bias",
        kind="bias",
        shape=(fan_out, 1),
        layout=Layout(shape=(fan_out, 1), outputs=0, stacked=(1,)),
    )
    return weight, bias


def multiplier_role(
    branch: BranchPlace, *, layer: int, depth: int, transformer: TransformerPlace | None = None
) -> Role:
    """Return the role of the scalar that multiplies the output of a residual branch, before it is added to the skip.

    >>> role = multiplier_role(BranchPlace(number=1, count=3, position=2, length=2), layer=3, depth=8)
    >>> role.name, role.kind, role.shape
    ('branches.1.multiplier', 'scalar', (1, 1))
    """
    return Role(
        name=f"branches.{branch.number}.multiplier",
        kind="scalar",
        shape=(1, 1),
        fan_in=1,
        fan_out=1,
        layer=layer,
        depth=depth,
        activation=None,
        layout=Layout(shape=(1, 1), outputs=0, stacked=(1,)),
        branch=branch,
        transformer=transformer,
    )

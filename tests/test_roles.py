"""Fans and axes, each by a second road: the products that a convolution makes, counted one by one."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ReLU
from firstdraw.errors import InputError
from firstdraw.roles import Layout, Operation, Order, Role, bias_role, tied_role, weight_role

FAR = 10**6


def products(role: Role) -> tuple[float, float]:
    """Count, along each axis of the kernel, which outputs an input reaches, far from the borders.

    A convolution with the stride s makes output o from the inputs s o + t, a transposed one the outputs s i + t from
    input i, with t over the kernel.
    """
    layout = role.layout
    summed, fed = 1.0, 1.0
    for taps, step in zip(layout.window, role.stride, strict=True):
        # Averaged over a whole period, as where the stride does not divide the kernel not all places are alike.
        strided = np.mean([sum((place - t) % step == 0 for t in range(taps)) for place in range(FAR, FAR + step)])
        transposed = role.operation == "transposed_convolution"
        summed *= float(strided) if transposed else taps
        fed *= taps if transposed else float(strided)
    return layout.columns * summed, layout.rows * fed


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Role, dict[str, Any]]:
    window = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    groups, n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.lists(st.integers(1, 4), min_size=len(window), max_size=len(window)))
    operation: Operation = draw(st.sampled_from(["convolution", "transposed_convolution"]))
    channels = (groups * m, n) if operation == "convolution" else (groups * n, m)
    counts = {"m": m, "n": n, "groups": groups, "window": tuple(window)}
    return weight_role((*channels, *window), operation=operation, groups=groups, stride=stride), counts


@given(convolutions())
def test_fans_count_the_products_of_a_convolution(given: tuple[Role, dict[str, Any]]) -> None:
    role, counts = given
    assert (role.fan_in, role.fan_out) == pytest.approx(products(role), rel=1e-12)
    layout = role.layout
    assert layout.block_shape == (counts["groups"], counts["m"], counts["n"], *counts["window"])


@given(convolutions())
def test_a_transposed_convolution_has_the_fans_of_its_adjoint_exchanged(given: tuple[Role, dict[str, Any]]) -> None:
    role, counts = given
    other: Operation = "convolution" if role.operation == "transposed_convolution" else "transposed_convolution"
    # The adjoint multiplies by the same weight, whose leading axis is then that of the other end.
    adjoint = weight_role(role.shape, operation=other, groups=counts["groups"], stride=role.stride)
    assert (adjoint.fan_in, adjoint.fan_out) == (role.fan_out, role.fan_in)


# Shapes of one layer in the three orders: in = 6, out = 4 (with groups 2), a kernel of 5 by 3.
SAME: list[tuple[Operation, dict[str, Any], dict[Order, tuple[int, ...]], tuple[float, float]]] = [
    ("dense", {}, {"torch": (4, 6), "keras": (6, 4), "jax": (6, 4)}, (6, 4)),
    ("recurrent", {"parts": 2}, {"torch": (8, 4), "keras": (4, 8), "jax": (4, 8)}, (4, 4)),
    ("dense", {"stacked": 1, "parts": 2}, {"torch": (7, 8, 6), "keras": (7, 6, 8), "jax": (7, 6, 8)}, (6, 4)),
    ("convolution", {}, {"torch": (4, 6, 5, 3), "keras": (5, 3, 6, 4), "jax": (5, 3, 6, 4)}, (90, 60)),
    ("convolution", {"groups": 2}, {"torch": (4, 3, 5, 3), "keras": (5, 3, 3, 4), "jax": (5, 3, 3, 4)}, (45, 30)),
    (
        "depthwise_convolution",
        {"groups": 6},
        {"torch": (12, 1, 5, 3), "keras": (5, 3, 6, 2), "jax": (5, 3, 1, 12)},
        (15, 30),
    ),
    (
        "depthwise_convolution",
        {},
        {"torch": (6, 1, 5, 3), "keras": (5, 3, 6, 1), "jax": (5, 3, 1, 6)},
        (15, 15),
    ),
    ("transposed_convolution", {}, {"torch": (6, 4, 5, 3), "keras": (5, 3, 4, 6), "jax": (5, 3, 6, 4)}, (90, 60)),
    ("embedding", {}, {"torch": (100, 8), "keras": (100, 8), "jax": (100, 8)}, (1, 8)),
]


@pytest.mark.parametrize(("operation", "options", "shapes", "fans"), SAME)
def test_a_layer_has_the_same_fans_and_blocks_in_every_order(
    operation: Operation, options: dict[str, Any], shapes: dict[Order, tuple[int, ...]], fans: tuple[float, float]
) -> None:
    roles = [weight_role(shape, operation=operation, order=order, **options) for order, shape in shapes.items()]
    assert {(role.fan_in, role.fan_out) for role in roles} == {fans}
    assert len({role.layout.block_shape for role in roles}) == 1
    assert len({bias_role(role).shape for role in roles}) == 1


@pytest.mark.parametrize(("operation", "options", "shapes", "fans"), SAME)
def test_the_view_of_blocks_is_a_view_that_holds_each_element_once(
    operation: Operation, options: dict[str, Any], shapes: dict[Order, tuple[int, ...]], fans: tuple[float, float]
) -> None:
    del fans
    for order, shape in shapes.items():
        layout = weight_role(shape, operation=operation, order=order, **options).layout
        parameter = np.zeros(shape)
        view = layout.view(parameter)
        assert view.shape == layout.block_shape
        view[...] = np.arange(parameter.size).reshape(view.shape)
        assert sorted(parameter.ravel()) == list(range(parameter.size))


def test_the_view_finds_the_element_that_multiplies_an_input_for_an_output() -> None:
    # PyTorch's grouped convolution: the outputs of group g are rows g m to (g + 1) m.
    weight = np.arange(4 * 3 * 5.0).reshape(4, 3, 5)
    layout = weight_role(weight.shape, operation="convolution", groups=2).layout
    for g, i, j, t in itertools.product(range(2), range(2), range(3), range(5)):
        assert layout.view(weight)[g, i, j, t] == weight[2 * g + i, j, t]
    # Its transposed one: the inputs of group g are rows g n to (g + 1) n.
    layout = weight_role(weight.shape, operation="transposed_convolution", groups=2).layout
    for g, i, j, t in itertools.product(range(2), range(3), range(2), range(5)):
        assert layout.view(weight)[g, i, j, t] == weight[2 * g + j, i, t]
    # A packed projection in Keras's order, with experts before it.
    weight = np.arange(7 * 3 * 8.0).reshape(7, 3, 8)
    layout = weight_role(weight.shape, order="keras", stacked=1, parts=4).layout
    for e, p, i, j in itertools.product(range(7), range(4), range(2), range(3)):
        assert layout.view(weight)[e, p, i, j] == weight[e, j, 2 * p + i]
    # Keras's depthwise convolution: input g has the outputs of its row.
    weight = np.arange(5 * 3 * 2.0).reshape(5, 3, 2)
    layout = weight_role(weight.shape, operation="depthwise_convolution", order="keras").layout
    for g, i, t in itertools.product(range(3), range(2), range(5)):
        assert layout.view(weight)[g, i, 0, t] == weight[t, g, i]


def test_a_bias_has_the_fans_and_the_parts_of_its_layer() -> None:
    weight = weight_role((3, 12, 5), parts=4, stacked=1, activation=ReLU(), layer=2, depth=3)
    bias = bias_role(weight, name="b")
    assert (bias.name, bias.kind, bias.shape, bias.fan_in, bias.fan_out) == ("b", "bias", (3, 12), 5, 3)
    assert bias.layout.block_shape == (3, 4, 3, 1)
    assert (bias.activation, bias.layer, bias.depth) == (ReLU(), 2, 3)


def test_of_two_tied_roles_the_first_counts() -> None:
    table = weight_role((50, 8), operation="embedding", name="table")
    head = weight_role((50, 8), name="head")
    tied = tied_role(head, table)
    assert (tied.fan_in, tied.fan_out, tied.name) == (8, 50, "head")
    assert tied.tied == table
    assert bias_role(tied).tied is None


def test_an_average_over_a_stride_is_an_integer_where_it_is_one() -> None:
    role = weight_role((2, 2, 4), operation="transposed_convolution", stride=2)
    assert isinstance(role.fan_in, int)
    assert weight_role((2, 2, 3), operation="transposed_convolution", stride=2).fan_in == 3.0
    assert weight_role((2, 1, 3), operation="convolution", stride=4).fan_out == 1.5


@pytest.mark.parametrize(
    ("shape", "options", "sentence"),
    [
        (
            (8, 0),
            {},
            (
                "`shape[1]` must be a positive integer, got 0; a parameter without elements has no fan and needs no "
                "initializer"
            ),
        ),
        ((8, -1), {}, "`shape[1]` must be a positive integer, got -1"),
        (
            (64,),
            {},
            (
                "`shape` must have an axis of inputs and one of outputs, besides the stacked ones, for a fan to be "
                "counted, got (64,); the entries for a vector are 'zeros' for a bias and 'constant' with the value 1 "
                "for a scale"
            ),
        ),
        (
            (4, 8),
            {"stacked": 1},
            (
                "`shape` must have an axis of inputs and one of outputs, besides the stacked ones, for a fan to be "
                "counted, got (4, 8)"
            ),
        ),
        (
            (8, 4, 3),
            {},
            (
                "`shape` must have two axes besides the stacked ones where the operation is 'dense', got (8, 4, 3); "
                "say 'convolution' for one, or how many axes are `stacked`"
            ),
        ),
        (
            (8, 4),
            {"operation": "convolution"},
            "`shape` must have one to three axes of a kernel besides inputs and outputs, got (8, 4)",
        ),
        (
            (9, 4, 3),
            {"operation": "convolution", "groups": 2},
            "`groups` must divide the 9 channels of axis 0, got 2",
        ),
        ((8, 4, 3), {"operation": "convolution", "groups": 0}, "`groups` must be a positive integer, got 0"),
        (
            (10, 4),
            {"parts": 3},
            (
                "`parts` must divide the 10 outputs, got 3; projections of different sizes have different fans: give "
                "each a role of its own"
            ),
        ),
        (
            (8, 4, 3),
            {"operation": "convolution", "groups": 2, "parts": 2},
            "`parts` must be 1 where `groups` is above 1, and it is 2, got 2",
        ),
        (
            (8, 4),
            {"operation": "linear"},
            (
                "`operation` must be one of dense, recurrent, convolution, depthwise_convolution, "
                "transposed_convolution, embedding, got 'linear'"
            ),
        ),
        ((8, 4), {"order": "caffe"}, "`order` must be 'torch', 'keras' or 'jax', got 'caffe'"),
        ((8, 4), {"stride": 2}, "`stride` must be 1 where the operation is 'dense', got 2"),
        (
            (8, 4, 3, 3),
            {"operation": "convolution", "stride": (1, 2, 3)},
            "`stride` must have one number for each of the 2 axes, got (1, 2, 3)",
        ),
        ((8, 4, 3), {"operation": "convolution", "stride": 0}, "`stride[0]` must be a positive integer, got 0"),
        ((8, 4), {"stacked": -1}, "`stacked` must be an integer of at least 0, got -1"),
    ],
)
def test_what_makes_no_role_is_refused(shape: tuple[int, ...], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        weight_role(shape, **options)
    assert str(caught.value).startswith(sentence)


def test_tensors_of_different_shapes_are_not_tied() -> None:
    with pytest.raises(InputError) as caught:
        tied_role(weight_role((3, 4)), weight_role((4, 3)))
    assert str(caught.value) == "`other` must have the shape (3, 4) of the tensor it shares, got (4, 3)"


def test_a_layout_knows_where_its_outputs_lie() -> None:
    assert Layout(shape=(3, 4, 5), outputs=2, inputs=1, kernel=(0,)).channels_last
    assert not Layout(shape=(5, 4, 3), outputs=0, inputs=1, kernel=(2,)).channels_last
    assert math.prod(Layout(shape=(5, 4, 3), outputs=0, inputs=1, kernel=(2,)).window) == 3

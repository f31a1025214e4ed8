"""The initializers as functions of a key, as JAX and Flax have them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats, Integers, Shape
from firstdraw.dropins.parameter import (
    ParameterInitializer,
    drawn_type,
    framework,
    parameter_initializer,
)
from firstdraw.errors import InputError
from firstdraw.initializers import Initializer
from firstdraw.roles import BranchPlace, Operation, Order

__all__ = ["as_jax", "seed_of_key"]


def seed_of_key(words: Integers) -> int:
    """Return the seed of our draws that a key of JAX stands for.

    Two words, those of the default keys, are the upper and the lower half of the seed, so that `jax.random.key(7)` is
    the seed 7; of longer keys it is BLAKE2b.

    Args:
        words: the data of one key, 32 bits each.

    Raises:
        InputError: if there are several keys.

    >>> seed_of_key(np.array([0, 7], np.uint32))
    7
    """
    if words.ndim != 1:
        raise InputError("key", "must be one key, and keys came", words.shape[:-1], hint="`jax.vmap` takes several")
    data = words.astype(">u4").tobytes()
    return int.from_bytes(data if len(data) == 8 else hashlib.blake2b(data, digest_size=8).digest(), "big")


def as_jax(
    initializer: str | Initializer,
    *,
    name: str = "weight",
    operation: Operation | None = None,
    order: Order = "jax",
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
) -> Callable[..., Any]:
    """Return an initializer as `init(key, shape, dtype="float32")`, the form of `jax.nn.initializers` and of Flax.

        flax.linen.Dense(128, kernel_init=as_jax("he_normal"))

    The key decides the draws, as everywhere in JAX: one key is one set of numbers, and two layers need two keys, which
    Flax gives them. The numbers are ours, and not those of `jax.random`: `jax.random.key(7)` is our seed 7, with
    which `as_torch` and `as_keras` draw the same under the same name, shape and law. They are defined in float64;
    float32 holds their roundings, float16 and bfloat16 those of float32.

    Under `jax.jit` and `jax.vmap` the numbers are drawn on the host while the program runs (`jax.pure_callback`), and
    `jax.eval_shape` draws none; a shape that the initializer does not serve is refused while the program is traced. The
    host draws a parameter as a whole and hands it over, however it is sharded afterwards.

    Args:
        initializer: its name in the catalogue ("he_normal"), with its options as keyword arguments, or the initializer.
        name: the parameter's, which decides the draws with the key.
        operation: what the layer does with its weight; by default "dense" for two axes, "convolution" for three to
            five, or the one operation that the initializer serves. Transposed convolutions must say so.
        order: whose order of axes the arrays have; "torch" for Equinox, which stores (out, in).
        groups: into how many groups a convolution splits the channels.
        parts: how many projections lie along the outputs: 3 for a packed QKV, 4 for an LSTM.
        stacked: how many leading axes number whole layers, as those of experts do.
        stride: that of a convolution, where the fans shall count it.
        activation: what follows the layer, or its name, for laws that ask for it.
        bias_of: the shape of the layer's weight, where the array is its bias and the law counts its inputs.
        layer: the layer's place in the network, from 1, for laws that ask for it.
        depth: the number of layers in the network, for the same.
        branch: the place in a residual branch, for the same.
        options: of the initializer.

    Raises:
        InputError: if a name or an option is unknown, or one breaks its rule; the function raises where it cannot draw
            a parameter: integers, no elements, a vector for a law that counts a fan.

    >>> import jax  # doctest: +SKIP
    >>> init = as_jax("glorot_uniform")
    >>> init(jax.random.key(0), (256, 128)).shape  # doctest: +SKIP
    (256, 128)
    >>> jax.jit(init, static_argnums=(1, 2))(jax.random.key(0), (256, 128), "bfloat16").dtype  # doctest: +SKIP
    dtype(bfloat16)
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

    def init(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:  # noqa: ANN401  # keys and arrays of JAX
        return _drawn(parameter, name, key, tuple(shape), dtype)

    return init


def _drawn(parameter: ParameterInitializer, name: str, key: Any, shape: Shape, dtype: Any) -> Any:  # noqa: ANN401
    jax = framework("jax", "JAX")
    # JAX has float64 where it is asked to, and makes it float32 elsewhere.
    target = jax.dtypes.canonicalize_dtype(dtype)
    drawn = drawn_type(str(target))
    parameter.law(shape, name)

    def draw(words: Any) -> Floats:  # noqa: ANN401
        array = np.empty(shape, drawn)
        return parameter.draw(seed_of_key(np.asarray(words)), name, shape, array).astype(target, copy=False)

    result = jax.ShapeDtypeStruct(shape, target)
    return jax.pure_callback(draw, result, jax.random.key_data(key), vmap_method="sequential")

"""`as_jax` in use: keys, tracing, batches of keys, types."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import firstdraw
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import weight_role

pytestmark = pytest.mark.parity
jax: Any = pytest.importorskip("jax")


def he(key: Any, shape: tuple[int, ...] = (4, 6), dtype: Any = "float32", **settings: Any) -> Any:
    return firstdraw.as_jax("he_normal", **settings)(key, shape, dtype)


def test_the_key_is_the_seed() -> None:
    law = INITIALIZERS["he_normal"]().law(weight_role((4, 6), order="jax"))
    expected = law.sample(CounterDraws(7), "weight", (4, 6)).astype(np.float32)
    np.testing.assert_array_equal(he(jax.random.key(7)), expected)
    # Keys of the older form, too.
    np.testing.assert_array_equal(he(jax.random.PRNGKey(7)), expected)
    assert not np.array_equal(he(jax.random.key(7), name="other"), expected)


@pytest.mark.parametrize("implementation", ["threefry2x32", "rbg"])
def test_keys_that_are_split_draw_independently(implementation: str) -> None:
    keys = jax.random.split(jax.random.key(0, impl=implementation), 3)
    x, y, z = (np.ravel(he(key, (100, 100))) for key in keys)
    assert abs(np.corrcoef([x, y, z]) - np.eye(3)).max() < 6 / 100
    np.testing.assert_array_equal(he(keys[0], (100, 100)).ravel(), x)


def test_compiled_it_draws_the_same() -> None:
    key = jax.random.key(3)
    np.testing.assert_array_equal(jax.jit(partial(he, shape=(4, 6)))(key), he(key))


def test_inside_of_a_program_that_initializes_a_whole_network() -> None:
    @jax.jit
    def initialize(key: Any) -> Any:
        first, second, bias = jax.random.split(key, 3)
        return {
            "hidden": he(first, (64, 256)),
            "output": firstdraw.as_jax("orthogonal")(second, (256, 10)),
            "bias": firstdraw.as_jax("zeros")(bias, (10,)),
        }

    parameters = initialize(jax.random.key(0))
    assert float(parameters["hidden"].std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    gram = np.asarray(parameters["output"].T @ parameters["output"])
    np.testing.assert_allclose(gram, np.eye(10), atol=1e-5)
    assert (parameters["bias"] == 0).all()
    again = initialize(jax.random.key(0))
    assert all(np.array_equal(parameters[name], again[name]) for name in parameters)


def test_a_batch_of_keys_draws_a_batch() -> None:
    keys = jax.random.split(jax.random.key(0), 3)
    batch = jax.vmap(he)(keys)
    np.testing.assert_array_equal(batch, np.stack([he(key) for key in keys]))
    np.testing.assert_array_equal(jax.jit(jax.vmap(he))(keys), batch)


def test_several_keys_without_vmap_are_refused() -> None:
    with pytest.raises(Exception, match=r"`key` must be one key, and keys came, got \(3,\)"):
        jax.block_until_ready(he(jax.random.split(jax.random.key(0), 3)))


def test_shapes_are_evaluated_and_refused_without_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CounterDraws, "normal", lambda *_, **__: pytest.fail("something was drawn"))
    shape = jax.eval_shape(partial(he, shape=(4, 6), dtype="bfloat16"), jax.random.key(0))
    assert (shape.shape, str(shape.dtype)) == ((4, 6), "bfloat16")
    with pytest.raises(firstdraw.InputError, match="`shape` must have an axis of inputs and one of outputs"):
        jax.eval_shape(partial(he, shape=(4,)), jax.random.key(0))


def test_float64_is_float32_where_jax_has_no_other() -> None:
    assert str(he(jax.random.key(0), dtype="float64").dtype) == "float32"
    with jax.enable_x64(True):
        wide = he(jax.random.key(0), dtype="float64")
        assert str(wide.dtype) == "float64"
    np.testing.assert_array_equal(he(jax.random.key(0)), np.asarray(wide).astype(np.float32))


def test_types_may_be_jax_s_own() -> None:
    for dtype in (jax.numpy.float16, jax.numpy.dtype("bfloat16"), np.float32):
        assert he(jax.random.key(0), dtype=dtype).dtype == dtype


def test_a_network_that_is_made_by_the_compiled_initializer_trains() -> None:
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)

    @jax.jit
    def initialize(key: Any) -> Any:
        return [he(k, s) for k, s in zip(jax.random.split(key, 2), ((8, 64), (64, 1)), strict=True)]

    def loss(parameters: Any) -> Any:
        return ((jax.nn.relu(x @ parameters[0]) @ parameters[1] - y) ** 2).mean()

    parameters = initialize(jax.random.key(1))
    first = float(loss(parameters))
    step = jax.jit(lambda p: [w - 0.01 * g for w, g in zip(p, jax.grad(loss)(p), strict=True)])
    for _ in range(50):
        parameters = step(parameters)
    assert float(loss(parameters)) < 0.7 * first


def test_equinox_stores_its_weights_in_the_order_of_pytorch() -> None:
    W = firstdraw.as_jax("lecun_uniform", order="torch")(jax.random.key(0), (100, 300))
    assert float(abs(W).max()) == pytest.approx((3 / 300) ** 0.5, rel=1e-3)

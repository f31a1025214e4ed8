"""`as_keras` in use: seeds, copies, layers, models that are saved and loaded, backends."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firstdraw
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import BranchPlace, weight_role

pytestmark = [
    pytest.mark.parity,
    # NumPy says it of the arrays of Keras's own variables.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]
keras: Any = pytest.importorskip("keras")
from firstdraw.dropins import KerasInitializer  # noqa: E402 -- the class needs Keras


def values(array: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(array))


def test_it_is_an_initializer_of_keras() -> None:
    initializer = firstdraw.as_keras("he_normal", seed=3)
    assert isinstance(initializer, keras.initializers.Initializer)
    assert isinstance(initializer, KerasInitializer)
    assert keras.initializers.get(initializer) is initializer
    assert repr(initializer) == "as_keras(HeNormal(slope=0.0, mode='fan_in'), seed=3)"
    assert str(initializer((2, 2)).dtype).endswith(keras.config.floatx())


def test_calls_are_counted_so_that_layers_that_share_an_initializer_differ() -> None:
    shared = firstdraw.as_keras("he_normal", seed=3)
    model = keras.Sequential(
        [keras.layers.Input((8,)), *(keras.layers.Dense(8, kernel_initializer=shared) for _ in "ab")]
    )
    law = INITIALIZERS["he_normal"]().law(weight_role((8, 8)))
    for call, layer in enumerate(model.layers, 1):
        expected = law.sample(CounterDraws(3), f"he_normal, call {call}", (8, 8)).astype(np.float32)
        np.testing.assert_array_equal(values(layer.kernel), expected)
    # Keras's own do not.
    own = keras.initializers.HeNormal(seed=3)
    assert np.array_equal(values(own((8, 8))), values(own((8, 8))))


def test_a_name_says_which_parameter_it_is() -> None:
    named = firstdraw.as_keras("he_normal", seed=3, name="w")
    np.testing.assert_array_equal(values(named((8, 8))), values(named((8, 8))))
    law = INITIALIZERS["he_normal"]().law(weight_role((8, 8)))
    np.testing.assert_array_equal(values(named((8, 8))), law.sample(CounterDraws(3), "w", (8, 8)).astype(np.float32))


def test_without_a_seed_keras_s_global_one_decides() -> None:
    def draw() -> np.ndarray:
        return values(firstdraw.as_keras("he_normal")((8, 8)))

    keras.utils.set_random_seed(1)
    first, second = draw(), draw()
    assert not np.array_equal(first, second)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(draw(), first)


def test_a_copy_has_the_seed_that_it_was_given_or_one_of_its_own() -> None:
    seeded = firstdraw.as_keras("he_normal", seed=3)
    first = values(seeded((8, 8)))
    np.testing.assert_array_equal(values(seeded.clone()((8, 8))), first)
    unseeded = firstdraw.as_keras("he_normal")
    copies = (unseeded, unseeded.clone(), unseeded.clone())
    assert len({values(one((8, 8))).tobytes() for one in copies}) == 3


def test_the_generators_of_keras_are_no_seeds() -> None:
    with pytest.raises(firstdraw.InputError, match=r"`seed` must be an integer from 0 to 2\^64 - 1, got <"):
        firstdraw.as_keras("he_normal", seed=keras.random.SeedGenerator(1))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_entry_is_serialized_and_draws_the_same_again(name: str) -> None:
    settings: dict[str, Any] = {"layer": 2, "depth": 3} if INITIALIZERS[name].needs_architecture else {}
    made = firstdraw.as_keras(name, seed=3, stride=1, activation="relu", **settings)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert again.parameter == made.parameter
    assert again.get_config() == made.get_config()


def test_every_setting_is_serialized() -> None:
    made = firstdraw.as_keras(
        "fixup",
        seed=3,
        name="w",
        operation="convolution",
        order="torch",
        groups=2,
        parts=1,
        stacked=1,
        stride=(2, 2),
        activation="gelu",
        bias_of=(1, 4, 2, 3, 3),
        layer=2,
        depth=6,
        branch=BranchPlace(number=1, count=2, position=1, length=2),
    )
    again = keras.initializers.deserialize(keras.initializers.serialize(made))
    assert (again.parameter, again.seed, again.name) == (made.parameter, 3, "w")


def model_of_many_layers() -> Any:
    he = firstdraw.as_keras("he_normal")
    inputs = keras.layers.Input((12, 12, 4))
    x = keras.layers.Conv2D(16, 3, activation="relu", kernel_initializer=he)(inputs)
    x = keras.layers.DepthwiseConv2D(
        3, depthwise_initializer=firstdraw.as_keras("he_normal", operation="depthwise_convolution")
    )(x)
    x = keras.layers.Conv2DTranspose(
        8, 4, strides=2, kernel_initializer=firstdraw.as_keras("bilinear", operation="transposed_convolution")
    )(x)
    x = keras.layers.Reshape((-1, 8))(x)
    x = keras.layers.LSTM(
        8,
        kernel_initializer=firstdraw.as_keras("glorot_uniform", parts=4),
        recurrent_initializer=firstdraw.as_keras("orthogonal", operation="recurrent", parts=4),
        bias_initializer=firstdraw.as_keras("chrono"),
        unit_forget_bias=False,
    )(x)
    outputs = keras.layers.Dense(
        3, kernel_initializer=he, bias_initializer=firstdraw.as_keras("torch_default", bias_of=(8, 3))
    )(x)
    return keras.Model(inputs, outputs)


def test_a_model_holds_the_laws_that_were_asked_for() -> None:
    keras.utils.set_random_seed(0)
    model = model_of_many_layers()
    conv, depthwise, transposed, lstm, dense = (layer for layer in model.layers if layer.weights)
    assert values(conv.kernel).std() == pytest.approx((2 / 36) ** 0.5, rel=0.15)
    assert values(depthwise.kernel).std() == pytest.approx((2 / 9) ** 0.5, rel=0.3)
    assert set(np.unique(values(transposed.kernel)[1, 1]).round(6)) == {0.0, 0.5625}
    for gate in np.split(values(lstm.cell.recurrent_kernel), 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(8), atol=1e-5)
    forget = values(lstm.cell.bias)[8:16]
    assert (forget > 0).all()
    np.testing.assert_array_equal(values(lstm.cell.bias)[:8], -forget)
    assert abs(values(dense.bias)).max() <= 8**-0.5
    assert values(dense.bias).any()


def test_a_model_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(32, activation="relu", kernel_initializer=firstdraw.as_keras("he_normal", seed=1)),
            keras.layers.Dense(1, kernel_initializer=firstdraw.as_keras("zeros")),
        ]
    )
    np.testing.assert_array_equal(values(model.layers[1].kernel), 0)
    model.compile(optimizer="sgd", loss="mse")
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    assert values(model.layers[1].kernel).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.layers[0].kernel_initializer.get_config() == model.layers[0].kernel_initializer.get_config()
    # In another program the class is imported first.
    program = (
        "import sys, keras\n"
        "from firstdraw.dropins import KerasInitializer\n"
        "print(keras.saving.load_model(sys.argv[1]).layers[0].kernel_initializer)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, str(tmp_path / "model.keras")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "as_keras(HeNormal(slope=0.0, mode='fan_in'), seed=1)\n"


def test_attention_tells_which_axes_of_its_kernels_are_inputs() -> None:
    attention = keras.layers.MultiHeadAttention(
        4, 16, kernel_initializer=firstdraw.as_keras("lecun_uniform"), bias_initializer=firstdraw.as_keras("zeros")
    )
    attention.build((None, 10, 96), (None, 10, 96))
    kernels = [
        values(dense.kernel)
        for dense in (attention.query_dense, attention.key_dense, attention.value_dense, attention.output_dense)
    ]
    assert [kernel.shape for kernel in kernels] == [(96, 4, 16)] * 3 + [(4, 16, 96)]
    # Read as kernels of convolutions, these would have 4 x 96 inputs.
    for kernel, fan in zip(kernels, (96, 96, 96, 64), strict=True):
        assert abs(kernel).max() == pytest.approx((3 / fan) ** 0.5, rel=0.01)
    assert len({kernel.tobytes() for kernel in kernels[:3]}) == 3


def test_einsum_dense_draws_the_matrix_of_its_axes() -> None:
    """Also where outputs come first, or stand on both sides of the inputs."""
    for equation, output, kernel, matrix in (
        ("ab,bc->ac", 24, (32, 24), lambda W: W),
        ("ab,cb->ac", 24, (24, 32), lambda W: W.T),
        ("abc,cde->abde", (None, 4, 6), (32, 4, 6), lambda W: W.reshape(32, 24)),
        ("abc,dce->abde", (None, 4, 6), (4, 32, 6), lambda W: W.transpose(1, 0, 2).reshape(32, 24)),
        ("abc,dec->abde", (None, 4, 6), (4, 6, 32), lambda W: W.transpose(2, 0, 1).reshape(32, 24)),
    ):
        layer = keras.layers.EinsumDense(equation, output, kernel_initializer=firstdraw.as_keras("orthogonal"))
        layer.build((None, 32) if equation.startswith("ab,") else (None, 5, 32))
        W = values(layer.kernel)
        assert W.shape == kernel
        np.testing.assert_allclose(matrix(W).T @ matrix(W), np.eye(24), atol=1e-5)


def test_einsum_dense_layers_that_share_an_initializer_differ() -> None:
    shared = firstdraw.as_keras("he_normal")
    layers = [keras.layers.EinsumDense("ab,bc->ac", 8, kernel_initializer=shared) for _ in range(2)]
    for layer in layers:
        layer.build((None, 8))
    assert not np.array_equal(values(layers[0].kernel), values(layers[1].kernel))


def test_every_backend_draws_the_same() -> None:
    program = (
        "import keras, firstdraw, hashlib\n"
        "drawn = keras.ops.convert_to_numpy(firstdraw.as_keras('orthogonal', seed=3)((24, 16)))\n"
        "print(keras.backend.backend(), hashlib.sha256(drawn.tobytes()).hexdigest())"
    )
    drawn = values(firstdraw.as_keras("orthogonal", seed=3)((24, 16)))
    for backend in ("jax", "numpy"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "KERAS_BACKEND": backend},
        )
        assert done.stdout.split() == [backend, hashlib.sha256(drawn.tobytes()).hexdigest()]

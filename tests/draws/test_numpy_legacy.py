from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ReLU
from firstdraw.draws import CounterDraws, NumpyLegacyDraws
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.networks import MultilayerPerceptron

# The initial parameters that the programming exercise "Initialization" of the course "Improving Deep Neural
# Networks" prints, for its seed 3; biases are 0 throughout.
PRINTED = [
    ("zeros", {}, (3, 2, 1), [[0.0] * 6, [0.0] * 2]),
    (
        "normal",
        {"standard_deviation": 10.0},
        (3, 2, 1),
        [
            [17.88628473, 4.36509851, 0.96497468, -18.63492703, -2.77388203, -3.54758979],
            [-0.82741481, -6.27000677],
        ],
    ),
    (
        "he_normal",
        {},
        (2, 4, 1),
        [
            [
                1.78862847,
                0.43650985,
                0.09649747,
                -1.8634927,
                -0.2773882,
                -0.35475898,
                -0.08274148,
                -0.62700068,
            ],
            [-0.03098412, -0.33744411, -0.92904268, 0.62552248],
        ],
    ),
]


@pytest.mark.parametrize(("name", "options", "widths", "printed"), PRINTED)
def test_the_exercise_s_printed_parameters_are_drawn(
    name: str, options: dict[str, float], widths: tuple[int, ...], printed: list[list[float]]
) -> None:
    network = MultilayerPerceptron(widths, ReLU())
    initializer: Initializer = INITIALIZERS[name](**options)
    theta = network.draw([initializer.law(role) for role in network.roles], NumpyLegacyDraws(3))
    for layer, weights in zip(network.layers(theta), printed, strict=True):
        # Printed with eight digits after the point.
        np.testing.assert_allclose(layer.W.ravel(), weights, rtol=0, atol=1e-8)
        assert not layer.b.any()


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.sampled_from(["normal", "uniform"]), st.integers(0, 4), st.integers(0, 4)), max_size=5),
)
def test_the_stream_is_that_of_numpy_s_global_functions(seed: int, calls: list[tuple[str, int, int]]) -> None:
    draws = NumpyLegacyDraws(seed)
    before = np.random.get_state()  # noqa: NPY002  # the legacy stream is what is compared with
    try:
        np.random.seed(seed)  # noqa: NPY002
        for law, rows, columns in calls:
            function = np.random.randn if law == "normal" else np.random.rand
            drawn = getattr(draws, law)("any name", (rows, columns))
            np.testing.assert_array_equal(drawn, function(rows, columns))
            assert drawn.dtype == np.float64
    finally:
        np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize("kind", [NumpyLegacyDraws, CounterDraws])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_drawing_neither_reads_nor_moves_the_global_stream(kind: type, law: str) -> None:
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    first = getattr(kind(1), law)("a", (3,))
    np.random.random_sample(3)  # noqa: NPY002
    moved = np.random.get_state(legacy=False)  # noqa: NPY002
    np.testing.assert_array_equal(getattr(kind(1), law)("a", (3,)), first)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert moved["state"]["pos"] == after["state"]["pos"] != before["state"]["pos"]


def test_the_name_does_not_matter_and_the_order_does() -> None:
    one, other = NumpyLegacyDraws(3), NumpyLegacyDraws(3)
    first, second = one.normal("a", (4,)), one.normal("b", (4,))
    np.testing.assert_array_equal(other.normal("b", (4,)), first)
    np.testing.assert_array_equal(other.normal("a", (4,)), second)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, 0.5, True, "0", None, float("nan")])
def test_a_seed_that_is_no_integer_of_32_bits_is_refused(seed: object) -> None:
    with pytest.raises(InputError) as caught:
        NumpyLegacyDraws(seed)  # type: ignore[arg-type]
    sentence = f"`seed` must be an integer from 0 to 2^32 - 1 for NumPy's legacy stream, got {seed!r}"
    assert str(caught.value) == sentence

"""What every law of a whole parameter must obey, and the property that each is known for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import fft, linalg

from firstdraw.distributions import (
    DISTRIBUTIONS,
    Bilinear,
    BlockRotations,
    Constant,
    ConvolutionAware,
    CosineRows,
    DeltaOrthogonal,
    Distribution,
    HadamardRows,
    LogOfUniform,
    Mirrored,
    Normal,
    NormalizedRows,
    Orthogonal,
    Packed,
    PairedFactor,
    PartialIdentity,
    PositiveDefinite,
    Repeated,
    ScaledLegendre,
    Sparse,
    SpectralRadius,
    SphereRows,
    Uniform,
    Values,
    WholeDistribution,
    part_layout,
)
from firstdraw.draws import CounterDraws, NumpyLegacyDraws
from firstdraw.errors import InputError
from firstdraw.roles import Layout, bias_role, weight_role

TALL, WIDE, SQUARE = (weight_role(shape).layout for shape in [(6, 4), (4, 6), (6, 6)])
KERNEL = weight_role((6, 4, 3, 2), operation="convolution").layout
GROUPED = weight_role((6, 2, 3), operation="convolution", groups=3).layout
TRANSPOSED = weight_role((6, 2, 4), operation="transposed_convolution", groups=2).layout
CHANNELS_LAST = weight_role((3, 2, 4, 6), operation="convolution", order="keras").layout
PACKED = weight_role((6, 3), parts=2).layout
EXPERTS = weight_role((2, 4, 6), order="jax", stacked=1).layout
GATES = bias_role(weight_role((12, 3), operation="recurrent", parts=4)).layout
BIAS = bias_role(weight_role((3, 5))).layout
ONE_TAP = weight_role((3, 4, 1, 1), operation="convolution").layout
STACKED_KERNEL = weight_role((2, 3, 4, 5), operation="convolution", stacked=1).layout
ANY = (TALL, WIDE, SQUARE, KERNEL, GROUPED, TRANSPOSED, CHANNELS_LAST, PACKED, EXPERTS)

EXAMPLES: dict[str, list[WholeDistribution]] = {
    "orthogonal": [Orthogonal(layout, gain) for layout in ANY for gain in (1.0, 0.3)],
    "delta_orthogonal": [DeltaOrthogonal(layout) for layout in ANY if layout.rows >= layout.columns]
    + [DeltaOrthogonal(KERNEL, 2.0)],
    "convolution_aware": [
        ConvolutionAware(layout, 0.7, noise)
        for layout in (KERNEL, GROUPED, TRANSPOSED, CHANNELS_LAST, ONE_TAP, STACKED_KERNEL)
        for noise in (0.05, 0.0)
    ]
    + [ConvolutionAware(weight_role((1, 1, 1), operation="convolution").layout, 2.0)],
    "identity": [PartialIdentity(layout) for layout in ANY] + [PartialIdentity(TALL, -0.5)],
    "sparse": [Sparse(layout, 1, of, 0.3) for layout in ANY for of in ("unit", "input")]
    + [Sparse(WIDE), Sparse(WIDE, 6)],
    "block_rotations": [
        BlockRotations(SQUARE),
        BlockRotations(SQUARE, 0.0, math.pi / 2),
        BlockRotations(weight_role((9, 3), parts=3).layout, 0.2, 1.0),
        BlockRotations(SQUARE, 0.5, 0.5),
    ],
    "hadamard": [HadamardRows(layout) for layout in ANY] + [HadamardRows(TALL, 3.0), HadamardRows(KERNEL, center=True)],
    "cosines": [CosineRows(layout) for layout in ANY] + [CosineRows(TALL, 3.0)],
    "bilinear": [Bilinear(layout) for layout in (KERNEL, GROUPED, TRANSPOSED, CHANNELS_LAST)],
    "repeated": [
        Repeated(KERNEL, Normal(0.5), 3),
        Repeated(CHANNELS_LAST, Uniform(-1, 1), 2),
        Repeated(weight_role((8, 3)).layout, Normal(1.0, 2.0)),
    ],
    "mirrored": [
        Mirrored(layout, 1.5, inputs=inputs, outputs=outputs)
        for layout in (TALL, SQUARE, weight_role((5, 7)).layout, weight_role((3, 4), order="jax").layout)
        for inputs in (False, True)
        for outputs in (False, True)
    ]
    + [Mirrored(WIDE)],
    "normalized_rows": [NormalizedRows(layout, 0.7) for layout in ANY] + [NormalizedRows(weight_role((5, 1)).layout)],
    "positive_definite": [PositiveDefinite(SQUARE), PositiveDefinite(weight_role((1, 1)).layout)],
    "spectral_radius": [
        SpectralRadius(SQUARE, 0.9, 0.5),
        SpectralRadius(SQUARE, 1.2, 1.0),
        SpectralRadius(weight_role((1, 1)).layout, 0.5, 1.0),
    ],
    "scaled_legendre": [ScaledLegendre(SQUARE), ScaledLegendre(weight_role((1, 1)).layout)],
    "values": [Values(BIAS, (0.1, -2.0, 3.0)), Values(weight_role((2, 3)).layout, (1.0, 1.0))],
    "packed": [
        Packed(GATES, (Constant(0.0), Constant(1.0), Constant(0.0), Constant(0.0))),
        Packed(GATES, (LogOfUniform(),) * 2 + (Constant(0.0),) * 2, ((0, 1),)),
        Packed(PACKED, (Normal(0.1), Normal(2.0, 1.0))),
        Packed(PACKED, (Constant(1.0), Constant(1.0))),
        Packed(PACKED, (Orthogonal(part_layout(PACKED), 2.0), Normal(0.1))),
    ],
    "sphere_rows": [SphereRows(layout, 0.7, centered) for layout in ANY for centered in (False, True)]
    + [SphereRows(weight_role((5, 1)).layout, 2.0, centered) for centered in (False, True)],
    "paired_factor": [
        PairedFactor(SQUARE, "a"),
        PairedFactor(SQUARE, "a", "second", heads=3),
        PairedFactor(SQUARE, "a", "second", 0.4, -0.4, product="chain"),
        PairedFactor(SQUARE, "b", "first", 0.0, -0.4, product="chain"),
        PairedFactor(WIDE, "a", heads=2),
        PairedFactor(EXPERTS, "a", heads=2),
    ],
}
LAWS = [law for examples in EXAMPLES.values() for law in examples]
laws = pytest.mark.parametrize("law", LAWS, ids=[f"{i}-{type(law).__name__}" for i, law in enumerate(LAWS)])


def sample(law: WholeDistribution, seed: int = 0) -> np.ndarray:
    return law.sample(CounterDraws(seed), "w", law.layout.shape)


def blocks(law: WholeDistribution, seed: int = 0) -> np.ndarray:
    """The blocks as matrices: outputs by inputs and taps."""
    view = law.layout.view(sample(law, seed))
    return view.reshape(-1, law.layout.rows, law.layout.columns * law.layout.taps)


@pytest.mark.parametrize("name", [name for name, law in DISTRIBUTIONS.items() if not law.entrywise])
def test_every_law_of_a_whole_parameter_has_examples(name: str) -> None:
    assert name in EXAMPLES, f"give {name!r} examples in this file"
    assert {type(law) for law in EXAMPLES[name]} == {DISTRIBUTIONS[name]}
    for option in dataclasses.fields(DISTRIBUTIONS[name]):  # type: ignore[arg-type]
        assert len({repr(getattr(law, option.name)) for law in EXAMPLES[name]}) > 1, f"vary {option.name!r}"


@laws
def test_a_sample_has_the_shape_and_is_float64_and_the_same_each_time(law: WholeDistribution) -> None:
    drawn = sample(law)
    assert drawn.shape == law.layout.shape
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, sample(law))
    assert hash(dataclasses.replace(law)) == hash(law)  # type: ignore[type-var]
    assert str(law)


@laws
def test_a_shard_is_cut_from_the_whole(law: WholeDistribution) -> None:
    whole = sample(law)
    for shard in (slice(1, 3), (slice(None),) * (whole.ndim - 1) + (slice(0, 1),)):
        shape = law.layout.shape
        drawn = law.sample(CounterDraws(0), "w", shape, shard=shard)
        np.testing.assert_array_equal(drawn, whole[shard], strict=True)
        out = np.full(whole[shard].shape, np.nan, np.float32)
        assert law.sample(CounterDraws(0), "w", shape, shard=shard, out=out) is out
        np.testing.assert_array_equal(out, whole[shard].astype(np.float32))
    out = np.full(whole.shape, np.nan, np.float32)
    law.sample(CounterDraws(0), "w", law.layout.shape, out=out)
    np.testing.assert_array_equal(out, whole.astype(np.float32))


@laws
def test_a_law_refuses_another_shape(law: WholeDistribution) -> None:
    with pytest.raises(InputError) as caught:
        law.sample(CounterDraws(0), "w", (2, 2, 2, 2, 2))
    assert str(caught.value) == f"`shape` must be {law.layout.shape}, for which this law was made, got (2, 2, 2, 2, 2)"


@laws
def test_a_sample_lies_within_the_support(law: WholeDistribution) -> None:
    low, high = law.support
    drawn = np.array([sample(law, seed) for seed in range(50)])
    margin = 1e-14 * max(abs(drawn).max(), 1)
    assert low - margin <= drawn.min() <= drawn.max() <= high + margin


@laws
def test_the_moments_are_those_of_the_elements(law: WholeDistribution) -> None:
    """Within five standard errors, which come from independent draws as the elements of one depend on each other."""
    drawn = np.array([sample(law, seed).ravel() for seed in range(1500)])

    def agrees(values: np.ndarray, expected: float) -> bool:
        each = values.mean(axis=1)
        return bool(abs(each.mean() - expected) <= 5 * each.std() / math.sqrt(len(each)) + 1e-12 * (1 + abs(expected)))

    if not math.isnan(law.mean):
        assert agrees(drawn, law.mean)
    if not math.isnan(law.variance):
        assert agrees((drawn - law.mean) ** 2, law.variance)
        assert law.standard_deviation == pytest.approx(math.sqrt(law.variance))
    if not math.isnan(law.kurtosis):
        assert agrees((drawn - law.mean) ** 4 / law.variance**2, law.kurtosis)


@pytest.mark.parametrize(
    "law",
    [
        law
        for law in LAWS
        if not isinstance(
            law, ConvolutionAware | NormalizedRows | PositiveDefinite | SpectralRadius | Packed | PairedFactor
        )
        or law.layout.rows == 1
    ],
    ids=repr,
)
def test_moments_are_known_where_they_have_a_closed_form(law: Distribution) -> None:
    assert not math.isnan(law.variance)
    assert math.isnan(law.kurtosis) == (law.variance <= 1e-30 * law.second_moment)


# The same layers in the three orders of axes.
ORDERS: list[list[Layout]] = [
    [weight_role((6, 4)).layout, weight_role((4, 6), order="keras").layout],
    [weight_role((6, 2), parts=3).layout, weight_role((2, 6), parts=3, order="jax").layout],
    [weight_role((2, 6, 4), stacked=1).layout, weight_role((2, 4, 6), stacked=1, order="jax").layout],
    [KERNEL, CHANNELS_LAST],
    [GROUPED, weight_role((3, 2, 6), operation="convolution", order="jax", groups=3).layout],
    [
        weight_role((5, 4, 3), operation="transposed_convolution").layout,
        weight_role((3, 4, 5), operation="transposed_convolution", order="keras").layout,
        weight_role((3, 5, 4), operation="transposed_convolution", order="jax").layout,
    ],
    [
        weight_role((6, 1, 3), operation="depthwise_convolution", groups=3).layout,
        weight_role((3, 3, 2), operation="depthwise_convolution", order="keras").layout,
    ],
]
MAKERS: list[Callable[[Layout], WholeDistribution]] = [
    Orthogonal,
    PartialIdentity,
    HadamardRows,
    CosineRows,
    NormalizedRows,
    lambda layout: SphereRows(layout, 2.0, centered=True),
    lambda layout: Sparse(layout, 1),
    lambda layout: DeltaOrthogonal(layout) if layout.rows >= layout.columns else Orthogonal(layout),
    lambda layout: Bilinear(layout) if layout.kernel else PartialIdentity(layout),
    lambda layout: ConvolutionAware(layout) if layout.kernel else Orthogonal(layout),
]


@pytest.mark.parametrize("layouts", ORDERS, ids=lambda layouts: str([layout.shape for layout in layouts]))
@pytest.mark.parametrize("make", MAKERS)
def test_every_order_of_axes_holds_the_same_numbers(
    make: Callable[[Layout], WholeDistribution], layouts: list[Layout]
) -> None:
    first, *others = [law.layout.view(sample(law)) for law in map(make, layouts)]
    for other in others:
        np.testing.assert_array_equal(first, other, strict=True)


@pytest.mark.parametrize("law", EXAMPLES["orthogonal"], ids=repr)
def test_an_orthogonal_block_has_orthonormal_rows_or_columns(law: Orthogonal) -> None:
    for Q in blocks(law) / law.gain:
        product = Q.T @ Q if len(Q) >= Q.shape[1] else Q @ Q.T
        np.testing.assert_allclose(product, np.eye(len(product)), rtol=0, atol=1e-12)


def test_blocks_are_independent() -> None:
    first, second = blocks(Orthogonal(PACKED))
    assert (first != second).all()


def test_orthogonal_matrices_are_uniformly_distributed() -> None:
    # Of Haar's measure on O(n), n >= 2: E tr Q = 0, E (tr Q)^2 = 1, E tr Q^2 = 1; of Q as the library leaves it none
    # of these holds, as its R has negative diagonals of its own choice.
    draws = np.array([sample(Orthogonal(weight_role((4, 4)).layout), seed) for seed in range(4000)])
    trace, square = np.trace(draws, axis1=1, axis2=2), np.trace(draws @ draws, axis1=1, axis2=2)
    for values, expected in ((trace, 0.0), (trace**2, 1.0), (square, 1.0)):
        assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(len(values))
    # As many reflections as rotations.
    assert abs(np.mean(np.linalg.det(draws) > 0) - 0.5) < 5 * 0.5 / math.sqrt(len(draws))


@pytest.mark.parametrize("window", [(3,), (4,), (3, 3), (1, 3, 5)])
def test_a_delta_orthogonal_convolution_keeps_the_norm_of_every_input(window: tuple[int, ...]) -> None:
    layout = weight_role((6, 4, *window), operation="convolution").layout
    W = sample(DeltaOrthogonal(layout, 1.5))
    x = np.random.default_rng(0).normal(size=(4, *(7,) * len(window)))
    axes = tuple(range(-len(window), 0))
    transformed = np.einsum("ij...,j...->i...", fft.fftn(W, s=x.shape[1:], axes=axes), fft.fftn(x, axes=axes))
    y = fft.ifftn(transformed, axes=axes).real
    assert np.linalg.norm(y) == pytest.approx(1.5 * np.linalg.norm(x), rel=1e-12)


def negated(parameter: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The numbers at -t for those at t, modulo the lengths of the axes."""
    return np.roll(np.flip(parameter, axes), 1, axes) if axes else parameter


@pytest.mark.parametrize(("inputs", "length"), [(11, 2), (11, 3), (11, 4), (11, 5), (3, 9), (1, 4)])
def test_without_noise_the_half_spectra_of_convolution_aware_kernels_are_orthogonal(inputs: int, length: int) -> None:
    layout = weight_role((3, inputs, length), operation="convolution").layout
    spectra = fft.rfft(sample(ConvolutionAware(layout, noise=0.0)))
    np.testing.assert_allclose(spectra.imag, 0, atol=1e-14)
    frequencies = length // 2 + 1
    square = float(np.mean(np.sum(spectra.real**2, axis=-1)))
    for of_one_output in spectra.real:
        for start in range(0, inputs, frequencies):
            rows = of_one_output[start : start + frequencies]
            np.testing.assert_allclose(rows @ rows.T, square * np.eye(len(rows)), rtol=0, atol=1e-13 * square)


@pytest.mark.parametrize("window", [(4,), (3, 3), (4, 3), (3, 4), (4, 4), (3, 1), (1, 3), (2, 3, 3), (3, 4, 2)])
def test_convolution_aware_spectra_are_orthogonal_but_for_what_no_real_kernel_has(window: tuple[int, ...]) -> None:
    # As many inputs as frequencies make Q square: its columns, one a frequency, are orthonormal too. The inverse of a
    # real transform takes the mean of the columns at f and -f where the frequency along the last axis is its own
    # negative: the Gram matrix of the columns is then the projection onto what the two have in common.
    half = (*window[:-1], window[-1] // 2 + 1)
    frequencies = math.prod(half)
    layout = weight_role((2, frequencies, *window), operation="convolution").layout
    axes = tuple(range(2, 2 + len(window)))
    spectra = fft.rfftn(sample(ConvolutionAware(layout, noise=0.0)), axes=axes)
    np.testing.assert_allclose(spectra.imag, 0, atol=1e-12)
    projection = np.eye(frequencies).reshape(frequencies, *half)
    for own_negative in {0, window[-1] / 2} & set(range(half[-1])):
        plane = projection[..., int(own_negative)]
        plane += negated(plane, tuple(range(1, len(window))))
        plane /= 2
    projection = projection.reshape(frequencies, frequencies)
    for of_one_output in spectra.real.reshape(2, frequencies, frequencies):
        gram = of_one_output.T @ of_one_output
        square = np.trace(gram) / np.trace(projection)
        np.testing.assert_allclose(gram, square * projection, rtol=0, atol=1e-12 * square)


@pytest.mark.parametrize("window", [(4,), (3, 3), (4, 3), (2, 3, 3)])
def test_real_spectra_make_symmetric_kernels_and_noise_breaks_the_symmetry(window: tuple[int, ...]) -> None:
    layout = weight_role((3, 4, *window), operation="convolution").layout
    axes = tuple(range(2, 2 + len(window)))
    W = sample(ConvolutionAware(layout, noise=0.0))
    np.testing.assert_allclose(W, negated(W, axes), atol=1e-13)
    W = sample(ConvolutionAware(layout, noise=0.05))
    assert abs(W - negated(W, axes)).max() > 0.01


def test_convolution_aware_spectra_of_other_outputs_and_further_inputs_are_drawn_anew() -> None:
    # Of 3 taps a matrix serves 2 inputs. Rows of independent matrices have any angle to each other, whose cosine has
    # the mean square 1/2 in two dimensions.
    layout = weight_role((4000, 4, 3), operation="convolution").layout
    spectra = fft.rfft(sample(ConvolutionAware(layout, noise=0.0))).real
    directions = spectra / np.linalg.norm(spectra, axis=-1, keepdims=True)
    for one, other in (
        (directions[::2, 0], directions[1::2, 0]),
        (directions[:, 0], directions[:, 2]),
        (directions[:, 1], directions[:, 2]),
    ):
        square = np.sum(one * other, axis=-1) ** 2
        assert abs(square.mean() - 1 / 2) < 5 * square.std() / math.sqrt(len(square))


@pytest.mark.parametrize("law", EXAMPLES["convolution_aware"], ids=repr)
def test_the_mean_square_of_each_convolution_aware_layer_is_exact(law: ConvolutionAware) -> None:
    view = law.layout.view(sample(law))
    layers = view.reshape(*view.shape[: len(law.layout.stacked)], -1)
    np.testing.assert_allclose(np.mean(layers**2, axis=-1), law.root_mean_square**2, rtol=1e-14)


@pytest.mark.parametrize(("length", "share"), [(3, 0.13), (5, 0.50), (7, 0.79)])
def test_the_share_of_noise_in_the_variance_of_convolution_aware_kernels(length: int, share: float) -> None:
    # A number of Q has the mean square 1/F. Of the spectral numbers of a square kernel, those at f and -f along the
    # first axis, where the last frequency is 0, are their mean, with half of that: length - 1 of them.
    taps, frequencies = length**2, length * (length // 2 + 1)
    kernel = (taps - (length - 1) / 2) / frequencies / taps**2
    expected = 0.05**2 / (0.05**2 + kernel)
    assert expected == pytest.approx(share, abs=0.006)
    # What is not symmetric is noise alone, and has half of it but for the tap that is its own negative.
    W = sample(ConvolutionAware(weight_role((64, 64, length, length), operation="convolution").layout))
    odd = (W - negated(W, (2, 3))) / 2
    assert 2 * np.mean(odd**2) / (1 - 1 / taps) == pytest.approx(expected, rel=0.02)


def test_the_identity_is_torch_s_eye_and_dirac_by_hand() -> None:
    np.testing.assert_array_equal(sample(PartialIdentity(WIDE)), np.eye(4, 6))
    expected = np.zeros((6, 2, 3))
    for group in range(3):
        for i in range(2):
            expected[2 * group + i, i, 1] = 1.0
    np.testing.assert_array_equal(sample(PartialIdentity(GROUPED)), expected)


@pytest.mark.parametrize("law", EXAMPLES["sparse"], ids=repr)
def test_a_sparse_weight_has_exactly_the_zeros_that_it_says(law: Sparse) -> None:
    for W in blocks(law):
        zeros = np.sum(W == 0, axis=1 if law.of == "unit" else 0)
        assert set(zeros) == {law.zeros}


@pytest.mark.parametrize("law", EXAMPLES["block_rotations"], ids=repr)
def test_rotations_are_orthogonal_and_turn_by_the_angles(law: BlockRotations) -> None:
    for W in blocks(law):
        np.testing.assert_allclose(W.T @ W, np.eye(len(W)), atol=1e-14)
        assert np.linalg.det(W) == pytest.approx(1)
        angles = np.angle(np.linalg.eigvals(W))
        size = abs(angles[abs(angles) > 1e-12])
        low = 0.0 if law.low < 0 else law.low
        assert (size >= low - 1e-9).all()
        assert (size <= law.high + 1e-9).all()


def test_rotations_are_what_cayley_s_transform_makes_of_tangents() -> None:
    # Helfrich, Willmott & Ye start a skew A with s = sqrt((1 - cos t)/(1 + cos t)) = tan(t/2): W = (I + A)^-1 (I - A).
    t = CounterDraws(0).uniform("w", (1, 3), scale=math.pi / 2)[0]
    A = np.zeros((6, 6))
    for i, s in enumerate(np.sqrt((1 - np.cos(t)) / (1 + np.cos(t)))):
        A[2 * i, 2 * i + 1], A[2 * i + 1, 2 * i] = s, -s
    W = np.linalg.solve(np.eye(6) + A, np.eye(6) - A)
    np.testing.assert_allclose(sample(BlockRotations(SQUARE, 0.0, math.pi / 2)), W, atol=1e-14)


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_the_scaled_legendre_matrix_keeps_a_polynomial_history_exactly(power: int) -> None:
    # x' = (A x + B u)/t with u = t^p is solved by x = t^p v, (p - A) v = B: v are the coefficients of s^p on [0, 1] in
    # the orthonormal polynomials sqrt(2 n + 1) P_n(2 s - 1).
    A = sample(ScaledLegendre(SQUARE))
    n = np.arange(len(A))
    s, weights = np.polynomial.legendre.leggauss(20)
    basis = np.sqrt(2 * n + 1) * np.polynomial.legendre.legvander(s, len(A) - 1)
    exact = basis.T @ (weights / 2 * ((s + 1) / 2) ** power)
    np.testing.assert_allclose(np.linalg.solve(power * np.eye(len(A)) - A, np.sqrt(2 * n + 1)), exact, atol=1e-13)


def test_hadamard_rows_are_sylvester_s() -> None:
    np.testing.assert_allclose(sample(HadamardRows(TALL)), linalg.hadamard(8)[:6, :4] / math.sqrt(8), rtol=1e-15)
    W = sample(HadamardRows(weight_role((16, 16)).layout))
    np.testing.assert_allclose(W @ W.T, np.eye(16), atol=1e-15)


def test_a_centered_hadamard_matrix_stands_at_the_middle_of_the_kernel() -> None:
    W = sample(HadamardRows(KERNEL, center=True))
    np.testing.assert_allclose(W[:, :, 1, 1], linalg.hadamard(8)[:6, :4] / math.sqrt(8), rtol=1e-15)
    assert np.count_nonzero(W) == 24


@pytest.mark.parametrize("law", EXAMPLES["cosines"], ids=repr)
def test_cosines_are_the_discrete_cosine_transform(law: CosineRows) -> None:
    rows, columns = law.layout.rows, law.layout.columns * law.layout.taps
    whole = fft.dct(np.eye(max(rows, columns)), norm="ortho", axis=0)
    for W in blocks(law):
        np.testing.assert_allclose(W, law.gain * whole[:rows, :columns], atol=1e-14)


@pytest.mark.parametrize("length", [3, 4, 5, 6])
def test_a_bilinear_kernel_interpolates_a_line_exactly(length: int) -> None:
    layout = weight_role((1, 1, length), operation="transposed_convolution").layout
    W = sample(Bilinear(layout))[0, 0]
    factor = math.ceil(length / 2)
    x = 2.0 + 3.0 * np.arange(20)
    y = np.zeros(20 * factor + length)
    for i, value in enumerate(x):
        y[factor * i : factor * i + length] += value * W
    inner = y[3 * length : -4 * length]
    np.testing.assert_allclose(np.diff(inner), 3.0 / factor, rtol=1e-12)


def test_repeated_kernels_make_a_pixel_shuffle_a_nearest_neighbor_upsampling() -> None:
    # Channels first: output c of the shuffle takes the channels c r^2 to (c + 1) r^2 - 1.
    W = sample(Repeated(weight_role((8, 3)).layout, Normal(), 4))
    assert (W.reshape(2, 4, 3) == W.reshape(2, 4, 3)[:, :1]).all()
    assert len(np.unique(W)) == 6
    # Channels last: depth_to_space takes the channels c, c + m/r^2, ...
    W = sample(Repeated(weight_role((1, 3, 8), operation="convolution", order="keras").layout, Normal(), 4))
    assert (W.reshape(3, 4, 2) == W.reshape(3, 4, 2)[:, :1]).all()
    assert len(np.unique(W)) == 6


@pytest.mark.parametrize("law", EXAMPLES["mirrored"], ids=repr)
def test_mirrored_blocks_are_orthogonal_and_their_negatives(law: Mirrored) -> None:
    (W,) = blocks(law)
    m, n = W.shape
    rows = -(-m // 2) if law.outputs else m
    columns = n // 2 if law.inputs else n
    V = W[:rows, :columns] / law.gain
    product = V.T @ V if rows >= columns else V @ V.T
    np.testing.assert_allclose(product, np.eye(len(product)), rtol=0, atol=1e-12)
    if law.outputs:
        np.testing.assert_array_equal(W[rows:], -W[: m // 2])
    if law.inputs:
        np.testing.assert_array_equal(W[:, n - columns :], -W[:, :columns])
        assert not W[:, columns : n - columns].any()


@pytest.mark.parametrize("law", EXAMPLES["normalized_rows"], ids=repr)
def test_normalized_rows_have_one_length(law: NormalizedRows) -> None:
    np.testing.assert_allclose(np.linalg.norm(blocks(law), axis=2), law.radius, rtol=1e-14)


@pytest.mark.parametrize("law", EXAMPLES["sphere_rows"], ids=repr)
def test_rows_on_a_sphere_have_one_length_and_centered_ones_no_sum(law: SphereRows) -> None:
    rows = blocks(law)
    length = 0.0 if law.centered and rows.shape[2] == 1 else law.radius
    np.testing.assert_allclose(np.linalg.norm(rows, axis=2), length, rtol=1e-14)
    if law.centered:
        np.testing.assert_allclose(rows.sum(axis=2), 0, atol=1e-14)


def test_rows_on_a_sphere_are_uniform_on_it() -> None:
    # In two dimensions: the angle of a row is uniform on the circle, so that E cos(j angle) = 0 for j = 1, 2, ...
    rows = sample(SphereRows(weight_role((20_000, 2)).layout))
    angle = np.arctan2(rows[:, 1], rows[:, 0])
    for frequency in (1, 2, 3, 4):
        assert abs(np.cos(frequency * angle).mean()) < 5 / math.sqrt(2 * len(angle))
    # Of sum 0 in three: a circle about (1, 1, 1), on which two orthogonal directions share it.
    rows = sample(SphereRows(weight_role((20_000, 3)).layout, centered=True))
    first, second = rows @ [1, -1, 0] / math.sqrt(2), rows @ [1, 1, -2] / math.sqrt(6)
    np.testing.assert_allclose(first**2 + second**2, 1, rtol=1e-12)
    angle = np.arctan2(second, first)
    for frequency in (1, 2, 3, 4):
        assert abs(np.cos(frequency * angle).mean()) < 5 / math.sqrt(2 * len(angle))


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_paired_scores_are_the_nearest_of_their_rank_to_what_they_are_drawn_as(heads: int) -> None:
    laws = [PairedFactor(SQUARE, "a", side, 0.5, 0.7, heads=heads) for side in ("first", "second")]
    first, second = (law.sample(CounterDraws(0), f"w{i}", (6, 6)) for i, law in enumerate(laws))
    k = 6 // heads
    # The definition: N(0, 1/6) elements times the noise, and the diagonal.
    drawn = 0.5 * CounterDraws(0).normal("a", (heads, 6, 6)) / math.sqrt(6) + 0.7 * np.eye(6)
    for head in range(heads):
        product = first[head * k : (head + 1) * k].T @ second[head * k : (head + 1) * k]
        singular = np.linalg.svd(drawn[head], compute_uv=False)
        # Eckart and Young: what is left of the nearest matrix of rank k are the smallest singular values.
        left = np.linalg.svd(drawn[head] - product, compute_uv=False)
        np.testing.assert_allclose(left[: 6 - k], singular[k:], atol=1e-13)
        np.testing.assert_allclose(left[6 - k :], 0, atol=1e-13)
        # The singular values are split evenly.
        for W in (first, second):
            lengths = np.linalg.norm(W[head * k : (head + 1) * k], axis=1)
            np.testing.assert_allclose(lengths, np.sqrt(singular[:k]), rtol=1e-12)


def test_a_paired_chain_is_what_it_is_drawn_as_transposed() -> None:
    laws = [PairedFactor(SQUARE, "a", side, 0.4, -0.4, product="chain") for side in ("first", "second")]
    first, second = (law.sample(CounterDraws(3), f"w{i}", (6, 6)) for i, law in enumerate(laws))
    drawn = 0.4 * CounterDraws(3).normal("a", (1, 6, 6))[0] / math.sqrt(6) - 0.4 * np.eye(6)
    np.testing.assert_allclose(second @ first, drawn.T, atol=1e-13)


def test_parts_may_be_whole_parameters() -> None:
    law = EXAMPLES["packed"][-1]
    Q, W = blocks(law)
    np.testing.assert_allclose(Q.T @ Q, 4 * np.eye(3), atol=1e-13)
    np.testing.assert_array_equal(W, CounterDraws(0).normal("w/1", (3, 3), scale=0.1))
    # An attention's packed weight: its two factors find each other.
    layout = weight_role((8, 4), parts=2).layout
    part = part_layout(layout)
    packed = Packed(layout, (PairedFactor(part, "a", "first", 0.0), PairedFactor(part, "a", "second", 0.0)))
    query, key = packed.sample(CounterDraws(0), "w", (8, 4)).reshape(2, 4, 4)
    np.testing.assert_allclose(query.T @ key, 0.7 * np.eye(4), atol=1e-14)


def test_a_positive_definite_weight_has_the_largest_eigenvalue_1() -> None:
    W = sample(PositiveDefinite(SQUARE))
    np.testing.assert_array_equal(W, W.T)
    eigenvalues = np.linalg.eigvalsh(W)
    assert eigenvalues[-1] == pytest.approx(1, rel=1e-14)
    assert eigenvalues[0] > 0


@pytest.mark.parametrize("law", EXAMPLES["spectral_radius"], ids=repr)
def test_a_spectral_radius_is_what_it_says(law: SpectralRadius) -> None:
    for seed in range(10):
        assert abs(np.linalg.eigvals(sample(law, seed))).max() == pytest.approx(law.radius, rel=1e-12)
    if law.layout.rows > 1 and law.density < 1:
        kept = np.mean([np.mean(sample(law, seed) != 0) for seed in range(200)])
        assert abs(kept - law.density) < 5 * math.sqrt(law.density * (1 - law.density) / (200 * 36))


def test_packed_parts_follow_their_laws_or_oppose_each_other() -> None:
    law = EXAMPLES["packed"][1]
    b = sample(law)
    np.testing.assert_array_equal(b[:3], -b[3:6])
    assert (b[3:6] > 0).all()
    assert (b[6:] == 0).all()
    assert sorted(set(sample(EXAMPLES["packed"][0]))) == [0.0, 1.0]
    assert (sample(EXAMPLES["packed"][0])[3:6] == 1).all()


def test_values_stand_where_they_were_put() -> None:
    np.testing.assert_array_equal(sample(Values(BIAS, (0.1, -2.0, 3.0))), [0.1, -2.0, 3.0])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Orthogonal(BIAS),
            (
                "`layout` must have inputs, which a bias has not, for an orthogonal matrix, got (3,); 'zeros' serves "
                "a bias"
            ),
        ),
        (lambda: Orthogonal(TALL, -1.0), "`gain` must be a finite number of at least 0, got -1.0"),
        (
            lambda: DeltaOrthogonal(WIDE),
            (
                "`layout` must have at least as many outputs as inputs for a delta-orthogonal kernel, and it has "
                "4 and 6, got (4, 6); 'orthogonal' serves where there are more inputs"
            ),
        ),
        (
            lambda: ConvolutionAware(TALL),
            (
                "`layout` must have a kernel for it to be drawn by its spectrum, got (6, 4); 'orthogonal' and "
                "'he_normal' serve a weight without one"
            ),
        ),
        (
            lambda: ConvolutionAware(BIAS),
            "`layout` must have inputs, which a bias has not, for kernels drawn by their spectra, got (3,)",
        ),
        (lambda: ConvolutionAware(KERNEL, 0.0), "`root_mean_square` must be a finite number above 0, got 0.0"),
        (lambda: ConvolutionAware(KERNEL, noise=-1.0), "`noise` must be a finite number of at least 0, got -1.0"),
        (lambda: Mirrored(KERNEL), "`layout` must be that of one matrix for mirrored weights, got (6, 4, 3, 2)"),
        (lambda: Mirrored(PACKED), "`layout` must be that of one matrix for mirrored weights, got (6, 3)"),
        (lambda: Mirrored(BIAS), "`layout` must have inputs, which a bias has not, for mirrored weights"),
        (lambda: Mirrored(TALL, -1.0), "`gain` must be a finite number of at least 0, got -1.0"),
        (
            lambda: Mirrored(weight_role((4, 1)).layout),
            "`layout` must have two inputs or more where they are mirrored, got (4, 1)",
        ),
        (lambda: PartialIdentity(TALL, math.nan), "`gain` must be a finite number, got nan"),
        (lambda: Sparse(TALL, 5), "`zeros` must be at most the 4 weights of one unit, got 5"),
        (lambda: Sparse(TALL, 7, "input"), "`zeros` must be at most the 6 weights of one input, got 7"),
        (lambda: Sparse(TALL, -1), "`zeros` must be an integer of at least 0, got -1"),
        (lambda: Sparse(TALL, 1, "row"), "`of` must be 'unit' or 'input', got 'row'"),
        (
            lambda: BlockRotations(TALL),
            (
                "`layout` must be that of a square weight without a kernel for rotations, got (6, 4); 'orthogonal' "
                "serves other shapes"
            ),
        ),
        (lambda: BlockRotations(SQUARE, 1.0, 0.0), "`low` must be at most `high`, which is 0.0, got 1.0"),
        (
            lambda: PositiveDefinite(KERNEL),
            "`layout` must be that of a square weight without a kernel for a positive definite weight, got",
        ),
        (
            lambda: Bilinear(TALL),
            "`layout` must have a kernel for interpolation, got (6, 4); 'partial_identity' serves a weight without one",
        ),
        (lambda: Repeated(TALL, Normal(), 4), "`copies` must divide the 6 outputs, got 4"),
        (
            lambda: Repeated(TALL, Orthogonal(TALL), 2),
            "`law` must be entrywise, to be drawn for fewer outputs, got 'orthogonal'",
        ),
        (
            lambda: PairedFactor(KERNEL, "a"),
            "`layout` must have one block without a kernel for a factor, got (6, 4, 3, 2)",
        ),
        (lambda: PairedFactor(SQUARE, "a", heads=4), "`heads` must divide the 6 outputs, got 4"),
        (
            lambda: PairedFactor(TALL, "a", heads=1),
            "`heads` must leave at most 4 outputs, the inputs, to each, got 1",
        ),
        (
            lambda: PairedFactor(TALL, "a", product="chain"),
            "`layout` must be square, and of one head, for a chain, got (6, 4)",
        ),
        (
            lambda: PairedFactor(SQUARE, "a").sample(NumpyLegacyDraws(0), "w", (6, 6)),
            (
                "`draws` must be keyed by names for a pair of weights, which one stream draws from different numbers, "
                "got 'numpy_legacy'; 'counter' is"
            ),
        ),
        (
            lambda: Packed(PACKED, (Orthogonal(SQUARE), Normal())),
            "`laws` must be entrywise, or made for one part, got ['orthogonal', 'N(0, 1²)']",
        ),
        (lambda: SpectralRadius(SQUARE, 0.0), "`radius` must be a finite number above 0, got 0.0"),
        (lambda: SpectralRadius(SQUARE, 1.0, 1.5), "`density` must be at most 1, got 1.5"),
        (
            lambda: sample(SpectralRadius(SQUARE, 1.0, 1e-9)),
            "`density` must leave an eigenvalue other than 0, and of this matrix, 6 by 6, it left none, got 1e-09",
        ),
        (lambda: Values(BIAS, (1.0,)), "`numbers` must be one for each of the 3 outputs, got 1"),
        (lambda: Values(BIAS, (1.0, math.inf, 0.0)), "`numbers[1]` must be a finite number, got inf"),
        (lambda: Packed(GATES, (Normal(),)), "`laws` must be one for each of the 4 parts, got 1"),
        (lambda: Packed(PACKED, (Orthogonal(TALL),) * 2), "`laws` must be entrywise, or made for one part, got"),
    ],
)
def test_parameters_that_make_no_law_are_refused(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).startswith(sentence)

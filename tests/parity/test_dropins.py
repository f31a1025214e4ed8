"""The drop-ins in the real frameworks: each entry's law in each framework and type, and what is the same in all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import firstdraw
from firstdraw.arrays import Floats, Shape
from firstdraw.distributions import Distribution
from firstdraw.draws import CounterDraws
from firstdraw.dropins.parameter import ParameterInitializer
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.roles import Role, bias_role, weight_role

pytestmark = pytest.mark.parity
pytest.importorskip("torch")
pytest.importorskip("jax")
pytest.importorskip("keras")

SEED, NAME = 7, "layers.1.weight"


def in_torch(initializer: str, shape: Shape, dtype: str, **settings: Any) -> Any:
    import torch

    tensor = torch.full(shape, 9.0).to(getattr(torch, dtype))
    filled = firstdraw.as_torch(initializer, seed=SEED, **settings)(tensor, name=NAME)
    assert filled is tensor
    return tensor


def in_jax(initializer: str, shape: Shape, dtype: str, **settings: Any) -> Any:
    import jax

    with jax.enable_x64(dtype == "float64"):
        return firstdraw.as_jax(initializer, name=NAME, **settings)(jax.random.key(SEED), shape, dtype)


def in_keras(initializer: str, shape: Shape, dtype: str, **settings: Any) -> Any:
    return firstdraw.as_keras(initializer, seed=SEED, name=NAME, **settings)(shape, dtype)


FRAMEWORKS: dict[str, Callable[..., Any]] = {"torch": in_torch, "jax": in_jax, "keras": in_keras}
frameworks = pytest.mark.parametrize("framework", FRAMEWORKS)


def numbers(array: Any) -> Floats:
    """The numbers of an array of any framework in float64, which holds all of the shorter types."""
    import torch

    if isinstance(array, torch.Tensor):
        return array.detach().double().numpy()
    return np.asarray(array).astype(np.float64)


# The weight of a layer in each order of axes, by the kind that an entry serves: the same layer four times.
SHAPES: dict[str, dict[str, Shape]] = {
    "dense": {"torch": (96, 64), "keras": (64, 96), "jax": (64, 96)},
    "recurrent": {"torch": (80, 80), "keras": (80, 80), "jax": (80, 80)},
    "convolution": {"torch": (32, 16, 3, 5), "keras": (3, 5, 16, 32), "jax": (3, 5, 16, 32)},
    "transposed_convolution": {"torch": (16, 16, 4, 4), "keras": (4, 4, 16, 16), "jax": (4, 4, 16, 16)},
    "embedding": {"torch": (500, 16), "keras": (500, 16), "jax": (500, 16)},
}
SERVED = [(name, kind) for name, entry in INITIALIZERS.items() for kind in entry.kinds if kind in SHAPES]
each = pytest.mark.parametrize(("name", "kind"), SERVED, ids=[f"{name}-{kind}" for name, kind in SERVED])


def place(name: str) -> dict[str, int]:
    return {"layer": 2, "depth": 4} if INITIALIZERS[name].needs_architecture else {}


@frameworks
@each
def test_an_entry_fills_a_weight_with_the_law_of_its_role(framework: str, name: str, kind: Any) -> None:
    shape = SHAPES[kind][framework]
    role = weight_role(shape, operation=kind, order=framework, name=NAME, **place(name))  # type: ignore[arg-type]
    law = INITIALIZERS[name]().law(role)
    array = FRAMEWORKS[framework](name, shape, "float32", operation=kind, **place(name))
    assert tuple(array.shape) == shape
    assert str(array.dtype).removeprefix("torch.") == "float32"
    drawn = numbers(array)
    # The numbers that the house draws elsewhere, rounded; and, by another road, the moments of the law.
    np.testing.assert_array_equal(drawn, law.sample(CounterDraws(SEED), NAME, shape).astype(np.float32))
    follows(drawn, law)


def follows(drawn: Floats, law: Distribution) -> None:
    """Compare numbers with the moments and the support of a law: six standard errors, one false alarm in 10^8."""
    lowest, highest = law.support
    slack = 1e-6 * max(abs(bound) for bound in (lowest, highest, 0.0) if math.isfinite(bound))
    assert drawn.min() >= lowest - slack
    assert drawn.max() <= highest + slack
    if math.isfinite(law.variance):
        # The elements of a whole matrix depend on each other, which makes their sums vary less, or hold back zeros.
        assert abs(drawn.mean() - law.mean) <= 6 * law.standard_deviation / math.sqrt(drawn.size) + slack
        fourth = 3.0 if math.isnan(law.kurtosis) else law.kurtosis
        assert abs(drawn.var() - law.variance) <= 6 * law.variance * math.sqrt((fourth + 2) / drawn.size) + slack


@frameworks
@pytest.mark.parametrize("name", [name for name, entry in INITIALIZERS.items() if "bias" in entry.kinds])
def test_an_entry_for_biases_fills_a_vector(framework: str, name: str) -> None:
    settings: dict[str, Any] = {"proportions": (0.5,) + (0.5 / 23,) * 23} if name == "class_prior" else {}
    initializer = INITIALIZERS[name](**settings)
    drawn = numbers(FRAMEWORKS[framework](name, (24,), "float64", **settings, **place(name)))
    parts = initializer.parts if isinstance(initializer, BiasInitializer) else 1
    role = bias_role(weight_role((24, 1), parts=parts, name=NAME, **place(name)), name=NAME)  # type: ignore[arg-type]
    law = initializer.bias_law(role) if name == "vision_transformer" else initializer.weight_law(role)
    np.testing.assert_array_equal(drawn, law.sample(CounterDraws(SEED), NAME, (24,)))


@frameworks
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["he_normal", "truncated_normal", "orthogonal", "identity"])
def test_every_type_holds_the_roundings_of_the_same_numbers(framework: str, dtype: str, name: str) -> None:
    import ml_dtypes

    array = FRAMEWORKS[framework](name, (64, 64), dtype)
    assert str(array.dtype).removeprefix("torch.") == dtype
    whole = INITIALIZERS[name]().law(weight_role((64, 64), order=framework)).sample(CounterDraws(SEED), NAME, (64, 64))  # type: ignore[arg-type]
    short = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32}
    expected = whole if dtype == "float64" else whole.astype(np.float32).astype(short[dtype])
    np.testing.assert_array_equal(numbers(array), expected.astype(np.float64))


ENTRYWISE = [
    name
    for name, entry in INITIALIZERS.items()
    if "dense" in entry.kinds and not entry.needs_architecture and entry().law(weight_role((96, 64))).entrywise
]


@pytest.mark.parametrize("name", ENTRYWISE)
def test_where_elements_are_independent_a_shape_has_the_same_numbers_in_any_framework(name: str) -> None:
    """Stored alike, in PyTorch's order: one law and one array; the transpose of it is the same layer in Keras."""
    first, *others = (
        numbers(FRAMEWORKS[framework](name, (96, 64), "float32", order="torch")) for framework in FRAMEWORKS
    )
    for other in others:
        np.testing.assert_array_equal(first, other)


WHOLE = [(name, kind) for name, kind in SERVED if not INITIALIZERS[name].needs_architecture and name != "icnr"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name, kind in WHOLE
        if not INITIALIZERS[name]().law(weight_role(SHAPES[kind]["torch"], operation=kind)).entrywise  # type: ignore[arg-type]
    ],
)
def test_a_law_of_a_whole_matrix_has_the_same_matrix_in_any_order_of_axes(name: str, kind: Any) -> None:
    held = {
        framework: weight_role(SHAPES[kind][framework], operation=kind, order=framework).layout.view(  # type: ignore[arg-type]
            numbers(FRAMEWORKS[framework](name, SHAPES[kind][framework], "float32", operation=kind))
        )
        for framework in FRAMEWORKS
    }
    np.testing.assert_array_equal(held["torch"], held["keras"])
    np.testing.assert_array_equal(held["torch"], held["jax"])


@frameworks
@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((12, 4, 3), {"groups": 2}),
        ((3, 4, 12), {"order": "keras", "groups": 2}),
        ((12, 1, 3, 3), {"operation": "depthwise_convolution"}),
        ((3, 3, 4, 2), {"operation": "depthwise_convolution", "order": "keras"}),
        ((8, 6, 4, 4), {"operation": "transposed_convolution", "stride": 2, "groups": 2}),
        ((4, 4, 6, 8), {"operation": "transposed_convolution", "stride": (2, 1), "order": "keras"}),
        ((48, 16), {"parts": 3}),
        ((5, 8, 16), {"stacked": 1}),
        ((50, 8), {"operation": "recurrent", "parts": 2}),
        ((6, 4), {"activation": "tanh"}),
    ],
)
@pytest.mark.parametrize("name", ["glorot_uniform", "activation_gain", "torch_default"])
def test_what_a_shape_does_not_say_can_be_said(
    framework: str, name: str, shape: Shape, settings: dict[str, Any]
) -> None:
    said = {"order": "torch"} | settings
    phi = {"activation": firstdraw.ACTIVATIONS["tanh"]()} if "activation" in settings else {}
    implied = {} if len(shape) - said.get("stacked", 0) == 2 else {"operation": "convolution"}
    role: Role = weight_role(shape, **(implied | said | phi))
    drawn = numbers(FRAMEWORKS[framework](name, shape, "float32", **said))
    law = INITIALIZERS[name]().law(role)
    np.testing.assert_array_equal(drawn, law.sample(CounterDraws(SEED), NAME, shape).astype(np.float32))


@frameworks
def test_a_scalar_is_filled(framework: str) -> None:
    drawn = numbers(FRAMEWORKS[framework]("normal", (), "float64"))
    assert drawn.shape == ()
    assert drawn == ParameterInitializer(initializer=INITIALIZERS["normal"](), order="jax").draw(SEED, NAME, ())


@frameworks
@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
def test_other_numbers_are_refused(framework: str, dtype: str) -> None:
    with pytest.raises(firstdraw.InputError) as caught:
        FRAMEWORKS[framework]("zeros", (2, 2), dtype)
    assert str(caught.value) == (
        f"`dtype` must be one of float64, float32, float16, bfloat16, got {dtype!r}; no entry draws other numbers"
    )


@frameworks
@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_a_parameter_without_elements_is_refused(framework: str, shape: Shape) -> None:
    with pytest.raises(firstdraw.InputError, match="a parameter without elements has no fan and needs no initializer"):
        FRAMEWORKS[framework]("zeros", shape, "float32")


# The schemes that a framework shares with the catalogue: ours, theirs, and what they draw.
SHARED: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "torch": {
        "xavier_normal_(w)": ("glorot_normal", {}),
        "xavier_normal_(w, gain=5 / 3)": ("glorot_normal", {"gain": 5 / 3}),
        "xavier_uniform_(w)": ("glorot_uniform", {}),
        "kaiming_normal_(w)": ("he_normal", {}),
        "kaiming_normal_(w, a=0.2, mode='fan_out')": ("he_normal", {"slope": 0.2, "mode": "fan_out"}),
        "kaiming_uniform_(w)": ("he_uniform", {}),
        "kaiming_uniform_(w, a=5**0.5)": ("torch_default", {}),
        "kaiming_normal_(w, nonlinearity='linear')": ("lecun_normal", {}),
        "kaiming_uniform_(w, nonlinearity='linear')": ("lecun_uniform", {}),
        "normal_(w, std=0.02)": ("normal", {"standard_deviation": 0.02}),
        "uniform_(w, -0.1, 0.1)": ("uniform", {"bound": 0.1}),
        "trunc_normal_(w, std=0.02, a=-0.04, b=0.04)": ("truncated_normal", {"scale": 0.02}),
        "trunc_normal_(w, std=0.02)": ("torch_truncated_normal", {"scale": 0.02}),
        "orthogonal_(w, gain=2.0)": ("orthogonal", {"gain": 2.0}),
        "zeros_(w)": ("zeros", {}),
        "constant_(w, 0.25)": ("constant", {"value": 0.25}),
    },
    "jax": {
        "glorot_normal()": ("variance_scaling", {"mode": "fan_avg"}),
        "glorot_uniform()": ("glorot_uniform", {}),
        "he_normal()": ("variance_scaling", {"scale": 2.0}),
        "he_uniform()": ("he_uniform", {}),
        "lecun_normal()": ("variance_scaling", {}),
        "lecun_uniform()": ("lecun_uniform", {}),
        "variance_scaling(3.0, 'fan_out', 'normal')": (
            "variance_scaling",
            {"scale": 3.0, "mode": "fan_out", "distribution": "normal"},
        ),
        "variance_scaling(1.0, 'fan_geo_avg', 'uniform')": (
            "variance_scaling",
            {"mode": "fan_geo_avg", "distribution": "uniform"},
        ),
        "normal(0.02)": ("normal", {"standard_deviation": 0.02}),
        "truncated_normal(0.02)": ("truncated_normal", {"scale": 0.02}),
        "orthogonal(2.0)": ("orthogonal", {"gain": 2.0}),
        "zeros": ("zeros", {}),
        "constant(0.25)": ("constant", {"value": 0.25}),
    },
    "keras": {
        "GlorotNormal()": ("variance_scaling", {"mode": "fan_avg"}),
        "GlorotUniform()": ("glorot_uniform", {}),
        "HeNormal()": ("variance_scaling", {"scale": 2.0}),
        "HeUniform()": ("he_uniform", {}),
        "LecunNormal()": ("variance_scaling", {}),
        "LecunUniform()": ("lecun_uniform", {}),
        "VarianceScaling(3.0, 'fan_out', 'untruncated_normal')": (
            "variance_scaling",
            {"scale": 3.0, "mode": "fan_out", "distribution": "normal"},
        ),
        "RandomNormal(stddev=0.02)": ("normal", {"standard_deviation": 0.02}),
        "RandomUniform(-0.1, 0.1)": ("uniform", {"bound": 0.1}),
        "TruncatedNormal(stddev=0.02)": ("truncated_normal", {"scale": 0.02}),
        "Orthogonal(gain=2.0)": ("orthogonal", {"gain": 2.0}),
        "Zeros()": ("zeros", {}),
        "Constant(0.25)": ("constant", {"value": 0.25}),
    },
}
CALLS = [(framework, call) for framework, calls in SHARED.items() for call in calls]


def theirs(framework: str, call: str, shape: Shape) -> Floats:
    import jax
    import keras
    import torch

    if framework == "torch":
        torch.manual_seed(3)
        w = torch.empty(shape)
        eval(f"torch.nn.init.{call}", {"torch": torch, "w": w})  # noqa: S307
        return numbers(w)
    if framework == "jax":
        return numbers(eval(f"jax.nn.initializers.{call}", {"jax": jax})(jax.random.key(3), shape))  # noqa: S307
    keras.utils.set_random_seed(3)
    return numbers(eval(f"keras.initializers.{call}", {"keras": keras})(shape))  # noqa: S307


@pytest.mark.parametrize(
    "shapes",
    [
        {"torch": (300, 200), "keras": (200, 300), "jax": (200, 300)},
        {"torch": (120, 60, 5), "keras": (5, 60, 120), "jax": (5, 60, 120)},
        {"torch": (80, 40, 3, 5), "keras": (3, 5, 40, 80), "jax": (3, 5, 40, 80)},
        {"torch": (24, 20, 3, 4, 5), "keras": (3, 4, 5, 20, 24), "jax": (3, 4, 5, 20, 24)},
    ],
    ids=["dense", "one axis", "two axes", "three axes"],
)
@pytest.mark.parametrize(("framework", "call"), CALLS)
def test_a_shared_scheme_draws_alike(framework: str, call: str, shapes: dict[str, Shape]) -> None:
    """Two samples of one law: their moments differ by six standard errors at most, and their largest sizes little.

    The kurtosis is at most 3: the standard error of a variance is at most sqrt(2/size) of it.
    """
    name, options = SHARED[framework][call]
    shape = shapes[framework]
    ours = numbers(FRAMEWORKS[framework](name, shape, "float32", **options))
    other = theirs(framework, call, shape)
    assert ours.shape == other.shape
    assert abs(ours.mean() - other.mean()) <= 6 * ours.std() * math.sqrt(2 / ours.size) + 1e-9
    assert abs(ours.var() - other.var()) <= 6 * ours.var() * math.sqrt(4 / ours.size) + 1e-12
    # The largest of some ten thousand draws of one law: ends agree, and a Gaussian's tails nearly.
    assert abs(ours).max() == pytest.approx(abs(other).max(), rel=0.3)
    bounded = abs(ours).max() < 3 * ours.std()
    assert bounded == (abs(other).max() < 3 * other.std())
    if bounded and name != "orthogonal":
        assert abs(ours).max() == pytest.approx(abs(other).max(), rel=0.01)


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (3, 3, 16, 40), (40, 16, 3, 3)])
def test_orthogonal_is_orthogonal_along_each_framework_s_axes(shape: Shape) -> None:
    for framework, call in (("torch", "orthogonal_(w)"), ("jax", "orthogonal()"), ("keras", "Orthogonal()")):
        ours = numbers(FRAMEWORKS[framework]("orthogonal", shape, "float32"))
        for W in (ours, theirs(framework, call, shape)):
            matrix = W.reshape(shape[0], -1) if framework == "torch" else W.reshape(-1, shape[-1])
            small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
            np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)


def test_the_identity_is_each_framework_s() -> None:
    import keras

    np.testing.assert_array_equal(
        numbers(in_keras("partial_identity", (6, 4), "float32")), numbers(keras.initializers.Identity()((6, 4)))
    )
    np.testing.assert_array_equal(
        numbers(in_torch("partial_identity", (6, 4), "float32")), theirs("torch", "eye_(w)", (6, 4))
    )
    np.testing.assert_array_equal(
        numbers(in_torch("partial_identity", (6, 2, 3, 4), "float32", groups=3)),
        theirs("torch", "dirac_(w, groups=3)", (6, 2, 3, 4)),
    )


@pytest.mark.parametrize(
    ("framework", "call", "shape", "settings", "ratio"),
    [
        # Depthwise: Keras counts all channels as inputs, where a unit sees one; here with 8 channels.
        ("keras", "HeUniform()", (3, 3, 8, 1), {"operation": "depthwise_convolution"}, 8.0),
        # Transposed: Keras takes the outputs of its (kernel, out, in) for the inputs.
        ("keras", "HeUniform()", (3, 3, 4, 16), {"operation": "transposed_convolution"}, 4 / 16),
        # PyTorch takes them, too, of its (in, out, kernel).
        ("torch", "kaiming_uniform_(w)", (16, 4, 3, 3), {"operation": "transposed_convolution"}, 4 / 16),
        # In the orders of PyTorch and Flax a depthwise kernel has one input, and the count is right.
        ("torch", "kaiming_uniform_(w)", (8, 1, 3, 3), {"operation": "depthwise_convolution"}, 1.0),
        ("jax", "he_uniform()", (3, 3, 1, 8), {"operation": "depthwise_convolution"}, 1.0),
    ],
)
def test_fans_are_counted_rightly_where_a_framework_miscounts(
    framework: str, call: str, shape: Shape, settings: dict[str, Any], ratio: float
) -> None:
    """Of two uniform laws the ends give the fans: the ratio of the squares is that of theirs to ours."""
    maker = ParameterInitializer(initializer=INITIALIZERS["he_uniform"](), order=framework, **settings)  # type: ignore[arg-type]
    bound = maker.law(shape, NAME).support[1]
    other = abs(theirs(framework, call, shape)).max()
    assert (bound / other) ** 2 == pytest.approx(ratio, rel=0.15)

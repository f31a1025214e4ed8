"""What every initializer of the catalogue must obey, and each scheme's own formula."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from firstdraw.activations import ACTIVATIONS, GELU, Activation, ReLU, Sigmoid, Sin, Softplus, Softsign, Tanh
from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.distributions import (
    Bilinear,
    BlockRotations,
    Constant,
    ConvolutionAware,
    CosineRows,
    DeltaOrthogonal,
    Distribution,
    HadamardRows,
    LogitOfUniform,
    LogOfUniform,
    Mirrored,
    Normal,
    NormalizedRows,
    Orthogonal,
    Packed,
    PartialIdentity,
    PositiveDefinite,
    Rademacher,
    Repeated,
    ScaledLegendre,
    Sparse,
    SpectralRadius,
    SphereRows,
    Stable,
    StepBias,
    TruncatedNormal,
    Uniform,
    Values,
)
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import distinct_units
from firstdraw.roles import (
    BranchPlace,
    Role,
    TransformerPlace,
    bias_role,
    dense_roles,
    multiplier_role,
    weight_role,
)

every = pytest.mark.parametrize("name", INITIALIZERS)
DENSE = [name for name, entry in INITIALIZERS.items() if "dense" in entry.kinds]
for_dense_layers = pytest.mark.parametrize("name", DENSE)


def activation_for(name: str) -> Activation:
    """One of the activations that an entry is for; ReLU where it is for none in particular."""
    known = INITIALIZERS[name].activations
    return ReLU() if known is None or "relu" in known else ACTIVATIONS[known[0]]()


def network_for(name: str) -> MultilayerPerceptron:
    return MultilayerPerceptron((2, 10, 5, 1), activation_for(name))


def roles(fan_in: int, fan_out: int) -> tuple[Role, Role]:
    return dense_roles(fan_in, fan_out, layer=1, depth=2, activation=ReLU())


def drawn(name: str, seed: int) -> Floats:
    network = network_for(name)
    return network.draw([INITIALIZERS[name]().law(role) for role in network.roles], CounterDraws(seed))


# A parameter of each kind that an entry may serve.
GATES = bias_role(weight_role((24, 5), operation="recurrent", parts=4))
OF_KIND = {
    "dense": weight_role((20, 30)),
    "recurrent": weight_role((12, 12), operation="recurrent"),
    "convolution": weight_role((8, 4, 3, 3), operation="convolution"),
    "transposed_convolution": weight_role((6, 6, 4, 4), operation="transposed_convolution", stride=2),
    "embedding": weight_role((50, 8), operation="embedding"),
    "bias": GATES,
    "head": weight_role((10, 30), layer=3, depth=3),
}
PRIOR = (0.25,) + (0.75 / 23,) * 23


def entry(name: str) -> Initializer:
    """An entry with its defaults, but a class prior with the classes of the bias above."""
    return INITIALIZERS[name](proportions=PRIOR) if name == "class_prior" else INITIALIZERS[name]()


def role_of_kind(name: str, kind: str) -> Role:
    """A parameter of a kind that an entry serves; of a head the bias, where the entry is for biases alone."""
    return GATES if kind == "head" and issubclass(INITIALIZERS[name], BiasInitializer) else OF_KIND[kind]


def bias_role_of(role: Role) -> Role:
    return role if role.kind == "bias" else bias_role(role)


@every
def test_an_entry_has_a_law_for_every_kind_that_it_says_it_serves(name: str) -> None:
    assert INITIALIZERS[name].kinds
    for kind in INITIALIZERS[name].kinds:
        role = dataclasses.replace(role_of_kind(name, kind), activation=None)
        parameter = entry(name).law(role).sample(CounterDraws(0), role.name, role.shape)
        assert parameter.shape == role.shape
        assert np.isfinite(parameter).all()


@every
def test_the_traits_speak_of_what_there_is(name: str) -> None:
    initializer = INITIALIZERS[name]
    assert set(initializer.kinds) <= set(OF_KIND)
    assert set(initializer.activations or ()) <= set(ACTIVATIONS)
    assert initializer.preserves in {None, "forward second moment", "gradient"}
    documented = "unverified" in (initializer.__doc__ or "").lower()
    assert documented != initializer.verified


PLACES = (
    None,
    BranchPlace(number=1, count=2, position=1, length=2),
    BranchPlace(number=1, count=2, position=2, length=2),
    BranchPlace(number=2, count=2, position=2, length=2),
    BranchPlace(number=1, count=4, position=3, length=3),
)
TRANSFORMER_PLACES = (
    None,
    TransformerPlace(parts=("query",), stack="encoder", layers=6, layer=1),
    TransformerPlace(parts=("feed_forward_in",), stack="encoder", layers=6, layer=1),
    TransformerPlace(parts=("feed_forward_in",), stack="encoder", layers=48, layer=2),
)


@every
def test_needs_architecture_says_whether_the_place_in_the_network_matters(name: str) -> None:
    scalar = multiplier_role(BranchPlace(number=1, count=1, position=1, length=1), layer=1, depth=1)
    parameters = [role_of_kind(name, kind) for kind in INITIALIZERS[name].kinds]
    matters = False
    for role in [*parameters, *map(bias_role_of, parameters), scalar]:
        laws = [
            entry(name).law(
                dataclasses.replace(
                    role, layer=layer, depth=depth, branch=branch, transformer=transformer, activation=None
                )
            )
            for layer, depth in ((1, 1), (1, 5), (3, 5), (5, 5), (3, 50))
            for branch in (PLACES[1:] if role is scalar else PLACES)
            for transformer in TRANSFORMER_PLACES
        ]
        matters = matters or any(law != laws[0] for law in laws)
    assert INITIALIZERS[name].needs_architecture == matters


@st.composite
def any_role(draw: st.DrawFn) -> Role:
    depth = draw(st.integers(1, 50))
    layer = draw(st.integers(1, depth))
    length, count = draw(st.integers(1, 4)), draw(st.integers(1, 10))
    place = BranchPlace(
        number=draw(st.integers(1, count)), count=count, position=draw(st.integers(1, length)), length=length
    )
    pair = dense_roles(
        draw(st.integers(1, 300)),
        draw(st.integers(1, 300)),
        layer=layer,
        depth=depth,
        activation=None,
        branch=draw(st.sampled_from([None, place])),
    )
    return draw(st.sampled_from([*pair, multiplier_role(place, layer=layer, depth=depth)]))


@for_dense_layers
@given(role=any_role(), activated=st.booleans())
def test_every_role_of_a_dense_network_has_a_law(name: str, role: Role, activated: bool) -> None:
    law = INITIALIZERS[name]().law(dataclasses.replace(role, activation=activation_for(name) if activated else None))
    assert isinstance(law, Distribution)
    assert math.isfinite(law.mean)
    assert law.variance >= 0
    low, high = law.support
    assert low <= high


@pytest.mark.parametrize("name", [name for name in DENSE if name != "stable"])
def test_drawn_mean_and_variance_are_those_of_the_law(name: str) -> None:
    role = dataclasses.replace(roles(200, 300)[0], activation=activation_for(name))
    law = INITIALIZERS[name]().law(role)
    W = law.sample(CounterDraws(5), role.name, role.shape)
    if INITIALIZERS[name].deterministic:
        assert W.mean() == pytest.approx(law.mean, rel=1e-9, abs=1e-12)
        assert W.var() == pytest.approx(law.variance, rel=1e-9, abs=1e-24)
        return
    # Elements of laws that are not entrywise vary less from each other's sums than independent ones.
    assert abs(W.mean() - law.mean) < 5 * law.standard_deviation / math.sqrt(W.size)
    fourth = 3.0 if math.isnan(law.kurtosis) else law.kurtosis
    assert abs(W.var() - law.variance) < 5 * law.variance * math.sqrt((fourth + 2) / W.size)
    low, high = law.support
    assert low <= W.min() < W.max() <= high


@for_dense_layers
def test_the_law_of_a_role_is_the_one_for_its_kind(name: str) -> None:
    initializer = INITIALIZERS[name]()
    weight, bias = (dataclasses.replace(role, activation=activation_for(name)) for role in roles(30, 20))
    assert initializer.law(weight) == initializer.weight_law(weight)
    assert initializer.law(bias) == initializer.bias_law(bias)
    scalar = multiplier_role(BranchPlace(number=1, count=1, position=1, length=1), layer=2, depth=3)
    assert initializer.law(scalar) == initializer.scalar_law(scalar)


@for_dense_layers
def test_deterministic_says_whether_the_seed_matters(name: str) -> None:
    assert INITIALIZERS[name].deterministic == (drawn(name, 0) == drawn(name, 1)).all()


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name not in DENSE])
def test_deterministic_says_so_of_other_parameters_too(name: str) -> None:
    role = OF_KIND[INITIALIZERS[name].kinds[0]]
    first, second = (entry(name).law(role).sample(CounterDraws(seed), role.name, role.shape) for seed in (0, 1))
    assert INITIALIZERS[name].deterministic == (first == second).all()


@for_dense_layers
def test_breaks_symmetry_says_whether_hidden_units_start_different(name: str) -> None:
    hidden = distinct_units(network_for(name).layers(drawn(name, 0)))[:-1]
    assert INITIALIZERS[name].breaks_symmetry == (hidden == [10, 5])
    if name in {"zeros", "constant"}:
        assert hidden == [1, 1]


@every
def test_an_initializer_states_its_formula_and_its_source(name: str) -> None:
    initializer = INITIALIZERS[name]()
    assert initializer.formula.strip()
    assert type(initializer).__doc__
    source = initializer.source
    if source is not None:
        assert isinstance(source, Source)
        assert source.link.startswith("https://")
        assert 1950 < source.year < 2100
        assert source.authors
        assert source.title


@every
def test_an_unverified_formula_says_so_in_its_docstring(name: str) -> None:
    assert INITIALIZERS[name].verified == ("Unverified" not in (INITIALIZERS[name].__doc__ or ""))


@every
def test_an_initializer_is_a_frozen_value_with_defaults(name: str) -> None:
    initializer: Any = INITIALIZERS[name]()
    assert type(initializer).__dataclass_params__.frozen
    assert initializer == INITIALIZERS[name]()
    assert hash(initializer) == hash(INITIALIZERS[name]())
    for option in dataclasses.fields(initializer):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(initializer, option.name, 1.0)


# The law of a weight and of a bias, by hand, with fan-in n = 30 and fan-out m = 20.
ZERO = Constant(0.0)
WEIGHT = roles(30, 20)[0]
BY_HAND: dict[str, list[tuple[dict[str, Any], Distribution, Distribution]]] = {
    "zeros": [({}, ZERO, ZERO)],
    "constant": [({}, Constant(0.5), ZERO), ({"value": -2.0}, Constant(-2.0), ZERO)],
    "normal": [({}, Normal(1.0), ZERO), ({"standard_deviation": 10.0}, Normal(10.0), ZERO)],
    "uniform": [({}, Uniform(-0.05, 0.05), ZERO), ({"bound": 0.5}, Uniform(-0.5, 0.5), ZERO)],
    "truncated_normal": [
        ({}, TruncatedNormal(0.02, 2.0), ZERO),
        ({"scale": 0.1, "cut": 3.0}, TruncatedNormal(0.1, 3.0), ZERO),
    ],
    # Efficient BackProp, section 4.6: the standard deviation n^(-1/2).
    "lecun_normal": [({}, Normal(30**-0.5), ZERO)],
    "lecun_uniform": [({}, Uniform(-math.sqrt(1 / 10), math.sqrt(1 / 10)), ZERO)],
    # Glorot & Bengio, equations 12 and 16: the variance 2/(n + m), the bound sqrt(6)/sqrt(n + m).
    "glorot_normal": [
        ({}, Normal(0.2), ZERO),
        ({"gain": 5 / 3}, Normal(1 / 3), ZERO),
    ],
    "glorot_uniform": [
        ({}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO),
        ({"gain": 2.0}, Uniform(-math.sqrt(0.48), math.sqrt(0.48)), ZERO),
    ],
    "xavier_fan_in": [({}, Normal(30**-0.5), ZERO)],
    # He et al., equations 10, 14 and 15: n/2 variance = 1, m/2 variance = 1, (1 + a^2) n/2 variance = 1.
    "he_normal": [
        ({}, Normal(math.sqrt(1 / 15)), ZERO),
        ({"mode": "fan_out"}, Normal(math.sqrt(1 / 10)), ZERO),
        ({"slope": 0.25}, Normal(math.sqrt(2 / (1.0625 * 30))), ZERO),
        ({"slope": 1.0, "mode": "fan_out"}, Normal(math.sqrt(1 / 20)), ZERO),
    ],
    "he_uniform": [
        ({}, Uniform(-math.sqrt(1 / 5), math.sqrt(1 / 5)), ZERO),
        ({"mode": "fan_out"}, Uniform(-math.sqrt(3 / 10), math.sqrt(3 / 10)), ZERO),
        # With the slope sqrt(5) this is PyTorch's default, 1/sqrt(n).
        ({"slope": math.sqrt(5)}, Uniform(-(30**-0.5), 30**-0.5), ZERO),
    ],
    # Outside of residual branches; what they make of branches is in tests/initializers/test_residual.py.
    "fixup": [({}, Normal(math.sqrt(1 / 15)), ZERO)],
    "rezero": [({}, Normal(math.sqrt(1 / 15)), ZERO)],
    "skipinit": [({"multiplier": 0.1}, Normal(math.sqrt(1 / 15)), ZERO)],
    "gpt2": [({}, Normal(0.02), ZERO), ({"standard_deviation": 0.1}, Normal(0.1), ZERO)],
    "gpt_neox": [({}, Normal(math.sqrt(1 / 75)), ZERO)],
    "summable_branches": [({"ratio": 0.5}, Normal(math.sqrt(1 / 15)), ZERO)],
    "depth_mup": [({"exponent": 1.0}, Normal(math.sqrt(1 / 15)), ZERO)],
    # The effective laws of parametrizations in the first layer; those of the last are below, the rates that belong to
    # them in tests/initializers/test_parametrizations.py.
    "ntk": [
        ({}, Normal(30**-0.5), Normal(0.1)),
        ({"gain": 2.0, "bias_gain": 0.5}, Normal(2 * 30**-0.5), Normal(0.5)),
    ],
    "mean_field": [({"gain": 2.0}, Normal(2 * 30**-0.5), ZERO)],
    "mup": [({"gain": 2.0, "base_width": 8, "readout": 3.0}, Normal(2 * 30**-0.5), ZERO)],
    "unit_scaling": [({"gain": 2.0}, Normal(30**-0.5), ZERO)],
    # min(1, m/n)/n with m = 20 and n = 30.
    "spectral": [({}, Normal(math.sqrt(1 / 45)), ZERO), ({"gain": 3.0}, Normal(3 * math.sqrt(1 / 45)), ZERO)],
    # ReLU has one critical point; other activations are in tests/laws/test_criticality.py.
    "edge_of_chaos": [
        ({}, Normal(math.sqrt(1 / 15)), ZERO),
        ({"second_moment": 3.0}, Normal(math.sqrt(1 / 15)), ZERO),
        ({"bias_variance": 0.0}, Normal(math.sqrt(1 / 15)), ZERO),
    ],
    "looks_linear": [
        ({}, Mirrored(WEIGHT.layout, 1.0, inputs=False), ZERO),
        ({"gain": 2.0}, Mirrored(WEIGHT.layout, 2.0, inputs=False), ZERO),
    ],
    # torch.nn.Linear: weights and biases within 1/sqrt(n).
    "torch_default": [({}, Uniform(-(30**-0.5), 30**-0.5), Uniform(-(30**-0.5), 30**-0.5))],
    # trunc_normal_: 2 is 100 standard deviations of 0.02.
    "torch_truncated_normal": [
        ({}, TruncatedNormal(0.02, 100.0), ZERO),
        ({"scale": 1.0, "bound": 3.0}, TruncatedNormal(1.0, 3.0), ZERO),
    ],
    "corrected_truncated_normal": [
        ({}, TruncatedNormal(0.02 / 0.8796256610342398, 2.0), ZERO),
        ({"standard_deviation": 1.0, "cut": 1.0}, TruncatedNormal(1 / float(stats.truncnorm(-1, 1).std()), 1.0), ZERO),
    ],
    "caffe_xavier": [
        ({}, Uniform(-math.sqrt(1 / 10), math.sqrt(1 / 10)), ZERO),
        ({"variance_norm": "fan_out"}, Uniform(-math.sqrt(3 / 20), math.sqrt(3 / 20)), ZERO),
        ({"variance_norm": "average"}, Uniform(-math.sqrt(3 / 25), math.sqrt(3 / 25)), ZERO),
    ],
    "geometric_mean": [
        ({}, Normal(math.sqrt(2 / math.sqrt(600))), ZERO),
        ({"scale": 1.0}, Normal(600**-0.25), ZERO),
    ],
    # The standard deviation of N(0, 1) cut at 2 is 0.8796256610342398.
    "variance_scaling": [
        ({}, TruncatedNormal(math.sqrt(1 / 30) / 0.8796256610342398, 2.0), ZERO),
        ({"scale": 2.0, "mode": "fan_out", "distribution": "normal"}, Normal(math.sqrt(1 / 10)), ZERO),
        ({"mode": "fan_avg", "distribution": "normal"}, Normal(0.2), ZERO),
        (
            {"mode": "fan_geo_avg", "distribution": "uniform"},
            Uniform(-math.sqrt(3 / math.sqrt(600)), math.sqrt(3 / math.sqrt(600))),
            ZERO,
        ),
    ],
    "uniform_unit_scaling": [
        ({}, Uniform(-math.sqrt(1 / 10), math.sqrt(1 / 10)), ZERO),
        ({"factor": 1.43}, Uniform(-1.43 * math.sqrt(1 / 10), 1.43 * math.sqrt(1 / 10)), ZERO),
    ],
    "rademacher": [({}, Rademacher(math.sqrt(2 / 30)), ZERO), ({"gain": 1.0}, Rademacher(30**-0.5), ZERO)],
    # 0.1 of the 20 weights that leave an input are 2; of 0.12 the ceiling is 3.
    "sparse": [
        ({}, Sparse(WEIGHT.layout, 2, "input", 0.01), ZERO),
        ({"sparsity": 0.12, "standard_deviation": 1.0}, Sparse(WEIGHT.layout, 3, "input", 1.0), ZERO),
    ],
    "martens_sparse": [
        ({}, Sparse(WEIGHT.layout, 15, "unit", 1.0), ZERO),
        (
            {"connections": 40, "standard_deviation": 0.5, "bias": 0.5},
            Sparse(WEIGHT.layout, 0, "unit", 0.5),
            Constant(0.5),
        ),
    ],
    "orthogonal": [({}, Orthogonal(WEIGHT.layout, 1.0), ZERO), ({"gain": 2.0}, Orthogonal(WEIGHT.layout, 2.0), ZERO)],
    "scaled_orthogonal": [({}, Orthogonal(WEIGHT.layout, 1.0), ZERO)],
    "partial_identity": [
        ({}, PartialIdentity(WEIGHT.layout, 1.0), ZERO),
        ({"gain": -0.5}, PartialIdentity(WEIGHT.layout, -0.5), ZERO),
    ],
    "hadamard": [({}, HadamardRows(WEIGHT.layout), ZERO), ({"gain": 2.0}, HadamardRows(WEIGHT.layout, 2.0), ZERO)],
    "cosines": [({}, CosineRows(WEIGHT.layout), ZERO), ({"gain": 2.0}, CosineRows(WEIGHT.layout, 2.0), ZERO)],
    # Fewer outputs than inputs: the identity.
    "zero_hadamard": [({}, PartialIdentity(WEIGHT.layout), ZERO)],
    "irnn": [
        ({}, Normal(0.001), ZERO),
        ({"standard_deviation": 0.1, "gain": 0.5}, Normal(0.1), ZERO),
    ],
    "nguyen_widrow": [
        (
            {},
            NormalizedRows(WEIGHT.layout, 0.7 * 20 ** (1 / 30)),
            Uniform(-0.7 * 20 ** (1 / 30), 0.7 * 20 ** (1 / 30)),
        )
    ],
    "random_walk": [({}, Normal(math.sqrt(2 / 30) * math.exp(1.2 / 27.6)), ZERO)],
    "siren": [
        ({}, Uniform(-1 / 30, 1 / 30), Uniform(-(30**-0.5), 30**-0.5)),
        ({"frequency": 1.0}, Uniform(-1 / 30, 1 / 30), Uniform(-(30**-0.5), 30**-0.5)),
    ],
    "activation_gain": [({}, Normal(math.sqrt(2 / 30)), ZERO)],
    "stable": [
        ({}, Stable(30 ** (-2 / 3), 1.5), ZERO),
        ({"index": 2.0, "scale": 3.0}, Stable(3 / math.sqrt(30), 2.0), ZERO),
    ],
    "mamba_step": [
        ({}, Uniform(-(30**-0.5), 30**-0.5), StepBias(0.001, 0.1)),
        ({"shortest": 0.01, "longest": 1.0}, Uniform(-(30**-0.5), 30**-0.5), StepBias(0.01, 1.0)),
    ],
    "zero_head": [
        ({}, Normal(math.sqrt(1 / 15)), ZERO),
        ({"body": "lecun_normal"}, Normal(30**-0.5), ZERO),
        ({"body": "glorot_uniform"}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO),
    ],
    "vision_transformer": [({}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), Normal(1e-6))],
    # Outside of branches and transformers; inside of them in tests/initializers/test_transformers.py.
    "neox_orthogonal": [({}, Orthogonal(WEIGHT.layout, math.sqrt(2)), ZERO)],
    "t_fixup": [({}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO)],
    "ds_init": [
        ({}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO),
        ({"factor": 0.5}, Uniform(-math.sqrt(0.03), math.sqrt(0.03)), ZERO),
    ],
    "admin": [({"output_change": "constant"}, Uniform(-math.sqrt(0.12), math.sqrt(0.12)), ZERO)],
    "deepnorm": [({}, Normal(0.2), ZERO), ({"constants": "torchscale"}, Normal(0.2), ZERO)],
    "sub_ln": [({}, Normal(0.2), ZERO)],
    "layer_scale": [({}, TruncatedNormal(0.02, 100.0), ZERO)],
    "weight_norm": [({}, SphereRows(WEIGHT.layout, math.sqrt(3)), ZERO)],
    "mimetic": [
        (
            {"score_noise": 0.1, "score_diagonal": 0.2, "value_noise": 0.3, "value_diagonal": 0.4},
            TruncatedNormal(0.02, 100.0),
            ZERO,
        )
    ],
    "switch_transformer": [
        ({}, TruncatedNormal(math.sqrt(1 / 300) / 0.8796256610342398, 2.0), ZERO),
        ({"scale": 1.0}, TruncatedNormal(math.sqrt(1 / 30) / 0.8796256610342398, 2.0), ZERO),
    ],
    "lora": [({}, Uniform(-(30**-0.5), 30**-0.5), ZERO)],
    # The variance 2/(f n v), halved where biases are made too: the bound sqrt(3) of its root.
    "hyperfan": [
        ({"main_fan": 20}, Uniform(-math.sqrt(0.01), math.sqrt(0.01)), ZERO),
        ({"main_fan": 20, "biases": True}, Uniform(-math.sqrt(0.005), math.sqrt(0.005)), ZERO),
        ({"main_fan": 20, "biases": True, "mode": "fan_out"}, Uniform(-math.sqrt(0.01), math.sqrt(0.01)), ZERO),
        (
            {"main_fan": 20, "rectifier": False, "embedding_variance": 2.0},
            Uniform(-math.sqrt(0.0025), math.sqrt(0.0025)),
            ZERO,
        ),
    ],
}

INNER = weight_role((20, 30), layer=2, depth=3)
CONVOLUTION, TRANSPOSED = OF_KIND["convolution"], OF_KIND["transposed_convolution"]
STATE, TABLE, HEAD = OF_KIND["recurrent"], OF_KIND["embedding"], OF_KIND["head"]
LAST = BranchPlace(number=1, count=1, position=2, length=2)
TALL = weight_role((5, 3), layer=1, depth=3)
FILTERS = weight_role((8, 2, 3, 3), operation="convolution", layer=1, depth=3)
# The laws of other parameters: a convolution of fan-in 36 and fan-out 72, a table of vectors of 8, gates of 6 units.
ELSEWHERE: dict[str, list[tuple[dict[str, Any], Role, Distribution]]] = {
    "scaled_orthogonal": [
        ({}, weight_role((16, 4)), Orthogonal(weight_role((16, 4)).layout, 2.0)),
        ({}, CONVOLUTION, DeltaOrthogonal(CONVOLUTION.layout, math.sqrt(2))),
    ],
    "identity": [
        ({}, STATE, PartialIdentity(STATE.layout, 1.0)),
        ({"gain": -0.5}, STATE, PartialIdentity(STATE.layout, -0.5)),
    ],
    "delta_orthogonal": [
        ({}, CONVOLUTION, DeltaOrthogonal(CONVOLUTION.layout, 1.0)),
        ({"gain": 1.5}, CONVOLUTION, DeltaOrthogonal(CONVOLUTION.layout, 1.5)),
    ],
    "convolution_aware": [
        ({}, CONVOLUTION, ConvolutionAware(CONVOLUTION.layout, math.sqrt(1 / 18), 0.05)),
        ({"noise": 0.0}, CONVOLUTION, ConvolutionAware(CONVOLUTION.layout, math.sqrt(1 / 18), 0.0)),
    ],
    "zero_hadamard": [
        ({}, TALL, HadamardRows(TALL.layout, 1.0, center=True)),
        ({}, FILTERS, HadamardRows(FILTERS.layout, 1.0, center=True)),
        ({}, dataclasses.replace(TALL, branch=LAST), ZERO),
        ({}, HEAD, ZERO),
    ],
    "hippo_legs": [({}, STATE, ScaledLegendre(STATE.layout))],
    "irnn": [({"gain": 0.5}, STATE, PartialIdentity(STATE.layout, 0.5))],
    "np_rnn": [({}, STATE, PositiveDefinite(STATE.layout))],
    "rotations": [
        ({}, STATE, BlockRotations(STATE.layout, -math.pi, math.pi)),
        ({"low": 0.0, "high": 1.0}, STATE, BlockRotations(STATE.layout, 0.0, 1.0)),
    ],
    "echo_state": [
        ({}, STATE, SpectralRadius(STATE.layout, 0.9, 0.1)),
        ({"radius": 1.1, "density": 0.5}, STATE, SpectralRadius(STATE.layout, 1.1, 0.5)),
    ],
    "random_walk": [
        ({}, weight_role((20, 30)), Normal(math.exp(1 / 60) / math.sqrt(30))),
        ({}, weight_role((20, 2), activation=ReLU()), Normal(math.exp(1.2 / 3.6))),
    ],
    "siren": [
        ({}, weight_role((20, 30), layer=2, depth=3), Uniform(-math.sqrt(0.2) / 30, math.sqrt(0.2) / 30)),
        ({"frequency": 1.0}, weight_role((20, 30), layer=2, depth=3), Uniform(-math.sqrt(0.2), math.sqrt(0.2))),
    ],
    # E tanh(z)^2 = 0.394294, the gain 1.592537.
    "activation_gain": [
        ({}, weight_role((20, 30)), Normal(30**-0.5)),
        ({}, weight_role((20, 30), activation=Tanh()), Normal(1.59253742 / math.sqrt(30))),
        ({}, weight_role((20, 30), activation=GELU()), Normal(1.53353044 / math.sqrt(30))),
        ({}, weight_role((20, 30), activation=Softplus()), Normal(1.04186684 / math.sqrt(30))),
    ],
    # sigmoid'(0) = 1/4, sigmoid(0) = 1/2: the variance 12.8/n.
    "kumar": [
        ({}, weight_role((20, 30), activation=Sigmoid()), Normal(math.sqrt(12.8 / 30))),
        ({}, weight_role((20, 30), activation=Tanh()), Normal(30**-0.5)),
        # The second derivative jumps at 0, and the slope is 1.
        ({}, weight_role((20, 30), activation=Softsign()), Normal(30**-0.5)),
        ({}, weight_role((20, 30)), Normal(30**-0.5)),
    ],
    "embedding_normal": [({}, TABLE, Normal(8**-0.5)), ({"gain": 2.0}, TABLE, Normal(2 * 8**-0.5))],
    "lstm_forget_bias": [
        ({}, GATES, Packed(GATES.layout, (ZERO, Constant(1.0), ZERO, ZERO))),
        ({"value": 2.0}, GATES, Packed(GATES.layout, (ZERO, Constant(2.0), ZERO, ZERO))),
    ],
    "chrono": [
        ({}, GATES, Packed(GATES.layout, (LogOfUniform(1, 99), LogOfUniform(1, 99), ZERO, ZERO), ((0, 1),))),
        (
            {"longest": 784.0},
            GATES,
            Packed(GATES.layout, (LogOfUniform(1, 783), LogOfUniform(1, 783), ZERO, ZERO), ((0, 1),)),
        ),
    ],
    "uniform_gate": [
        (
            {},
            GATES,
            Packed(GATES.layout, (LogitOfUniform(1 / 6, 5 / 6), LogitOfUniform(1 / 6, 5 / 6), ZERO, ZERO), ((0, 1),)),
        )
    ],
    "focal_prior": [({}, GATES, Constant(-math.log(99))), ({"prior": 0.5}, GATES, ZERO)],
    "class_prior": [
        (
            {"proportions": (0.9, 0.1)},
            bias_role(weight_role((2, 3))),
            Values(bias_role(weight_role((2, 3))).layout, (math.log(0.9), math.log(0.1))),
        )
    ],
    "zero_head": [({}, HEAD, ZERO)],
    "vision_transformer": [
        ({}, CONVOLUTION, TruncatedNormal(1 / 6 / 0.8796256610342398, 2.0)),
        ({}, HEAD, ZERO),
        ({}, bias_role(CONVOLUTION), ZERO),
        ({}, bias_role(HEAD), ZERO),
    ],
    # std relu(z) is sqrt((1 - 1/pi)/2), of which 1.7128585504496627 is the inverse; of tanh see activation_gain.
    "nf_resnet": [
        ({}, CONVOLUTION, SphereRows(CONVOLUTION.layout, 1.0, centered=True)),
        (
            {"multiplier": 0.1},
            dataclasses.replace(CONVOLUTION, activation=ReLU()),
            SphereRows(CONVOLUTION.layout, 1.7128585504496627, centered=True),
        ),
        (
            {},
            dataclasses.replace(CONVOLUTION, activation=Tanh()),
            SphereRows(CONVOLUTION.layout, 1.59253742, centered=True),
        ),
    ],
    "weight_norm": [
        ({}, CONVOLUTION, SphereRows(CONVOLUTION.layout, 1.0)),
        ({}, dataclasses.replace(CONVOLUTION, branch=LAST), SphereRows(CONVOLUTION.layout, math.sqrt(0.5))),
    ],
    "lora": [({}, dataclasses.replace(WEIGHT, branch=LAST), ZERO)],
    "switch_transformer": [
        (
            {},
            weight_role((8, 20, 30), stacked=1),
            TruncatedNormal(math.sqrt(1 / 300) / 0.8796256610342398, 2.0),
        )
    ],
    "bilinear": [({}, TRANSPOSED, Bilinear(TRANSPOSED.layout))],
    "mean_field": [({}, HEAD, Normal(1 / 30)), ({"gain": 2.0}, INNER, Normal(2 / 30))],
    "mup": [
        ({"gain": 2.0, "base_width": 6, "readout": 3.0}, HEAD, Normal(3 * 6**0.5 / 30)),
        ({"gain": 2.0, "base_width": 6, "readout": 3.0}, INNER, Normal(2 * 30**-0.5)),
        ({"readout": 0.0}, HEAD, Normal(0.0)),
    ],
    "unit_scaling": [({"gain": 2.0}, HEAD, Normal(2 / 30)), ({"gain": 2.0}, INNER, Normal(2 * 30**-0.5))],
    # q = 1, and the bias variance 0.05, of the table of the edge of chaos.
    "edge_of_chaos": [
        ({}, dataclasses.replace(INNER, activation=Tanh()), Normal(math.sqrt(2.1533026489 / 30))),
        ({"bias_variance": 0.05}, bias_role(dataclasses.replace(INNER, activation=Tanh())), Normal(math.sqrt(0.05))),
        ({}, HEAD, Normal(30**-0.5)),
    ],
    "looks_linear": [
        ({}, HEAD, Mirrored(HEAD.layout, 1.0, outputs=False)),
        ({}, INNER, Mirrored(INNER.layout, 1.0)),
        ({}, weight_role((20, 1), layer=2, depth=3), ZERO),
    ],
    "icnr": [
        ({}, CONVOLUTION, Repeated(CONVOLUTION.layout, Normal(math.sqrt(1 / 18)), 4)),
        ({"factor": 1}, CONVOLUTION, Repeated(CONVOLUTION.layout, Normal(math.sqrt(1 / 18)), 1)),
    ],
}


def assert_same_law(law: Any, expected: Any) -> None:
    """Numbers to a few roundings, or to the digits that are written down; all else exactly."""
    assert type(law) is type(expected)
    if isinstance(law, float | int):
        assert law == pytest.approx(expected, rel=5e-9 if expected else 0)
    elif isinstance(law, tuple):
        assert len(law) == len(expected)
        for one, other in zip(law, expected, strict=True):
            assert_same_law(one, other)
    elif isinstance(law, Distribution):
        for option in dataclasses.fields(law):  # type: ignore[arg-type]
            one, other = getattr(law, option.name), getattr(expected, option.name)
            if isinstance(one, float | int) and isinstance(other, float | int):
                one, other = float(one), float(other)
            assert_same_law(one, other)
    else:
        assert law == expected


@pytest.mark.parametrize(
    ("name", "options", "role", "expected"), [(name, *row) for name, rows in ELSEWHERE.items() for row in rows], ids=str
)
def test_the_laws_of_other_parameters_are_the_published_ones(
    name: str, options: dict[str, Any], role: Role, expected: Distribution
) -> None:
    assert_same_law(INITIALIZERS[name](**options).law(role), expected)


@every
def test_every_initializer_has_its_laws_written_down_by_hand(name: str) -> None:
    assert name in BY_HAND or name in ELSEWHERE, f"write the laws of {name!r} down in this file"
    tried = {option for options, _, _ in BY_HAND.get(name, []) for option in options}
    tried |= {option for options, _, _ in ELSEWHERE.get(name, []) for option in options}
    assert tried == {option.name for option in dataclasses.fields(INITIALIZERS[name])}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "weight_law", "bias_law"),
    [(name, *row) for name, rows in BY_HAND.items() for row in rows],
    ids=str,
)
def test_the_laws_are_the_published_ones(
    name: str, options: dict[str, Any], weight_law: Distribution, bias_law: Distribution
) -> None:
    initializer = INITIALIZERS[name](**options)
    for role, expected in zip(roles(30, 20), (weight_law, bias_law), strict=True):
        assert_same_law(initializer.law(role), expected)


# Wide layers: what a layer makes of its input's second moment.

WIDTH = 2000


def relu(z: Floats) -> Floats:
    return np.maximum(z, 0)


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        (name, activation)
        for name in DENSE
        if INITIALIZERS[name].preserves == "forward second moment"
        for activation in INITIALIZERS[name].activations or ACTIVATIONS
    ],
)
def test_a_wide_layer_preserves_what_its_entry_says(name: str, activation: str) -> None:
    phi = ACTIVATIONS[activation]()
    role = dataclasses.replace(roles(WIDTH, WIDTH)[0], activation=phi)
    W = INITIALIZERS[name]().law(role).sample(CounterDraws(2), role.name, role.shape)
    # Only homogeneous activations keep other second moments than 1. The quantiles of N(0, 1), shuffled, have the
    # moments of phi(z) without the error of a draw.
    z = special.ndtri((np.arange(WIDTH) + 0.5) / WIDTH)
    following = W @ phi.value(np.random.default_rng(0).permutation(z))
    squares = following**2
    assert abs(squares.mean() - 1) < 5 * squares.std() / math.sqrt(WIDTH)


def test_scaled_orthogonal_weights_keep_the_second_moment_of_a_growing_layer() -> None:
    x = np.random.default_rng(0).normal(size=40)
    W = INITIALIZERS["scaled_orthogonal"]().law(roles(40, 90)[0]).sample(CounterDraws(0), "w", (90, 40))
    assert np.mean((W @ x) ** 2) == pytest.approx(np.mean(x**2), rel=1e-12)


def test_siren_s_activations_do_not_change_with_depth() -> None:
    # Theory: a Gaussian argument of variance q gives the next one the variance 1 - exp(-2 q), whose fixed point is
    # q = 0.79681; a sine of such has the second moment q/2.
    width, depth, frequency = 500, 12, 30.0
    h = np.random.default_rng(0).uniform(-1, 1, (2, 200))
    for layer in range(1, depth + 1):
        role = weight_role((width, len(h)), layer=layer, depth=depth, name=f"{layer}", activation=Sin())
        W = INITIALIZERS["siren"]().law(role).sample(CounterDraws(0), role.name, role.shape)
        h = np.sin(frequency * (W @ h))
    assert np.mean(h**2) == pytest.approx(0.79681 / 2, rel=0.05)


@pytest.mark.parametrize("n", [4, 16, 64, 256])
def test_the_linear_gain_of_a_random_walk_nears_the_exact_one(n: int) -> None:
    # E ln(chi^2_n/n) = psi(n/2) - ln(n/2): the gain sqrt(n/2) exp(-psi(n/2)/2) takes the drift away.
    exact = math.sqrt(n / 2) * math.exp(-float(special.digamma(n / 2)) / 2)
    law = INITIALIZERS["random_walk"]().law(weight_role((n, n)))
    assert law.standard_deviation * math.sqrt(n) == pytest.approx(exact, rel=0.25 / n**2 * 2)


@pytest.mark.parametrize(
    ("name", "phi", "kept", "fourth"),
    # With z Gaussian of variance v: E relu(z)^2 = v/2, E relu(z)^4 = 3 v^2/2; without a rectifier v and 3 v^2.
    [
        ("he_normal", relu, 1.0, 6.0),
        ("he_uniform", relu, 1.0, 6.0),
        ("lecun_normal", np.asarray, 1.0, 3.0),
        ("lecun_uniform", np.asarray, 1.0, 3.0),
        ("glorot_normal", np.asarray, 1.0, 3.0),
        ("glorot_uniform", np.asarray, 1.0, 3.0),
        ("lecun_normal", relu, 1 / 2, 6.0),
        ("glorot_uniform", relu, 1 / 2, 6.0),
        ("torch_default", relu, 1 / 6, 6.0),
    ],
)
def test_a_wide_layer_keeps_the_share_of_the_second_moment_that_theory_says(
    name: str, phi: Callable[[Floats], Floats], kept: float, fourth: float
) -> None:
    weight = roles(WIDTH, WIDTH)[0]
    W = INITIALIZERS[name]().law(weight).sample(CounterDraws(1), weight.name, weight.shape)
    x = np.random.default_rng(0).normal(size=(WIDTH, 1))
    out = phi(W @ x)
    # The units of a layer are independent given its input: the standard error of the mean of out^2.
    error = kept * math.sqrt((fourth - 1) / WIDTH)
    assert abs(np.mean(out**2) / np.mean(x**2) - kept) < 5 * error


def test_twenty_layers_keep_the_signal_with_he_and_lose_it_with_pytorch_s_default() -> None:
    network = MultilayerPerceptron((100, *[400] * 20, 1), ReLU())
    x = np.random.default_rng(0).normal(size=(100, 50))
    logarithms: dict[str, float] = {}
    for name in ("he_normal", "torch_default"):
        laws = [INITIALIZERS[name]().weight_law(role) if role.kind == "weight" else ZERO for role in network.roles]
        taps = network.forward(network.layers(network.draw(laws, CounterDraws(0))), x)
        logarithms[name] = math.log10(np.mean(taps.A[20] ** 2))
    # The logarithm of the second moment has a standard deviation of sqrt(5 * 20/400) = 0.5 nats (Hanin & Rolnick
    # 2018, from the factor 1 + 5/width a layer); the default loses log10(6) a layer more.
    deviation = 0.5 / math.log(10)
    assert abs(logarithms["he_normal"]) < 5 * deviation
    lost = logarithms["he_normal"] - logarithms["torch_default"]
    assert lost == pytest.approx(20 * math.log10(6), abs=5 * deviation * math.sqrt(2))


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("constant", {"value": math.nan}, "`value` must be a finite number, got nan"),
        (
            "normal",
            {"standard_deviation": -1.0},
            "`standard_deviation` must be a finite number of at least 0, got -1.0",
        ),
        (
            "normal",
            {"standard_deviation": "10"},
            "`standard_deviation` must be a finite number of at least 0, got '10'",
        ),
        ("uniform", {"bound": -0.1}, "`bound` must be a finite number of at least 0, got -0.1"),
        ("truncated_normal", {"scale": -1}, "`scale` must be a finite number of at least 0, got -1"),
        ("truncated_normal", {"cut": 0}, "`cut` must be a finite number above 0, got 0"),
        ("glorot_normal", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("glorot_uniform", {"gain": True}, "`gain` must be a finite number above 0, got True"),
        ("he_normal", {"slope": math.inf}, "`slope` must be a finite number, got inf"),
        ("he_normal", {"mode": "fan_avg"}, "`mode` must be 'fan_in' or 'fan_out', got 'fan_avg'"),
        ("he_uniform", {"mode": None}, "`mode` must be 'fan_in' or 'fan_out', got None"),
        ("skipinit", {"multiplier": math.inf}, "`multiplier` must be a finite number, got inf"),
        ("gpt2", {"standard_deviation": -1}, "`standard_deviation` must be a finite number of at least 0, got -1"),
        ("summable_branches", {"ratio": 0.0}, "`ratio` must be a finite number above 0, got 0.0"),
        ("summable_branches", {"ratio": 1.0}, "`ratio` must be a number of at least 0 and below 1, got 1.0"),
        ("depth_mup", {"exponent": -0.5}, "`exponent` must be a finite number of at least 0, got -0.5"),
        ("torch_truncated_normal", {"scale": 0.0}, "`scale` must be a finite number above 0, got 0.0"),
        ("torch_truncated_normal", {"bound": -2.0}, "`bound` must be a finite number above 0, got -2.0"),
        ("corrected_truncated_normal", {"cut": 0.0}, "`cut` must be a finite number above 0, got 0.0"),
        (
            "caffe_xavier",
            {"variance_norm": "FAN"},
            "`variance_norm` must be 'fan_in', 'fan_out' or 'average', got 'FAN'",
        ),
        ("geometric_mean", {"scale": 0}, "`scale` must be a finite number above 0, got 0"),
        (
            "variance_scaling",
            {"mode": "fan"},
            "`mode` must be one of fan_in, fan_out, fan_avg, fan_geo_avg, got 'fan'",
        ),
        (
            "variance_scaling",
            {"distribution": "cauchy"},
            "`distribution` must be one of truncated_normal, normal, uniform, got 'cauchy'",
        ),
        ("variance_scaling", {"scale": -1.0}, "`scale` must be a finite number above 0, got -1.0"),
        ("sparse", {"sparsity": 1.5}, "`sparsity` must be at most 1, got 1.5"),
        ("sparse", {"sparsity": -0.5}, "`sparsity` must be a finite number of at least 0, got -0.5"),
        ("martens_sparse", {"connections": 0}, "`connections` must be a positive integer, got 0"),
        ("orthogonal", {"gain": -1.0}, "`gain` must be a finite number above 0, got -1.0"),
        ("siren", {"frequency": 0.0}, "`frequency` must be a finite number above 0, got 0.0"),
        ("stable", {"index": 3.0}, "`index` must be at most 2, where the stable law is the Gaussian, got 3.0"),
        ("chrono", {"longest": 2.0}, "`longest` must be above 2, for there to be steps to remember, got 2.0"),
        (
            "mamba_step",
            {"shortest": 0.2},
            "`shortest` must be below `longest`, which is 0.1, got 0.2",
        ),
        ("focal_prior", {"prior": 1.0}, "`prior` must be below 1, got 1.0"),
        ("class_prior", {"proportions": (0.5, 0.25)}, "`proportions` must have the sum 1, got 0.75"),
        ("class_prior", {"proportions": (1.0, 0.0)}, "`proportions[1]` must be a finite number above 0, got 0.0"),
        ("zero_head", {"body": "ones"}, "`body` must be one of he_normal, lecun_normal, glorot_uniform, got 'ones'"),
        ("convolution_aware", {"noise": -0.1}, "`noise` must be a finite number of at least 0, got -0.1"),
        ("icnr", {"factor": 0}, "`factor` must be a positive integer, got 0"),
        ("ds_init", {"factor": 1.5}, "`factor` must be at most 1, got 1.5"),
        (
            "admin",
            {"output_change": "O(1)"},
            "`output_change` must be 'logarithmic', 'constant' or 'linear', got 'O(1)'",
        ),
        ("deepnorm", {"constants": "code"}, "`constants` must be 'paper' or 'torchscale', got 'code'"),
        ("hyperfan", {"mode": "harmonic"}, "`mode` must be 'fan_in' or 'fan_out', got 'harmonic'"),
        ("hyperfan", {"main_fan": 0}, "`main_fan` must be a positive integer, got 0"),
        ("mimetic", {"score_noise": -0.1}, "`score_noise` must be a finite number of at least 0, got -0.1"),
        ("nf_resnet", {"multiplier": -0.2}, "`multiplier` must be a finite number of at least 0, got -0.2"),
        ("ntk", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("ntk", {"bias_gain": -0.1}, "`bias_gain` must be a finite number of at least 0, got -0.1"),
        ("mean_field", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("mup", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("mup", {"base_width": 0}, "`base_width` must be a positive integer, got 0"),
        ("mup", {"readout": -1.0}, "`readout` must be a finite number of at least 0, got -1.0"),
        ("unit_scaling", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("spectral", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
        ("edge_of_chaos", {"second_moment": -1.0}, "`second_moment` must be a finite number of at least 0, got -1.0"),
        ("edge_of_chaos", {"bias_variance": -1.0}, "`bias_variance` must be a finite number of at least 0, got -1.0"),
        (
            "edge_of_chaos",
            {"second_moment": 1.0, "bias_variance": 0.1},
            "`second_moment` must be left out where `bias_variance` is given, got 1.0",
        ),
        ("looks_linear", {"gain": 0.0}, "`gain` must be a finite number above 0, got 0.0"),
    ],
)
def test_options_that_make_no_initializer_are_refused(name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        INITIALIZERS[name](**options)
    assert str(caught.value) == sentence


class Flat(Activation):
    """An activation without a variance."""

    def value(self, z: Floats) -> Floats:
        return np.ones_like(z)

    def derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)

    def __repr__(self) -> str:
        return "Flat()"


class Exploding(Activation):
    """An activation without a second moment."""

    def value(self, z: Floats) -> Floats:
        return np.exp(z**4)

    def derivative(self, z: Floats) -> Floats:
        return 4 * z**3 * np.exp(z**4)

    def second_derivative(self, z: Floats) -> Floats:
        return (16 * z**6 + 12 * z**2) * np.exp(z**4)

    def __repr__(self) -> str:
        return "Exploding()"


@pytest.mark.parametrize(
    ("name", "role", "sentence"),
    [
        (
            "chrono",
            WEIGHT,
            "`layers.1.weight` must be a bias for 'chrono', got 'weight'; choose another entry for the weights",
        ),
        (
            "lstm_forget_bias",
            bias_role(weight_role((9, 3), operation="recurrent", parts=3)),
            (
                "`bias` must have the parts of an LSTM's bias, 4, for 'lstm_forget_bias', got 3; make its role from a "
                "weight with `parts` 4"
            ),
        ),
        (
            "uniform_gate",
            bias_role(weight_role((8, 3), operation="recurrent", parts=4)),
            "`bias` must be of more than 2 units for 'uniform_gate', got 2; 'chrono' serves fewer",
        ),
        (
            "embedding_normal",
            weight_role((50, 8)),
            (
                "`weight` must be an embedding for 'embedding_normal', got 'dense'; 'lecun_normal' has the same "
                "variance in a head that reads the table out"
            ),
        ),
        (
            "random_walk",
            weight_role((8, 8), activation=Tanh()),
            (
                "`activation` must be linear or ReLU, whose gains are known, for 'random_walk', got Tanh(); "
                "'activation_gain' serves others"
            ),
        ),
        (
            "kumar",
            weight_role((8, 8), activation=ReLU()),
            (
                "`activation` must have a derivative at 0, other than 0, for 'kumar', got ReLU(); 'he_normal' serves "
                "rectifiers"
            ),
        ),
        (
            "activation_gain",
            weight_role((8, 8), activation=Exploding()),
            (
                "`activation` must have a finite second moment above 0 under N(0, 1), got Exploding(); 'orthogonal' "
                "and 'lecun_normal' ask for none"
            ),
        ),
        (
            "nf_resnet",
            weight_role((8, 8), activation=Flat()),
            "`activation` must have a variance above 0 for 'nf_resnet', got Flat()",
        ),
        (
            "identity",
            WEIGHT,
            (
                f"`{WEIGHT.name}` must have as many outputs as inputs for an identity, 30, got 20; 'partial_identity' "
                "serves other shapes, and hands on the first inputs alone"
            ),
        ),
        (
            "convolution_aware",
            WEIGHT,
            (
                "`layout` must have a kernel for it to be drawn by its spectrum, got (20, 30); 'orthogonal' and "
                "'he_normal' serve a weight without one"
            ),
        ),
        ("delta_orthogonal", WEIGHT, "`layout` must have at least as many outputs as inputs for a delta-orthogonal"),
        (
            "hippo_legs",
            WEIGHT,
            "`layout` must be that of a square weight without a kernel for the matrix of scaled Legendre polynomials",
        ),
        ("np_rnn", WEIGHT, "`layout` must be that of a square weight without a kernel for a positive definite weight"),
        ("orthogonal", GATES, "`layout` must have inputs, which a bias has not, for an orthogonal matrix"),
    ],
)
def test_parameters_that_an_entry_cannot_serve_are_refused(name: str, role: Role, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        INITIALIZERS[name]().weight_law(role)
    assert str(caught.value).startswith(sentence)


@every
def test_an_entry_is_explained_with_an_example(name: str) -> None:
    assert ">>> " in (INITIALIZERS[name].__doc__ or "")

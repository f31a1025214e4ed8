"""Explanations: every number by a second road, every initializer and layer told."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import firstdraw
from firstdraw.activations import ACTIVATIONS, LeakyReLU, Tanh
from firstdraw.distributions import Distribution, Normal
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.explanations import Explanation, explain
from firstdraw.explanations.telling import as_text
from firstdraw.explanations.value import Spread
from firstdraw.frameworks import LAYERS
from firstdraw.gains import gains
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.initializers.he import HeNormal
from firstdraw.initializers.unscaled import PlainNormal
from firstdraw.roles import Role, bias_role, weight_role

CONVOLUTION = (256, 128, 3, 3)
SUBJECTS = [*INITIALIZERS, *LAYERS]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_initializer_and_layer_is_told_in_eighty_columns(subject: str) -> None:
    made_for = None if subject in LAYERS else INITIALIZERS[subject].activations
    for activation in (None, "gelu" if made_for is None else made_for[0]):
        explanation = explain(subject, activation=activation)
        text = str(explanation)
        assert text.startswith(subject)
        assert max(map(len, text.splitlines())) <= 80
        assert repr(explanation) == text
        squeezed = re.sub(r"\s+", "", text)
        assert re.sub(r"\s+", "", explanation.source) in squeezed
        assert "…" not in text
        assert not re.search(r"\bnan\b", text)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_explanation_is_json_without_infinities(subject: str) -> None:
    document = json.loads(explain(subject).to_json(), parse_constant=pytest.fail)
    assert document["schema"] == "firstdraw.explanation/1"
    assert document["name"] == subject
    assert set(document) == {"schema", *Explanation.__dataclass_fields__}


def _value(expression: str, **letters: float) -> float:
    return eval(  # noqa: S307  # of the formulas of this package
        expression.replace("^", "**").replace(" x ", " * "),
        {"sqrt": math.sqrt, "exp": math.exp, "max": max, **letters},
    )


def bias_of(name: str, shape: tuple[int, ...]) -> Role:
    member = INITIALIZERS[name]
    assert issubclass(member, BiasInitializer)
    return bias_role(weight_role(shape, operation="convolution" if len(shape) > 2 else "dense", parts=member.parts))


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(64, 32), CONVOLUTION])
def test_the_formula_with_its_numbers_is_the_law(name: str, shape: tuple[int, ...]) -> None:
    try:
        explanation = explain(name, shape=shape)
    except InputError:
        pytest.skip("no law for a weight of this shape")
    inserted, spread = explanation.inserted, explanation.weight
    if spread is None:
        # A bias is told by its own law, which tests/laws/test_initializers.py writes down by hand.
        assert explanation.bias == Spread.of(INITIALIZERS[name]().law(bias_of(name, shape)))
        assert (explanation.gain, explanation.effects) == (None, ())
        return
    # What holds of other layers stands behind a semicolon, what holds of other activations behind "for".
    inserted = re.split(r"; |, for ", inserted)[0]
    if found := re.fullmatch(r"N\(0, (.*)\), (\w) = (.*)", inserted):
        letter = {found[2]: _value(found[3])}
        assert _value(found[1], **letter) == pytest.approx(spread.standard_deviation**2, rel=1e-12)
    elif found := re.fullmatch(r"N\(0, (.*)\)", inserted):
        assert _value(found[1]) == pytest.approx(spread.standard_deviation**2, rel=1e-12)
    elif found := re.fullmatch(r"U\[-(\w), \1\), \1 = (.*)", inserted):
        assert _value(found[2]) == pytest.approx(spread.highest, rel=1e-12)
    elif found := re.match(r"U\[-(.*), \1\)", inserted):
        assert _value(found[1]) == pytest.approx(spread.highest, rel=1e-12)
    elif re.fullmatch(r"[\d.]+", inserted):
        assert _value(inserted) == spread.mean == spread.lowest == spread.highest
    else:
        # Laws in words; the numbers they contain are read by eye.
        assert re.search(r"[a-z]{4}", inserted)


def test_the_formulas_in_numbers_are_most() -> None:
    told = [explain(name).inserted for name in ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "normal")]
    assert told == [
        "N(0, 2/((1 + 0^2) x 256))",
        "U[-b, b), b = sqrt(6/((1 + 0^2) x 256))",
        "N(0, 2 x 1^2/(256 + 256))",
        "U[-a, a), a = 1 x sqrt(6/(256 + 256))",
        "N(0, 1^2)",
    ]


def test_he_under_gelu_loses_a_seventh_of_the_signal_a_layer() -> None:
    explanation = explain("he_normal", shape=CONVOLUTION, activation="gelu")
    (effect,) = explanation.effects
    assert (explanation.fan_in, explanation.fan_out) == (1152, 2304)
    assert (explanation.fan_in_counted, explanation.fan_out_counted) == ("128 x 3 x 3", "256 x 3 x 3")
    # 2 E[gelu^2], and 2 m/n E[gelu'^2], from the table of moments.
    assert effect.forward_factor == pytest.approx(2 * 0.425221, abs=2e-6)
    assert effect.backward_factor == pytest.approx(2 * 2 * 0.455851, abs=4e-6)
    assert (effect.gains.forward, effect.gains.conventional) == (pytest.approx(1.533530, abs=1e-6), None)
    assert explanation.misread_fan_in == 256 * 128 * 3


@pytest.mark.parametrize(
    ("subject", "activation", "factor"),
    [
        ("he_normal", "relu", 1.0),
        ("he_uniform", "relu", 1.0),
        ("lecun_normal", "identity", 1.0),
        ("lecun_normal", "selu", 1.0),
        ("torch.nn.Linear", "relu", 1 / 6),
        ("torch.nn.Conv2d", "relu", 1 / 6),
        ("keras.layers.Dense", "relu", 1 / 2),
        ("flax.linen.Dense", "relu", 1 / 2),
        ("equinox.nn.Linear", "relu", 1 / 6),
        ("zeros", "tanh", 0.0),
    ],
)
def test_the_factors_everyone_should_know(subject: str, activation: str, factor: float) -> None:
    (effect,) = explain(subject, activation=activation).effects
    assert effect.forward_factor == pytest.approx(factor, rel=1e-14)


@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu"])
def test_ten_layers_of_a_homogeneous_activation_are_the_tenth_power(activation: str) -> None:
    (effect,) = explain("torch.nn.Linear", activation=activation).effects
    assert effect.after_ten_layers == pytest.approx(effect.forward_factor**10, rel=1e-12)


def test_ten_layers_of_sines_are_the_closed_form_ten_times() -> None:
    (effect,) = explain("he_normal", activation="sin").effects
    q = 1.0
    for _ in range(10):
        q = 1 - math.exp(-2 * q)
    assert effect.after_ten_layers == pytest.approx(q, rel=1e-13)


@pytest.mark.parametrize("activation", ["gelu", "tanh", "softplus"])
def test_drawn_networks_do_what_is_told(activation: str) -> None:
    n = 1024
    explanation = explain("he_normal", shape=(n, n), activation=activation)
    (effect,) = explanation.effects
    phi = ACTIVATIONS[activation]()
    draws = CounterDraws(seed=7)
    z = draws.normal("input", (n, 64))
    law = Normal(explanation.weight.standard_deviation)
    for layer in range(10):
        z = law.sample(draws, f"layers.{layer}.weight", (n, n)) @ phi.value(z)
        if layer == 0:
            # Means of 65,536 squares, of which 64 share their weights.
            assert np.mean(z**2) == pytest.approx(effect.forward_factor, rel=0.05)
    # What networks of this width leave varies by a factor that grows with depth: about 5 L/n, 5 % here.
    assert np.mean(z**2) == pytest.approx(effect.after_ten_layers, rel=0.5)


@pytest.mark.parametrize("subject", ["he_normal", "torch.nn.Linear", "keras.layers.Conv2D"])
def test_without_an_activation_each_one_has_its_row(subject: str) -> None:
    explanation = explain(subject)
    assert [effect.activation for effect in explanation.effects] == list(ACTIVATIONS)
    for effect in explanation.effects:
        phi = ACTIVATIONS[effect.activation]()
        assert effect.gains == gains(phi)
        # The factor is how far the law's own gain is from the exact one.
        assert effect.forward_factor == pytest.approx((explanation.gain / effect.gains.forward) ** 2, rel=1e-13)
        assert effect == explain(subject, activation=effect.activation).effects[0]


def test_what_a_law_suits_is_said() -> None:
    assert "Keeps the signal, to 5% a layer, under relu, leaky_relu." in str(explain("he_normal"))
    assert "Keeps the signal, to 5% a layer, under identity, selu." in str(explain("lecun_normal"))
    assert "Keeps the signal, to 5% a layer, under no activation of the catalogue." in str(explain("torch.nn.Linear"))


def test_whether_a_gain_holds_at_every_scale_is_said() -> None:
    told = {name: " ".join(str(explain("he_normal", activation=name)).split()) for name in ("relu", "tanh", "gelu")}
    assert "at every scale, as phi(c x) = c phi(x): a disturbance stays as it is" in told["relu"]
    assert "conventional gain 1.41421 in PyTorch, which is exact" in told["relu"]
    assert "at a second moment of 1 alone; a disturbance dies out, x 0.4611 a layer" in told["tanh"]
    assert "conventional gain 1.66667 in PyTorch, a convention and no theory" in told["tanh"]
    assert "at a second moment of 1 alone; a disturbance grows, x 1.144 a layer" in told["gelu"]
    assert "conventional gain none: torch.nn.init.calculate_gain refuses it" in told["gelu"]


def test_what_others_draw_under_the_name_is_said() -> None:
    torch, keras, jax = explain("he_normal", shape=CONVOLUTION).abroad
    assert (torch.same, keras.same, jax.same) == (True, False, False)
    for cut in (keras, jax):
        assert cut.spread is not None
        assert cut.spread.standard_deviation == pytest.approx(math.sqrt(2 / 1152), rel=1e-14)
        # Two standard deviations of the law before it was cut.
        assert cut.spread.highest == pytest.approx(2 * math.sqrt(2 / 1152) / 0.87962566103423978, rel=1e-12)
    assert all(item.same for item in explain("glorot_uniform").abroad)
    assert explain("lecun_uniform").abroad[0].spread is None


def test_a_bias_that_is_drawn_is_said_to_add_to_the_signal() -> None:
    explanation = explain("torch.nn.Linear", shape=(10, 300))
    assert explanation.bias is not None
    assert explanation.bias.second_moment == pytest.approx(1 / 900, rel=1e-14)
    assert "which adds 0.001111 to each second moment, the same for every input" in " ".join(str(explanation).split())
    assert explain("torch.nn.Embedding").bias is None


def test_packed_gates_and_projections_are_counted_one_by_one() -> None:
    attention, lstm = explain("torch.nn.MultiheadAttention"), explain("torch.nn.LSTM", shape=(512, 64))
    assert (attention.fan_in, attention.fan_out) == (256, 256)
    assert attention.weight.highest == pytest.approx(math.sqrt(6 / (4 * 256)), rel=1e-14)
    assert lstm.weight.highest == pytest.approx(math.sqrt(1 / 128), rel=1e-14)
    assert lstm.effects == ()


def test_a_law_with_a_mean_has_no_gain() -> None:
    explanation = explain("constant")
    assert explanation.effects == ()
    assert "Its mean is not 0: the terms of a unit's sum do not average out, and no gain" in str(explanation)


def test_an_initializer_for_biases_is_explained_on_the_bias_of_the_layer() -> None:
    explanation = explain("uniform_gate", shape=(40, 3))
    assert (explanation.weight, explanation.gain, explanation.effects) == (None, None, ())
    assert explanation.bias is not None
    assert explanation.bias.law == "parts: minus part 2; logit U[0.1, 0.9); 0; 0"
    assert explanation.inserted == "b_f = -ln(1/u - 1), u ~ U[1/10, 1 - 1/10), b_i = -b_f"
    assert "uniform_gate for the bias of a recurrent layer with the weight (40, 3)\n" in str(explanation)
    assert json.loads(explanation.to_json())["weight"] is None
    prior = explain(INITIALIZERS["class_prior"](proportions=(0.5, 0.25, 0.25)))
    assert (prior.shape, prior.operation) == ((3, 256), "dense")


@pytest.mark.parametrize(
    ("name", "shape", "operation"),
    [
        ("bilinear", (256, 256, 4, 4), "transposed_convolution"),
        ("icnr", (256, 256, 3, 3), "convolution"),
        ("rotations", (256, 256), "recurrent"),
        ("irnn", (256, 256), "recurrent"),
        ("embedding_normal", (256, 256), "embedding"),
        ("siren", (256, 256), "dense"),
    ],
)
def test_the_example_is_of_a_kind_that_is_served(name: str, shape: tuple[int, ...], operation: str) -> None:
    explanation = explain(name)
    assert (explanation.shape, explanation.operation, explanation.example) == (shape, operation, True)
    assert not (operation == "embedding" and explanation.effects)


def test_a_law_that_looks_at_the_activation_has_in_each_row_its_own() -> None:
    assert [effect.activation for effect in explain("activation_gain").effects] == list(ACTIVATIONS)
    assert [effect.activation for effect in explain("random_walk").effects] == ["identity", "relu"]
    for name in ("activation_gain", "kumar", "random_walk"):
        for effect in explain(name).effects:
            (alone,) = explain(name, activation=effect.activation).effects
            assert effect == alone
            if name == "activation_gain":
                assert effect.forward_factor == pytest.approx(1.0, rel=1e-14)
    # For tanh, phi'(0) = 1 and phi(0) = 0; for a sigmoid 1/4 and 1/2.
    assert explain("kumar", shape=(8, 100), activation="sigmoid").inserted == "N(0, 1/(100 x 0.25^2 x (1 + 0.5^2)))"
    assert explain("activation_gain", shape=(8, 100), activation="relu").inserted == "N(0, 1/(100 x 0.5))"


def test_a_hidden_layer_is_explained() -> None:
    assert explain("fixup").weight == explain("he_normal").weight
    siren = explain("siren", shape=(8, 6)).weight
    assert siren is not None
    assert siren.highest == pytest.approx(1 / 30, rel=1e-14)


@pytest.mark.parametrize(("option", "n"), [("fan_in", "32"), ("fan_out", "64"), ("average", "48")])
def test_the_fan_that_an_option_names_is_inserted(option: str, n: str) -> None:
    explanation = explain(INITIALIZERS["caffe_xavier"](variance_norm=option), shape=(64, 32))
    assert explanation.inserted == f"U[-a, a), a = sqrt(3/{n})"


def test_instances_are_explained_with_their_options() -> None:
    explanation = explain(HeNormal(slope=0.2, mode="fan_out"), shape=(64, 32), activation=LeakyReLU(0.2))
    assert explanation.inserted == "N(0, 2/((1 + 0.2^2) x 64))"
    (effect,) = explanation.effects
    assert effect.activation == "LeakyReLU(slope=0.2)"
    assert effect.forward_factor == pytest.approx(0.5, rel=1e-14)
    assert effect.backward_factor == pytest.approx(1.0, rel=1e-14)


def test_what_overflows_is_infinite_and_null_in_json() -> None:
    explanation = explain(PlainNormal(1e80), activation=Tanh())
    assert explain(PlainNormal(1e80), activation="relu").effects[0].after_ten_layers == math.inf
    assert math.isfinite(explanation.effects[0].after_ten_layers)
    document = json.loads(explain(PlainNormal(1e80), activation="relu").to_json())
    assert document["effects"][0]["after_ten_layers"] is None


@dataclass(frozen=True, slots=True)
class Mine(Initializer):
    """W ~ N(0, g/n).

    Holds nowhere.
    """

    g: float = 2.5
    formula: ClassVar[str] = "N(0, g/n)"
    verified: ClassVar[bool] = False

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(self.g / role.fan_in))


def test_an_initializer_of_one_s_own_is_explained() -> None:
    explanation = explain(Mine(), shape=(8, 4))
    assert (explanation.name, explanation.inserted) == ("Mine", "N(0, 2.5/4)")
    assert (explanation.remarks, explanation.source, explanation.abroad) == (("Holds nowhere.",), "", ())
    assert "Unverified: the formula could not be confirmed against its source." in str(explanation)


def test_the_shape_that_nobody_gave_is_an_example() -> None:
    assert "(256, 256), an example" in str(explain("he_normal"))
    assert "an example" not in str(explain("he_normal", shape=(256, 256)))


def test_a_wide_page_is_used() -> None:
    assert len(as_text(explain("he_normal"), 120).splitlines()) < len(as_text(explain("he_normal"), 80).splitlines())


def test_it_is_at_the_front_door() -> None:
    assert firstdraw.explain("zeros") == explain("zeros")
    assert isinstance(firstdraw.explain("zeros"), firstdraw.Explanation)


@pytest.mark.parametrize(
    ("subject", "options", "sentence"),
    [
        ("he_norml", {}, "`name` must name a known initializer, got 'he_norml'; did you mean 'he_normal'"),
        ("nn.Linear", {}, "`name` must name a known layer, got 'nn.Linear'; did you mean 'torch.nn.Linear'"),
        (
            "he_normal",
            {"activation": "rell"},
            "`activation` must name a known activation, got 'rell'; did you mean 'relu'",
        ),
        ("he_normal", {"shape": (3, -1)}, "`shape[1]` must be a positive integer, got -1"),
        (
            "he_normal",
            {"shape": (2,) * 6},
            "`shape` must have one to three axes of a kernel besides inputs and outputs, got",
        ),
        (
            "torch.nn.Linear",
            {"shape": (3, 3, 3)},
            "`shape` must have two axes besides the stacked ones where the operation",
        ),
        (
            "siren",
            {"shape": (8, 4, 3)},
            "`shape` must be that of a weight of the kind dense for 'siren', got (8, 4, 3)",
        ),
        (
            "bilinear",
            {"shape": (8, 4)},
            "`shape` must be that of a weight of the kind transposed convolution for 'bilinear', got (8, 4)",
        ),
        ("chrono", {"shape": (10, 4)}, "`parts` must divide the 10 outputs, got 4"),
        ("random_walk", {"activation": "gelu"}, "`activation` must be linear or ReLU, whose gains are known, for"),
        ("kumar", {"activation": "relu"}, "`activation` must have a derivative at 0, other than 0, for 'kumar'"),
    ],
    ids=range(11),
)
def test_what_cannot_be_explained_is_refused(subject: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        explain(subject, **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(sentence)


def test_a_layer_like_no_other_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError) as caught:
        explain("x.yyyyyyyyyyyyyyyyyyyyyyyyyyyyy")
    assert str(caught.value).endswith(f"; known: {', '.join(LAYERS)}")


def test_no_gain_describes_weights_that_take_the_mean_away() -> None:
    # n E[w^2] E[phi^2] would be 1.467 for ReLU, of which the weights carry on the variance's share, 1.
    assert explain("nf_resnet", activation="relu").effects == ()
    assert explain("weight_norm", activation="relu").effects[0].forward_factor == pytest.approx(1, rel=1e-12)


def test_the_counted_fans_are_those_of_the_roles() -> None:
    role = weight_role((12, 5, 7), operation="convolution")
    explanation = explain("he_normal", shape=(12, 5, 7))
    assert (explanation.fan_in, explanation.fan_out) == (role.fan_in, role.fan_out) == (35, 84)

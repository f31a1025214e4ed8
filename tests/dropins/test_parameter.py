"""From a name, options and a shape to numbers, as far as no framework is needed."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import firstdraw
from firstdraw import dropins
from firstdraw.activations import LeakyReLU, ReLU
from firstdraw.arrays import Shape
from firstdraw.distributions import Constant, Distribution, Normal, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.dropins.jax import seed_of_key
from firstdraw.dropins.keras import described, keras_class, read
from firstdraw.dropins.parameter import ParameterInitializer
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.contract import BiasInitializer
from firstdraw.roles import BranchPlace, Role, bias_role, weight_role

every = pytest.mark.parametrize("name", INITIALIZERS)
doors = pytest.mark.parametrize("door", [firstdraw.as_torch, firstdraw.as_jax, firstdraw.as_keras])


def parameter(name: str, **settings: Any) -> ParameterInitializer:
    """An entry with its defaults; in the middle of a network where it asks for its place."""
    initializer = INITIALIZERS[name]()
    place = {"layer": 2, "depth": 3} if initializer.needs_architecture else {}
    return ParameterInitializer(initializer=initializer, **({"order": "torch"} | place | settings))


def weight_of(name: str) -> tuple[Shape, str]:
    """The shape of a weight that an entry serves, and what it is taken for."""
    kinds = INITIALIZERS[name].kinds
    for kind in ("dense", "embedding", "recurrent"):
        if kind in kinds:
            return (12, 12), kind
    return ((8, 8, 4, 4), "convolution") if "convolution" in kinds else ((6, 6, 4, 4), "transposed_convolution")


EMPTY = "`shape[0]` must be a positive integer, got 0; a parameter without elements has no fan and needs no initializer"
WEIGHTS = [name for name, entry in INITIALIZERS.items() if not issubclass(entry, BiasInitializer)]
BIASES = [name for name, entry in INITIALIZERS.items() if "bias" in entry.kinds and name != "class_prior"]


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_has_the_law_of_its_role(name: str) -> None:
    shape, operation = weight_of(name)
    maker = parameter(name)
    place: dict[str, Any] = {"layer": 2, "depth": 3} if maker.initializer.needs_architecture else {}
    role = weight_role(shape, operation=operation, name="w", **place)  # type: ignore[arg-type]
    assert maker.role(shape, "w") == role
    drawn = maker.draw(3, "w", shape)
    np.testing.assert_array_equal(drawn, maker.initializer.law(role).sample(CounterDraws(3), "w", shape))


@pytest.mark.parametrize("name", BIASES)
def test_a_vector_is_a_bias_for_what_serves_biases(name: str) -> None:
    maker = parameter(name)
    drawn = maker.draw(3, "b", (24,))
    assert drawn.shape == (24,)
    assert np.isfinite(drawn).all()
    # 'vision_transformer' leaves biases a law of their own, which its weights have not.
    expected: dict[str, Distribution] = {
        "zeros": Constant(0.0),
        "constant": Constant(0.5),
        "normal": Normal(1.0),
        "uniform": Uniform(-0.05, 0.05),
        "vision_transformer": Normal(1e-6),
    }
    if name in expected:
        assert maker.law((24,), "b") == expected[name]


@pytest.mark.parametrize("name", [name for name in WEIGHTS if "bias" not in INITIALIZERS[name].kinds])
def test_a_vector_is_refused_by_what_counts_a_fan(name: str) -> None:
    with pytest.raises(InputError) as caught:
        parameter(name).draw(0, "b", (24,))
    assert str(caught.value) == (
        f"`shape` must have an axis of inputs and one of outputs, besides the stacked ones, for {name!r}, got (24,); "
        "say the shape of its layer's weight with `bias_of` for a bias, or choose 'zeros' for it, and 'constant' with "
        "the value 1 for a scale"
    )


@pytest.mark.parametrize("name", [name for name in WEIGHTS if "dense" in INITIALIZERS[name].kinds])
def test_the_weight_of_a_bias_s_layer_gives_the_bias_its_law(name: str) -> None:
    maker = parameter(name, bias_of=(24, 6))
    place: dict[str, Any] = {"layer": 2, "depth": 3} if maker.initializer.needs_architecture else {}
    role = bias_role(weight_role((24, 6), **place), name="b")
    # Drawn for biases alone, 'normal' is the law of a bias; beside weights it leaves them 0.
    alone = name in {"zeros", "constant", "normal", "uniform"}
    initializer = maker.initializer
    assert maker.law((24,), "b") == (initializer.weight_law(role) if alone else initializer.law(role))


def test_a_bias_has_the_fan_of_its_layer_in_each_order_of_axes() -> None:
    for order, shape in (("torch", (24, 6)), ("keras", (6, 24)), ("jax", (6, 24))):
        assert parameter("torch_default", bias_of=shape, order=order).law((24,), "b").support[1] == 6**-0.5
    kernel = parameter("torch_default", bias_of=(3, 3, 2, 24), order="keras")
    assert kernel.law((24,), "b").support[1] == pytest.approx(18**-0.5)


def test_a_bias_of_another_shape_than_its_layer_s_is_refused() -> None:
    with pytest.raises(InputError, match=r"`shape` must be \(24,\), as the weight's is \(24, 6\), got \(6,\)"):
        parameter("torch_default", bias_of=(24, 6)).draw(0, "b", (6,))


@pytest.mark.parametrize("name", ["lstm_forget_bias", "chrono", "uniform_gate"])
def test_the_biases_of_gates_have_as_many_parts_as_there_are_gates(name: str) -> None:
    law = parameter(name).law((24,), "b")
    role = bias_role(weight_role((24, 3), parts=4, operation="recurrent"), name="b")
    assert law == INITIALIZERS[name]().law(role)


def test_stacked_biases_are_drawn_for_each_layer() -> None:
    drawn = parameter("lstm_forget_bias", stacked=1).draw(0, "b", (3, 8))
    np.testing.assert_array_equal(drawn, np.tile([0, 0, 1, 1, 0, 0, 0, 0], (3, 1)))
    with pytest.raises(InputError, match=r"`stacked` must be below 1, the number of axes, got 1"):
        parameter("zeros", stacked=1).draw(0, "b", (3,))
    with pytest.raises(InputError, match=r"`stacked` must be an integer of at least 0, got -1"):
        parameter("zeros", stacked=-1)


def test_a_scalar_is_a_bias_of_one_output() -> None:
    maker = parameter("normal")
    assert maker.draw(0, "scale", ()) == maker.draw(0, "scale", (1,))[0]
    out = np.empty((), np.float32)
    maker.draw(0, "scale", (), out)
    assert out == np.float32(maker.draw(0, "scale", ()))


@pytest.mark.parametrize(
    ("shape", "name", "operation"),
    [
        ((8, 4), "he_normal", "dense"),
        ((8, 4, 3), "he_normal", "convolution"),
        ((8, 4, 3, 3), "he_normal", "convolution"),
        ((8, 4, 3, 3, 3), "he_normal", "convolution"),
        ((8, 8), "rotations", "recurrent"),
        ((50, 8), "embedding_normal", "embedding"),
        ((4, 4, 4, 4), "bilinear", "transposed_convolution"),
    ],
)
def test_the_number_of_axes_says_the_operation_where_nobody_does(shape: Shape, name: str, operation: str) -> None:
    assert parameter(name).role(shape, "w").operation == operation


def test_a_role_is_what_is_said_of_it() -> None:
    said: dict[str, Any] = {"operation": "transposed_convolution", "groups": 2, "stride": 2, "activation": ReLU()}
    assert parameter("he_normal", **said).role((8, 4, 4, 4), "w") == weight_role((8, 4, 4, 4), name="w", **said)
    packed: dict[str, Any] = {"parts": 3, "order": "keras", "stacked": 1}
    assert parameter("glorot_uniform", **packed).role((2, 8, 24), "w") == weight_role((2, 8, 24), name="w", **packed)
    place = BranchPlace(number=1, count=2, position=2, length=2)
    placed: dict[str, Any] = {"layer": 3, "depth": 6, "branch": place}
    assert parameter("fixup", **placed).role((8, 8), "w") == weight_role((8, 8), name="w", **placed)
    assert parameter("fixup", **placed).law((8, 8), "w") == Constant(0.0)


@pytest.mark.parametrize(
    ("name", "settings", "shape", "sentence"),
    [
        (
            "sparse",
            {"operation": "embedding"},
            (50, 8),
            "`operation` must be 'dense' or 'recurrent' for 'sparse', got 'embedding'",
        ),
        (
            "embedding_normal",
            {},
            (8, 4, 3),
            "`operation` must be 'embedding' for 'embedding_normal', got 'convolution'",
        ),
        (
            "bilinear",
            {"operation": "depthwise_convolution"},
            (8, 1, 3, 3),
            "`operation` must be 'transposed_convolution' for 'bilinear', got 'convolution'",
        ),
        ("chrono", {}, (8, 4), "`shape` must be that of a bias, of one axis, for 'chrono', got (8, 4)"),
        (
            "he_normal",
            {},
            (0, 4),
            EMPTY,
        ),
        (
            "zeros",
            {},
            (0,),
            EMPTY,
        ),
        (
            "he_normal",
            {},
            (1, 1, 1, 1, 1, 1),
            "`shape` must have one to three axes of a kernel besides inputs and outputs, got (1, 1, 1, 1, 1, 1)",
        ),
        (
            "he_normal",
            {"groups": 3},
            (8, 4, 3),
            "`groups` must divide the 8 channels of axis 0, got 3",
        ),
    ],
)
def test_a_shape_that_is_not_served_is_refused(
    name: str, settings: dict[str, Any], shape: Shape, sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        parameter(name, **settings).draw(0, "w", shape)
    assert str(caught.value) == sentence


@doors
@pytest.mark.parametrize("name", [name for name, entry in INITIALIZERS.items() if entry.needs_architecture])
def test_a_place_in_the_network_must_be_told_where_the_law_depends_on_it(door: Callable[..., Any], name: str) -> None:
    sentence = f"`layer` must be given, as `depth` must, for {name!r}: its law depends on the place in the network"
    for told in ({}, {"layer": 1}, {"depth": 3}):
        with pytest.raises(InputError) as caught:
            door(name, **told, **seed_for(door))
        assert str(caught.value) == sentence


def test_a_place_in_the_network_is_counted_from_1() -> None:
    with pytest.raises(InputError, match="`layer` must be a positive integer, got 0"):
        firstdraw.as_jax("siren", layer=0, depth=3)
    first, later = (firstdraw.as_torch("siren", seed=0, layer=layer, depth=3).parameter for layer in (1, 2))
    assert first.law((8, 4), "w") != later.law((8, 4), "w")


def seed_for(door: Callable[..., Any]) -> dict[str, int]:
    return {"seed": 0} if "seed" in inspect.signature(door).parameters else {}


@doors
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("he_norml",), "must name a known initializer, got 'he_norml'; did you mean 'he_normal'?"),
        ((ReLU(),), "`initializer` must be the name of an initializer, or one, got ReLU()"),
    ],
)
def test_an_initializer_must_be_known(door: Callable[..., Any], arguments: tuple[Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        door(*arguments, **seed_for(door))
    assert str(caught.value).startswith(sentence.removesuffix("?"))


@doors
def test_options_and_activations_are_read(door: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"`slop` is no option of 'he_normal'; did you mean 'slope'\?"):
        door("he_normal", slop=0.1, **seed_for(door))
    with pytest.raises(InputError, match=r"`slope` must be a number, got '0.1'"):
        door("he_normal", slope="0.1", **seed_for(door))
    with pytest.raises(InputError, match=r"`initializer` must be given by its name where 'slope' is given, got HeN"):
        door(INITIALIZERS["he_normal"](), slope=0.1, **seed_for(door))
    with pytest.raises(InputError, match="`activation` must name a known activation, got 'rely'"):
        door("he_normal", activation="rely", **seed_for(door))


@doors
def test_no_option_of_an_initializer_is_called_like_an_argument(door: Callable[..., Any]) -> None:
    arguments = set(inspect.signature(door).parameters)
    assert arguments >= {"operation", "groups", "parts", "stacked", "stride", "activation"}
    for entry in INITIALIZERS.values():
        assert arguments.isdisjoint(field.name for field in dataclasses.fields(entry))  # type: ignore[arg-type]


@doors
def test_the_doors_have_the_same_arguments_and_say_what_each_is(door: Callable[..., Any]) -> None:
    documented = inspect.cleandoc(door.__doc__ or "")
    for argument in inspect.signature(door).parameters:
        assert f"\n    {argument}: " in documented
    shared = set(inspect.signature(firstdraw.as_torch).parameters) - {"seed"}
    assert shared <= set(inspect.signature(door).parameters)


@pytest.mark.parametrize(("module", "name"), [("torch", "PyTorch"), ("jax", "JAX"), ("keras", "Keras")])
def test_a_framework_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    # What is None there cannot be imported.
    monkeypatch.setitem(sys.modules, module, None)
    calls: dict[str, Callable[[], Any]] = {
        "torch": lambda: firstdraw.as_torch("zeros", seed=0)(np.empty(3)),
        "jax": lambda: firstdraw.as_jax("zeros")(None, (3,)),
        # The class that was made before, where there is one, stays the only one.
        "keras": keras_class.__wrapped__,
    }
    with pytest.raises(FirstdrawError) as caught:
        calls[module]()
    assert str(caught.value) == f"`as_{module}` needs {name}, which is not installed: `pip install {module}`"


def test_a_drop_in_is_made_without_its_framework() -> None:
    program = (
        "import sys, firstdraw\n"
        "firstdraw.as_torch('he_normal', seed=0); firstdraw.as_jax('he_normal'); firstdraw.as_keras\n"
        "print([name for name in ('torch', 'jax', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match=r"module 'firstdraw.dropins' has no attribute 'as_numpy'"):
        dropins.as_numpy  # noqa: B018


def test_a_key_of_two_words_is_a_seed_and_a_longer_one_is_hashed() -> None:
    assert seed_of_key(np.array([1, 2], np.uint32)) == 2**32 + 2
    assert seed_of_key(np.array([2**32 - 1, 2**32 - 1], np.uint32)) == 2**64 - 1
    long = {seed_of_key(np.array(words, np.uint32)) for words in ([0, 7, 0, 7], [0, 7, 0, 8], [7, 0, 0, 7])}
    assert len(long) == 3
    assert all(0 <= seed < 2**64 for seed in long)
    with pytest.raises(InputError, match=r"`key` must be one key, and keys came, got \(3,\); `jax.vmap` takes several"):
        seed_of_key(np.zeros((3, 2), np.uint32))


def test_the_seed_is_checked_when_a_drop_in_is_made() -> None:
    with pytest.raises(InputError, match=r"`seed` must be an integer from 0 to 2\^64 - 1, got -1"):
        firstdraw.as_torch("zeros", seed=-1)


@every
def test_what_is_written_of_an_initializer_is_read_again(name: str) -> None:
    made = parameter(
        name,
        order="keras",
        parts=2,
        stacked=1,
        stride=(2, 1),
        activation=LeakyReLU(0.2),
        bias_of=(3, 4),
        layer=2,
        depth=3,
        branch=BranchPlace(number=1, count=2, position=2, length=2),
    )
    for one in (made, parameter(name)):
        assert read(json.loads(json.dumps(described(one)))) == one


@dataclasses.dataclass(frozen=True)
class Own(Initializer):
    """An initializer of a user, which is in no catalogue."""

    formula = "1"

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(1.0)


def test_an_initializer_outside_of_the_catalogue_draws_but_is_not_written() -> None:
    own = ParameterInitializer(initializer=Own(), order="keras")
    assert own.name_of_call(1) == "Own, call 1"
    assert own.draw(0, "w", (2, 2)).sum() == 4
    with pytest.raises(InputError, match=r"`initializer` must be of the catalogue to be saved, got Own\(\)"):
        described(own)


def test_numbers_are_float64_and_float32_holds_their_roundings() -> None:
    maker = parameter("he_normal")
    rounded = maker.draw(0, "w", (8, 4), np.empty((8, 4), np.float32))
    np.testing.assert_array_equal(rounded, maker.draw(0, "w", (8, 4)).astype(np.float32))

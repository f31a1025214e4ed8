"""`firstdraw.torch.initialize`: which law each parameter gets, and that its numbers depend on nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import firstdraw.torch
from firstdraw.distributions import Uniform
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError, UnknownNameError
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import weight_role

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
initialize = firstdraw.torch.initialize


def mlp() -> Any:
    return nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 2))


def state(model: Any) -> dict[str, Any]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_numbers_are_those_of_the_catalogue_s_law_under_the_parameter_s_name() -> None:
    model = mlp()
    initialize(model, "he_normal", seed=5)
    law = INITIALIZERS["he_normal"]().law(weight_role((6, 8)))
    expected = law.sample(CounterDraws(5), "0.weight", (6, 8), out=np.empty((6, 8), np.float32))
    assert torch.equal(model[0].weight.detach(), torch.from_numpy(expected))
    assert (model[0].bias == 0).all()


def test_automatic_laws_follow_the_activation() -> None:
    record = initialize(mlp(), "auto")
    assert [record[f"{i}.weight"].entry for i in (0, 2, 4)] == ["he_normal", "activation_gain", "lecun_normal"]
    assert "ReLU follows, by the traced graph" in record["0.weight"].reason
    assert record["0.weight"].law == "N(0, 0.5²)"
    leaky = initialize(nn.Sequential(nn.Linear(8, 6), nn.LeakyReLU(1.0)))
    assert leaky["0.weight"].law == "N(0, 0.353553²)"


def test_automatic_laws_of_recurrences_embeddings_and_normalizations() -> None:
    model = nn.ModuleList([nn.Embedding(9, 4, padding_idx=2), nn.LSTM(4, 3), nn.GRU(4, 3), nn.LayerNorm(4), nn.PReLU()])
    record = initialize(model)
    assert record["0.weight"].law == "N(0, 0.02²)"
    assert (model[0].weight[2] == 0).all()
    assert (model[0].weight[[0, 1, 3]] != 0).all()
    assert model[1].bias_ih_l0.tolist() == [0] * 3 + [1] * 3 + [0] * 6
    assert (model[1].bias_hh_l0 == 0).all()
    for gate in model[1].weight_hh_l0.detach().split(3):
        torch.testing.assert_close(gate @ gate.T, torch.eye(3))
    assert record["2.weight_ih_l0"].entry == "glorot_uniform"
    assert record["2.weight_ih_l0"].law.startswith(f"U[-{(6 / 7) ** 0.5:.6g}")
    assert (model[3].weight == 1).all()
    assert model[4].weight.item() == 0.25


class Residual(nn.Module):
    def __init__(self, blocks: int, normalized: bool, activation: Any = nn.ReLU) -> None:
        super().__init__()
        self.start = nn.Linear(4, 4)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(4) if normalized else nn.Identity(), nn.Linear(4, 4), activation(), nn.Linear(4, 4)
            )
            for _ in range(blocks)
        )
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        x = self.start(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


def test_branches_without_normalization_get_fixup() -> None:
    record = initialize(Residual(4, normalized=False))
    assert record["blocks.1.1.weight"].entry == "fixup"
    # sqrt(2/4) 4^(-1/2)
    assert record["blocks.1.1.weight"].law == "N(0, 0.353553²)"
    assert record["blocks.3.3.weight"].law == "0"
    assert "4 branches are summed without any normalization" in record["blocks.1.1.weight"].reason


def test_branches_of_other_activations_end_in_a_smaller_law() -> None:
    record = initialize(Residual(4, normalized=False, activation=nn.Tanh))
    assert record["blocks.0.3.weight"].law == "N(0, 0.25²)"
    assert "of 4 that are summed without any normalization" in record["blocks.0.3.weight"].reason
    assert initialize(Residual(4, normalized=True))["blocks.0.3.weight"].law == "N(0, 0.5²)"


@pytest.mark.parametrize("first", [True, False])
def test_transformers_scale_the_ends_of_their_branches_unless_they_normalize_the_sum(first: bool) -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, norm_first=first), 2, enable_nested_tensor=False)
    record = initialize(model)
    last = "N(0, 0.01²)" if first else "N(0, 0.02²)"
    for name in ("self_attn.out_proj", "linear2"):
        assert record[f"layers.1.{name}.weight"].law == last
    assert record["layers.0.self_attn.in_proj_weight"].law == "N(0, 0.02²)"
    # PyTorch copies one layer; the copies do not stay equal.
    assert not torch.equal(model.layers[0].linear1.weight, model.layers[1].linear1.weight)


class OffsetNorm(nn.Module):
    """Multiplies with 1 + scale, as Gemma's normalization does."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset, self.weight = offset, nn.Parameter(torch.full((4,), 7.0))

    def forward(self, x: Any) -> Any:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * (self.offset + self.weight)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_a_normalization_of_one_s_own_starts_with_the_scale_that_changes_nothing(offset: float) -> None:
    model = nn.Sequential(nn.Linear(4, 4), OffsetNorm(offset))
    initialize(model)
    assert model[1].weight.tolist() == [1 - offset] * 4


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_parameters_without_elements_are_left() -> None:
    model = nn.ModuleList([nn.Linear(0, 3), nn.Linear(3, 2)])
    with torch.no_grad():
        model[0].bias.fill_(2.0)
    record = initialize(model, "he_normal")
    assert [one.name for one in record.left] == ["0.weight"]
    assert (model[0].bias == 0).all()
    assert firstdraw.torch.identify(model)["0.weight"].law == ""


def test_a_scheme_that_does_not_serve_a_parameter_leaves_it_to_its_role() -> None:
    record = initialize(nn.ModuleList([nn.Embedding(9, 4), nn.Linear(4, 4), nn.LayerNorm(4)]), "he_normal")
    assert record["0.weight"].law == "N(0, 0.02²)"
    assert record["0.weight"].reason.startswith("'he_normal' serves no embedding")
    assert record["1.weight"].entry == "he_normal"


def test_a_scheme_s_own_law_of_biases_counts() -> None:
    assert initialize(mlp(), "torch_default")["0.bias"].law == "U[-0.353553, 0.353553)"


def test_laws_that_ask_for_the_place_in_the_network_get_it() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3, enable_nested_tensor=False)
    record = initialize(model, "deepnorm")
    # DeepNorm's gain of values, outputs and feed-forward networks for an encoder of N layers: (8 N)^(-1/4).
    gain = (8 * 3) ** -0.25
    assert record["layers.0.linear1.weight"].law == f"N(0, {gain * (2 / 24) ** 0.5:.6g}²)"
    assert record["layers.0.self_attn.in_proj_weight"].law.startswith("parts: ")


def test_rules_are_tried_in_order_and_what_none_fits_goes_by_its_role() -> None:
    model = mlp()
    before = model[4].bias.clone()
    record = initialize(
        model,
        {
            "0.weight": {"name": "he_normal", "mode": "fan_out"},
            "*.bias": None,
            "2.*": Uniform(-1.0, 1.0),
            "4.weight": 0.5,
        },
    )
    assert record["0.weight"].law == f"N(0, {(2 / 6) ** 0.5:.6g}²)"
    assert record["0.weight"].reason == "the rule '0.weight'"
    assert record["2.weight"].law == "U[-1, 1)"
    assert (model[4].weight == 0.5).all()
    assert torch.equal(model[4].bias, before)
    assert [one.name for one in record.left] == ["0.bias", "2.bias", "4.bias"]
    assert initialize(model, {"0.*": "auto"})["2.weight"].entry == "activation_gain"


def test_a_rule_can_name_the_law_of_a_parameter_of_which_nothing_is_known() -> None:
    model = nn.ParameterDict({"experts": nn.Parameter(torch.zeros(2, 6, 4)), "scale": nn.Parameter(torch.zeros(()))})
    assert len(initialize(model).left) == 2
    record = initialize(model, {"experts": "xavier_fan_in", "scale": 1.0})
    assert record["experts"].law == "N(0, 0.5²)"
    assert model["scale"].item() == 1


def test_what_is_frozen_stays() -> None:
    model = mlp()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    record = initialize(model)
    assert torch.equal(model[0].weight, before)
    assert record["0.weight"].reason == "it is frozen"


def test_running_statistics_start_anew() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    model(torch.randn(8, 4) + 3)
    initialize(model)
    assert model[1].running_mean.tolist() == [0] * 4
    assert model[1].num_batches_tracked.item() == 0


def test_parametrized_weights_are_set_through_their_parametrization() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.ReLU(), nn.Linear(5, 2))
    initialize(model, "he_normal", seed=1)
    plain = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    initialize(plain, "he_normal", seed=1)
    torch.testing.assert_close(model[0].weight, plain[0].weight)


def test_other_parametrizations_that_have_an_inverse_are_set_too() -> None:
    model = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)), nn.utils.parametrizations.orthogonal(nn.Linear(4, 4))
    )
    initialize(model, "orthogonal", seed=1)
    plain = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    initialize(plain, "orthogonal", seed=1)
    # The spectral norm of an orthogonal matrix is 1, whatever vectors it is estimated with: u^T W v <= 1.
    ratio = model.eval()[0].weight / plain[0].weight
    torch.testing.assert_close(ratio, ratio.mean().expand(4, 4))
    torch.testing.assert_close(model[1].weight, plain[1].weight)


def test_a_spectral_norm_is_estimated_anew_and_a_row_for_padding_stays_0_below_a_parametrization() -> None:
    torch.manual_seed(0)
    normalize = nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(normalize(nn.Embedding(9, 4, padding_idx=2)), normalize(nn.Linear(4, 40))).eval()
    initialize(model, "he_normal", seed=1)
    for layer in model:
        assert not layer.training
        # Fifteen steps leave a few percent; the vectors of the old weights would be off by a factor.
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=0.05)
    assert not model[0].weight[2].any()
    assert all(not part.training for part in model.modules())


def test_the_record_is_told_and_written() -> None:
    record = initialize(mlp(), "he_normal", seed=3)
    assert "0.weight  [6, 8]  N(0, 0.5²)" in str(record)
    table = json.loads(record.to_json())
    assert table["seed"] == 3
    first = next(one for one in table["parameters"] if one["name"] == "0.weight")
    assert (first["law"], first["entry"], first["shape"]) == ("N(0, 0.5²)", "he_normal", [6, 8])
    assert first["source"].startswith("He, Zhang, Ren & Sun (2015)")
    with pytest.raises(InputError, match=r"`name` must be the name of a parameter of the model, got '1.weight'"):
        record["1.weight"]


PIECES: list[Any] = [
    lambda: nn.Linear(4, 4),
    lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)),
    lambda: nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.GELU()),
    lambda: nn.Sequential(nn.Linear(4, 8), nn.GLU()),
    lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
    nn.Tanh,
]


class Graph(nn.Module):
    """Modules in a random graph: each takes the output of an earlier one, some add it to a skip connection."""

    def __init__(self, pieces: list[int], sources: list[int], skips: list[bool], order: list[int]) -> None:
        super().__init__()
        self.sources, self.skips = sources, skips
        for place in order:
            self.add_module(f"piece{place}", PIECES[pieces[place]]())

    def forward(self, x: Any) -> Any:
        values = [x]
        for place, (source, skip) in enumerate(zip(self.sources, self.skips, strict=True)):
            taken = values[source % len(values)]
            made = getattr(self, f"piece{place}")(taken)
            values.append(taken + made if skip else made)
        return sum(values)


@st.composite
def graphs(draw: Any) -> tuple[Any, Any]:
    """Two models of one graph whose modules were made in different orders."""
    size = draw(st.integers(1, 6))
    pieces = [0, *draw(st.lists(st.integers(0, len(PIECES) - 1), min_size=size - 1, max_size=size - 1))]
    sources = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    skips = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    orders = [draw(st.permutations(range(size))) for _ in range(2)]
    one, other = (Graph(pieces, sources, skips, list(order)) for order in orders)
    return one, other


@given(graphs(), st.integers(0, 2**64 - 1), st.sampled_from(["auto", "he_normal", "orthogonal", "activation_gain"]))
def test_the_numbers_do_not_depend_on_the_order_in_which_a_model_was_built(
    models: tuple[Any, Any], seed: int, scheme: str
) -> None:
    one, other = models
    first, second = initialize(one, scheme, seed=seed), initialize(other, scheme, seed=seed)
    assert same(state(one), {name: state(other)[name] for name in state(one)})
    assert {row.name: row for row in first.parameters} == {row.name: row for row in second.parameters}
    before = state(one)
    torch.manual_seed(1)
    initialize(one, scheme, seed=seed)
    assert same(state(one), before)


@given(graphs())
def test_another_seed_gives_other_numbers(models: tuple[Any, Any]) -> None:
    one, other = models
    initialize(one, "he_normal", seed=0)
    initialize(other, "he_normal", seed=1)
    assert not torch.equal(one.piece0.weight, other.piece0.weight)


def test_pytorch_s_random_numbers_are_not_moved() -> None:
    before = torch.get_rng_state()
    model = mlp()
    torch.set_rng_state(before)
    initialize(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_wrappers_do_not_change_the_numbers() -> None:
    plain = mlp()
    initialize(plain, seed=2)
    for wrap in (nn.DataParallel, lambda model: torch.compile(model, backend="eager")):
        wrapped = mlp()
        initialize(wrap(wrapped), seed=2)
        assert same(state(wrapped), state(plain))


def test_a_model_of_the_meta_device_gets_the_same_numbers_once_it_has_memory() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.LSTM(6, 3))
    model.to_empty(device="cpu")
    initialize(model, seed=4)
    direct = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.LSTM(6, 3))
    initialize(direct, seed=4)
    assert same(state(model), state(direct))


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_types_hold_the_roundings(dtype: str) -> None:
    kind = getattr(torch, dtype)
    model, single = mlp().to(kind), mlp()
    initialize(model, "orthogonal", seed=1)
    initialize(single, "orthogonal", seed=1)
    for one, other in zip(model.parameters(), single.parameters(), strict=True):
        assert torch.equal(
            one.to(torch.float32) if dtype == "float64" else one, other if dtype == "float64" else other.to(kind)
        )


@pytest.mark.parametrize("make", [lambda: torch.zeros(5, 7).t(), lambda: torch.zeros(7, 10)[:, ::2]])
def test_memory_that_is_not_contiguous_is_filled_alike(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pieces of two rows at a time.
    monkeypatch.setattr("firstdraw.torch.filling.PIECE", 10)
    model, plain = nn.Linear(5, 7), nn.Linear(5, 7)
    model.weight = nn.Parameter(make())
    initialize(model, "he_normal")
    initialize(plain, "he_normal")
    assert torch.equal(model.weight, plain.weight)


def test_memory_is_filled_in_place() -> None:
    model = mlp()
    addresses = [one.data_ptr() for one in model.parameters()]
    initialize(model)
    assert [one.data_ptr() for one in model.parameters()] == addresses


def test_autograd_sees_that_the_numbers_have_changed() -> None:
    model = mlp()
    loss = model(torch.randn(3, 8)).square().sum()
    initialize(model)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def refused(model: Any, scheme: Any = "auto", seed: Any = 0) -> str:
    """Return the sentence with which a model is refused; it is not touched."""
    tensors = model.named_parameters() if isinstance(model, nn.Module) else []
    plain = {
        name: one
        for name, one in tensors
        if not (torch.nn.parameter.is_lazy(one) or one.is_meta) and one.layout == torch.strided
    }
    before = copy.deepcopy(plain)
    with pytest.raises(InputError) as error:
        initialize(model, scheme, seed=seed)
    assert all(torch.equal(one, before[name]) for name, one in plain.items())
    return str(error.value)


def with_weight(weight: Any) -> Any:
    model = mlp()
    model[4].weight = nn.Parameter(weight)
    return model


def test_models_that_cannot_be_initialized_are_refused_untouched() -> None:
    assert refused("net") == "`model` must be a `torch.nn.Module`, got 'net'"
    assert refused(nn.ReLU()) == (
        "`model` must have a trainable parameter, and it has none; it holds no parameters at all"
    )
    assert refused(mlp().requires_grad_(False)) == (
        "`model` must have a trainable parameter, and it has none; all 6 are frozen"
    )
    assert refused(nn.Sequential(nn.Linear(3, 3), nn.LazyLinear(4))) == (
        "`1.weight` must have a shape, which a lazy layer gives it on its first input; call the model once"
    )
    assert refused(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 4, device="meta"))) == (
        "`1.weight` must have memory, which is not so on the meta device; `model.to_empty(device=...)` gives a model "
        "its own, and the numbers are the same as without"
    )
    assert refused(with_weight(torch.zeros(2, 1).expand(2, 6))) == (
        "`4.weight` must have an own place in memory for every number, and it is expanded"
    )
    assert refused(with_weight(torch.zeros(2, 6).to_sparse())) == (
        "`4.weight` must be dense in memory, got torch.sparse_coo"
    )
    assert refused(with_weight(torch.zeros(2, 6, dtype=torch.complex64))) == (
        "`4.weight` must be of one of the types float64, float32, float16, bfloat16, got 'complex64'"
    )
    with torch.inference_mode():
        locked = mlp()
    with pytest.raises(InputError, match=r"`0\.weight` must be written in inference mode, as it was made there"):
        initialize(locked)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantized_models_are_refused() -> None:
    model = mlp()
    model.register_buffer("codes", torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.quint8))
    sentence = "is quantized, and rounded numbers are no start; take the model before it is quantized"
    assert refused(model) == f"`codes` {sentence}"


def test_flattened_parameters_are_refused() -> None:
    class FlatParameter(nn.Parameter):
        pass

    model = nn.ParameterDict({"flat": FlatParameter(torch.zeros(3))})
    assert "is the flattened memory of several parameters, whose shapes are not known" in refused(model)
    assert "wrap the model with `use_orig_params=True`, or with `fully_shard`" in refused(model)


class Squared(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * x


class Strict(Squared):
    """Has an inverse at the start, as it must to be registered, and none later."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def right_inverse(self, x: Any) -> Any:
        self.calls += 1
        if self.calls > 1:
            raise NotImplementedError
        return x.abs().sqrt()


@pytest.mark.parametrize("parametrization", [Squared, Strict])
def test_parametrizations_that_cannot_be_inverted_are_refused(parametrization: Any) -> None:
    model = mlp()
    nn.utils.parametrize.register_parametrization(model[4], "weight", parametrization(), unsafe=True)
    assert refused(model) == (
        "`4.weight` is computed from other parameters, which cannot be found from it; its parametrization has no "
        "`right_inverse` that takes it"
    )


def test_schemes_that_make_no_sense_are_refused_untouched() -> None:
    assert "did you mean 'he_normal'" in refused(mlp(), "he_norml")
    assert refused(mlp(), "lstm_forget_bias") == (
        "`scheme` must serve some weight of the model: 'lstm_forget_bias' is for 'bias'"
    )
    assert refused(mlp(), 3) == (
        "`scheme` must be 'auto', an initializer, the name of one, or a mapping from patterns of names, got 3"
    )
    assert refused(mlp(), {"0.wieght": 0.0}) == (
        "`scheme['0.wieght']` must fit the name of some parameter; did you mean '0.weight'?"
    )
    assert refused(mlp(), {"encoder.*.q": 0.0}).endswith("the first is '0.weight'")
    assert refused(mlp(), {"*": {"name": "he_normal", "mod": "fan_in"}}).endswith(
        "is no option of 'he_normal'; did you mean 'mode'?"
    )
    assert "must name the initializer" in refused(mlp(), {"*": {"mode": "fan_in"}})
    assert "must be a finite number" in refused(mlp(), {"*": float("nan")})
    law = INITIALIZERS["orthogonal"]().law(weight_role((3, 3)))
    assert "must be a law for the shape (6, 8), got (3, 3)" in refused(mlp(), {"0.weight": law})
    assert "must be an integer from 0 to 2^64 - 1" in refused(mlp(), seed=-1)
    with pytest.raises(UnknownNameError):
        initialize(mlp(), {"0.weight": "he"})
    # The law of the second layer fails after that of the first was chosen.
    assert refused(mlp(), {"0.weight": "identity", "2.weight": "hadamard"})

"""`identify`: PyTorch's own initializers recognized, at a known rate of false alarms."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import firstdraw.torch
from firstdraw.distributions import Normal, TruncatedNormal, Uniform
from firstdraw.errors import InputError
from firstdraw.torch.consistency import FALSE_ALARMS, is_consistent
from firstdraw.torch.observing import observe, observe_array

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
init: Any = nn.init
identify = firstdraw.torch.identify

# What each function of `torch.nn.init` draws, by the names of the catalogue.
FUNCTIONS: list[tuple[Callable[[Any], Any], str]] = [
    (init.kaiming_normal_, "he_normal"),
    (init.kaiming_uniform_, "he_uniform"),
    (lambda w: init.kaiming_normal_(w, mode="fan_out"), "he_normal(mode='fan_out')"),
    (init.xavier_normal_, "glorot_normal"),
    (init.xavier_uniform_, "glorot_uniform"),
    (lambda w: init.xavier_uniform_(w, gain=5 / 3), "glorot_uniform(gain=1.66667)"),
    (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), "torch_default"),
    (lambda w: init.normal_(w, std=0.02), "normal(standard_deviation=0.02)"),
    (lambda w: init.uniform_(w, -0.05, 0.05), "uniform"),
    (lambda w: init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04), "truncated_normal"),
    (lambda w: init.trunc_normal_(w, std=0.02), "torch_truncated_normal"),
    (init.zeros_, "zeros"),
    (init.ones_, "constant(value=1)"),
    (init.orthogonal_, "orthogonal"),
]
SHAPES = [(16, 16), (40, 300), (300, 40), (500, 700)]


def named(weight: Any) -> tuple[str, ...]:
    model = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    model.weight = nn.Parameter(weight)
    return identify(model)["weight"].entries


@pytest.mark.parametrize(("fill", "entry"), FUNCTIONS, ids=[entry for _, entry in FUNCTIONS])
def test_what_pytorch_draws_is_recognized_over_all_sizes(fill: Callable[[Any], Any], entry: str) -> None:
    torch.manual_seed(0)
    for shape in SHAPES:
        assert entry in named(fill(torch.empty(shape)))


@pytest.mark.parametrize("entry", ["eye", "dirac", "sparse"])
def test_what_is_no_law_of_independent_numbers_is_recognized_exactly(entry: str) -> None:
    torch.manual_seed(0)
    if entry == "eye":
        assert "partial_identity" in named(init.eye_(torch.empty(6, 9)))
    elif entry == "dirac":
        model = nn.Conv2d(6, 6, 3, bias=False)
        init.dirac_(model.weight)
        assert "partial_identity" in identify(model)["weight"].entries
    else:
        # The entry's default share of zeros; PyTorch puts as many into each column.
        assert "sparse" in named(init.sparse_(torch.empty(60, 50), sparsity=0.1, std=0.01))


@pytest.mark.parametrize("law", [Normal(0.1), Uniform(-0.3, 0.3), TruncatedNormal(0.1, 2.0), Normal(2.0, 0.5)])
@pytest.mark.parametrize("count", [8, 30, 1000, 20_000])
def test_a_law_is_missed_at_most_as_often_as_it_is_said(law: Any, count: int) -> None:
    """In 1,000 tensors of a law 1 miss is expected at most; more than 7 have a probability of 1e-5."""
    turns = 1000 if count <= 1000 else 100
    stream = np.random.default_rng(count)
    misses = 0
    for _ in range(turns):
        if isinstance(law, Uniform):
            values = stream.uniform(law.low, law.high, count)
        else:
            values = stream.normal(0.0, 1.0, count) * law.scale
            if isinstance(law, TruncatedNormal):
                while (outside := abs(values) > 2 * law.scale).any():
                    values[outside] = stream.normal(0.0, 1.0, int(outside.sum())) * law.scale
            else:
                values += law.center
        misses += is_consistent(law, observe_array(values, 1e-16), None) is not True
    assert FALSE_ALARMS == 1e-3
    assert misses <= (7 if turns == 1000 else 3)


def test_other_laws_of_the_same_variance_are_told_apart() -> None:
    torch.manual_seed(0)
    # 5,000 numbers tell the shapes apart, and a spread that is 10 % off.
    laws = [Normal(1.0), Uniform(-math.sqrt(3), math.sqrt(3)), TruncatedNormal(1 / 0.879625661034, 2.0), Normal(1.1)]
    drawn = [
        torch.randn(5000),
        (torch.rand(5000) * 2 - 1) * math.sqrt(3),
        init.trunc_normal_(torch.empty(5000), std=1 / 0.879625661034, a=-2 / 0.8796, b=2 / 0.8796),
        torch.randn(5000) * 1.1,
    ]
    table = [[is_consistent(law, observe(values), None) for law in laws] for values in drawn]
    assert table == [[i == j for j in range(4)] for i in range(4)]


def test_the_likeliest_law_is_named_first() -> None:
    torch.manual_seed(0)
    model = nn.Linear(16, 16, bias=False)
    init.xavier_uniform_(model.weight)
    assert identify(model)["weight"].law == f"U[-{math.sqrt(6 / 32):.6g}, {math.sqrt(6 / 32):.6g})"
    init.xavier_normal_(model.weight)
    assert identify(model)["weight"].law == "N(0, 0.25²)"


def test_laws_of_no_entry_are_fitted() -> None:
    torch.manual_seed(0)
    model = nn.Linear(100, 100, bias=False)
    init.normal_(model.weight, std=0.37)
    law = identify(model)["weight"].law
    assert law.startswith("N(0, 0.3")
    init.uniform_(model.weight, 0.2, 0.9)
    assert identify(model)["weight"].law.startswith(("U[0.2", "U[0.19"))
    init.orthogonal_(model.weight, gain=3.7)
    assert identify(model)["weight"].law == "3.7 x orthogonal"
    with torch.no_grad():
        model.weight.copy_(torch.randn(100, 100).pow(3))
    assert identify(model)["weight"].law == ""
    assert "unlike any known law" in str(identify(model))


@pytest.mark.parametrize(
    "module",
    [
        lambda: nn.Linear(40, 30),
        lambda: nn.Conv2d(8, 16, 3),
        lambda: nn.Conv1d(8, 16, 3, groups=4),
        lambda: nn.ConvTranspose2d(8, 16, 3),
        lambda: nn.ConvTranspose1d(8, 16, 3, groups=2),
        lambda: nn.Embedding(50, 20),
        lambda: nn.MultiheadAttention(32, 4),
        lambda: nn.LSTM(10, 20),
        lambda: nn.GRU(10, 20, num_layers=2),
        lambda: nn.RNN(10, 20, bidirectional=True),
        lambda: nn.LSTMCell(10, 20),
    ],
)
def test_the_defaults_of_pytorch_s_layers_are_recognized(module: Callable[[], Any]) -> None:
    torch.manual_seed(1)
    found = [one for one in identify(module()).tensors if one.observation is not None and one.observation.count >= 8]
    assert found
    for one in found:
        assert any(name.startswith("the default of torch.nn.") for name in one.entries) or one.law == "0", one.name


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_types_are_recognized(dtype: str) -> None:
    torch.manual_seed(0)
    model = nn.Linear(200, 300).to(getattr(torch, dtype))
    init.kaiming_normal_(model.weight)
    assert "he_normal" in identify(model)["weight"].entries


@pytest.mark.parametrize("scheme", ["auto", "he_normal", "glorot_uniform", "orthogonal", "truncated_normal", "sparse"])
def test_what_initialize_draws_is_recognized(scheme: str) -> None:
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 64))
    record = firstdraw.torch.initialize(model, scheme, seed=3)
    found = identify(model)
    for one in record.parameters:
        if one.name.endswith("bias"):
            assert "zeros" in found[one.name].entries
            continue
        assert one.entry in found[one.name].entries
        if scheme == "auto":
            assert (found[one.name].asked, found[one.name].agrees) == (one.law, True)


def test_gates_with_laws_of_their_own_are_recognized() -> None:
    model = nn.LSTM(6, 20)
    firstdraw.torch.initialize(model, "auto")
    found = identify(model)
    assert "lstm_forget_bias" in found["bias_ih_l0"].entries
    assert found["bias_ih_l0"].agrees
    assert "orthogonal" in found["weight_hh_l0"].entries


def test_what_the_role_asks_for_is_said_where_the_tensor_has_it_not() -> None:
    torch.manual_seed(0)
    found = identify(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64)))
    assert found["0.weight"].agrees is False
    assert "its role asks for N(0, 0.176777²)" in str(found)
    with pytest.raises(InputError, match="`name` must be the name of a parameter of the model, got '7'"):
        found["7"]


def test_what_was_found_is_written() -> None:
    torch.manual_seed(0)
    table = json.loads(identify(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))).to_json())
    first = table["tensors"][0]
    assert (first["name"], first["shape"], first["agrees"]) == ("0.weight", [64, 64], False)
    assert first["variance"] == pytest.approx(1 / (3 * 64), rel=0.1)
    assert table["faults"][0]["cause"] == "default law under a rectifier"
    assert table["faults"][0]["severity"] == "note"


def test_moments_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pieces of 7 elements, the last of them shorter.
    monkeypatch.setattr("firstdraw.torch.observing.PIECE", 7)
    values = torch.from_numpy(np.random.default_rng(0).gamma(2.0, 1.0, (9, 5))).float()
    seen, array = observe(values.t()), values.double().numpy()
    centered = array - array.mean()
    assert seen.mean == pytest.approx(array.mean(), rel=1e-12)
    assert seen.variance == pytest.approx(array.var(), rel=1e-12)
    assert seen.kurtosis == pytest.approx((centered**4).mean() / array.var() ** 2, rel=1e-12)
    assert (seen.smallest, seen.largest) == (array.min(), array.max())
    assert (seen.sample == np.sort(array.ravel())).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_the_model_is_not_changed(dtype: str) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).to(getattr(torch, dtype))
    before, random = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    identify(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(one.grad is None for one in model.parameters())


@pytest.mark.filterwarnings("ignore")
def test_gpt_2_is_what_its_paper_says(make_hugging_face: Callable[[str], Any]) -> None:
    torch.manual_seed(0)
    found = identify(make_hugging_face("gpt2"))
    assert all(one.agrees for one in found.tensors)
    assert "gpt2" in found["transformer.h.1.mlp.c_proj.weight"].entries
    assert [fault.cause for fault in found.faults] == ["tied tensors"]

"""Models of many kinds under repair: what is shared, computed, frozen, short, wrapped or called in odd ways."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from firstdraw.torch import check, repair

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning", "ignore:.*torch.jit.*:DeprecationWarning"),
]
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
weight_norm, spectral_norm = nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm

X = torch.randn(32, 32, generator=torch.Generator().manual_seed(0))


def deep(depth: int = 20, activation: Any = nn.ReLU) -> Any:
    return nn.Sequential(*(part for _ in range(depth) for part in (nn.Linear(32, 32), activation())), nn.Linear(32, 5))


def changed(
    model: Any, change: Callable[[Any], Any], only: Callable[[str, Any], bool] = lambda _n, p: p.ndim > 1
) -> Any:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if only(name, parameter):
                change(parameter)
    return model


def of_linears(model: Any, wrap: Callable[[Any], Any]) -> Any:
    for place, module in enumerate(model):
        if isinstance(module, nn.Linear):
            model[place] = wrap(module)
    return model


class Adapter(nn.Module):
    """Both factors of what is added are 0, and would stay so."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(32, 32).requires_grad_(False)
        self.A, self.B = nn.Parameter(torch.zeros(4, 32)), nn.Parameter(torch.zeros(32, 4))

    def forward(self, x: Any) -> Any:
        return self.base(x) + x @ self.A.T @ self.B.T


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(32, 32), nn.Linear(32, 5)

    def forward(self, x: Any) -> Any:
        for _ in range(16):
            x = torch.relu(self.layer(x))
        return self.last(x)


class Tied(nn.Module):
    """An embedding that is the readout too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.inner, self.head = nn.Embedding(50, 32), deep(3), nn.Linear(32, 50, bias=False)
        self.inner[-1] = nn.Linear(32, 32)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Any) -> Any:
        return self.head(self.inner(self.embedding(tokens)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(31, 16, padding_idx=3)
        self.lstm, self.head = nn.LSTM(16, 24, 2, batch_first=True), nn.Linear(24, 31)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.lstm(self.embedding(tokens))[0])


def gathered() -> Any:
    """A model with a NaN that its normalization has already averaged in."""
    model = nn.Sequential(nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 5))
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
    model(X)
    return model


def narrow(seed: int) -> Any:
    """A network so narrow that many draws leave it dead."""
    torch.manual_seed(seed)
    layers = (part for _ in range(10) for part in (nn.Linear(3, 3, bias=False), nn.ReLU()))
    model = nn.Sequential(*layers, nn.Linear(3, 2, bias=False))
    for layer in model[::2]:
        nn.init.kaiming_normal_(layer.weight)
    return model


def frozen() -> Any:
    model = deep()
    model[:6].requires_grad_(False)
    return model


TOKENS = torch.randint(31, (4, 9), generator=torch.Generator().manual_seed(0))

MODELS: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "an adapter": (Adapter, X, "analytic gains"),
    "one layer sixteen times": (Repeated, X, "analytic gains"),
    "tied": (lambda: changed(Tied(), lambda p: p.fill_(0.1)), TOKENS, "analytic gains"),
    "an LSTM of constants": (
        lambda: changed(Recurrent(), lambda p: p.fill_(0.1), lambda _n, _p: True),
        TOKENS,
        "analytic gains",
    ),
    "weight norm": (lambda: of_linears(changed(deep(8), lambda p: p.mul_(0.02)), weight_norm), X, "analytic gains"),
    "the old weight norm": (
        lambda: of_linears(changed(deep(8), lambda p: p.mul_(0.02)), nn.utils.weight_norm),
        X,
        "LSUV",
    ),
    "spectral norm, constants": (
        lambda: of_linears(changed(deep(3), lambda p: p.fill_(0.1)), spectral_norm),
        X,
        "analytic gains",
    ),
    "spectral norm, off": (
        lambda: changed(of_linears(deep(3), spectral_norm), lambda p: p.fill_(-9), lambda n, _: n == "2.bias"),
        X,
        "analytic gains",
    ),
    "bfloat16": (lambda: deep().bfloat16(), X.bfloat16(), "analytic gains"),
    "bfloat16 of constants": (
        lambda: changed(deep(3), lambda p: p.fill_(0.1)).bfloat16(),
        X.bfloat16(),
        "analytic gains",
    ),
    "weight norm in bfloat16, constants": (
        lambda: of_linears(changed(deep(3), lambda p: p.fill_(0.1)).bfloat16(), weight_norm),
        X.bfloat16(),
        "analytic gains",
    ),
    "float16": (lambda: changed(deep(6), lambda p: p.normal_()).half(), X.half(), "analytic gains"),
    "float64": (
        lambda: changed(deep(3), lambda p: p.fill_(0.1), lambda _n, _p: True).double(),
        X.double(),
        "analytic gains",
    ),
    "frozen at first": (frozen, X, "analytic gains"),
    "data parallel": (lambda: nn.DataParallel(deep()), X, "analytic gains"),
    "compiled": (lambda: torch.compile(deep()), X, "analytic gains"),
    "gathered NaN": (gathered, X, "analytic gains"),
    "one number outweighs all": (
        lambda: changed(deep(4), lambda p: p.view(-1)[3:4].fill_(1e6), lambda n, _: n == "4.weight"),
        X,
        "analytic gains",
    ),
    "numbers between 0 and 1": (lambda: changed(deep(4), lambda p: p.uniform_()), X, "analytic gains"),
    "one layer far too large": (
        lambda: changed(deep(4), lambda p: p.mul_(1e5), lambda n, _: n == "4.weight"),
        X,
        "analytic gains",
    ),
    "deep sigmoids": (lambda: deep(8, nn.Sigmoid), X, "LSUV"),
}


def bits(model: Any) -> dict[str, bytes]:
    return {name: t.detach().reshape(-1).view(torch.uint8).numpy().tobytes() for name, t in model.state_dict().items()}


def made(name: str) -> Any:
    torch.manual_seed(0)
    return MODELS[name][0]()


@pytest.mark.parametrize("name", MODELS)
def test_it_is_repaired_and_its_code_does_the_same(name: str) -> None:
    _, x, remedy = MODELS[name]
    model, other = made(name), made(name)
    found = repair(model, x)
    assert found.healthy, found
    assert not found.before.healthy
    assert found.remedy == remedy
    exec(found.code, {"torch": torch, "model": other})  # noqa: S102  # it is pasted by its reader
    assert bits(model) == bits(other)
    assert check(model, x).healthy


def test_only_what_is_to_blame_is_touched() -> None:
    names = {name: [change.name for change in repair(made(name), MODELS[name][1]).changes] for name in MODELS}
    assert names["an adapter"] == ["A"]
    assert names["one layer sixteen times"] == ["layer.weight"]
    assert names["spectral norm, off"] == ["2.bias"]
    assert names["gathered NaN"] == ["0.weight"]
    assert names["one number outweighs all"] == names["one layer far too large"] == ["4.weight"]
    assert not any(name.startswith(("0.", "2.", "4.")) for name in names["frozen at first"])
    assert "embedding.weight" not in names["tied"] or "head.weight" not in names["tied"]


def test_lost_numbers_are_drawn_by_the_default_that_their_bias_still_holds() -> None:
    found = repair(made("gathered NaN"), X)
    assert found.changes[0].action == "U[-0.176777, 0.176777)"
    assert found.changes[0].reason.endswith("; its layer's default, as its bias still is")
    model = made("gathered NaN")
    nn.init.zeros_(model[0].bias)
    assert repair(model, X).changes[0].action == "N(0, 0.25²)"


def test_statistics_of_what_is_no_more_start_anew() -> None:
    model = made("gathered NaN")
    assert repair(model, X).plan.resets == ("1",)
    assert torch.equal(model[1].running_mean, torch.zeros(32))
    assert model.eval()(X).isfinite().all()


def test_statistics_before_what_changes_are_left() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5))
    model(X + 1)
    kept = model[0].running_mean.clone()
    changed(model[1:], lambda p: p.fill_(0.1), lambda _n, _p: True)
    found = repair(model, X)
    assert found.changes
    assert (found.plan.resets, torch.equal(model[0].running_mean, kept)) == ((), True)


def test_the_padding_row_stays_zero() -> None:
    torch.manual_seed(0)
    model = changed(Recurrent(), lambda p: p.zero_(), lambda _n, _p: True)
    found = repair(model, TOKENS)
    assert "embedding.weight" in {change.name for change in found.changes}
    assert model.embedding.weight[3].abs().max() == 0


def test_another_draw_is_tried_for_an_unlucky_one() -> None:
    model, x = narrow(1), X[:, :3]
    found = repair(model, x)
    assert found.before.broken
    # So narrow a network is never quite well, but it is not dead any more.
    assert not found.after.broken
    assert found.remedy == "another draw"


def test_the_seed_decides_what_is_drawn() -> None:
    name = "an adapter"
    drawn = []
    for seed in (1, 1, 2):
        model = made(name)
        repair(model, MODELS[name][1], seed=seed)
        drawn.append(bits(model))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_copy_is_repaired_as_the_model_is() -> None:
    model = made("an LSTM of constants")
    other = copy.deepcopy(model)
    repair(model, TOKENS)
    repair(other, TOKENS)
    assert bits(model) == bits(other)

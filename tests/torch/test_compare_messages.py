"""What `compare` refuses, and how: one sentence that says which run, and generators that are as they were."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch import compare

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


def build() -> Any:
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))


def sgd(parameters: Any, rate: float = 0.1) -> Any:
    return torch.optim.SGD(parameters, lr=rate)


def batches() -> Any:
    return [(torch.ones(2, 4), torch.ones(2, 1)), (torch.zeros(2, 4), torch.ones(2, 1))]


def call(**changes: Any) -> Any:
    given: dict[str, Any] = {"factory": build, "loader": batches(), "loss": nn.MSELoss(), "optimizer": sgd}
    given |= {"seeds": 2, "steps": 4, "schemes": ["as built", "he_normal"]} | changes
    return compare(given.pop("factory"), given.pop("loader"), given.pop("loss"), given.pop("optimizer"), **given)


SHARED = build()
LAYER = nn.Linear(4, 3)
OTHERS = nn.Linear(2, 2)


class Failing(nn.Module):
    """Fails in its third step."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(4, 1), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("no\nway")
        return self.linear(x)


class InPlace(nn.Module):
    """Writes into its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x: Any) -> Any:
        return self.linear(x.mul_(2))


class Broken(torch.optim.SGD):
    """Cannot step."""

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002  # what an optimizer takes
        raise ArithmeticError("stuck")


class Once:
    """Is gone through once, without being an iterator."""

    def __init__(self) -> None:
        self.left = batches()

    def __iter__(self) -> Any:
        while self.left:
            yield self.left.pop()


def failing_loader() -> Any:
    class Data:
        def __iter__(self) -> Any:
            yield batches()[0]
            raise OSError("disk gone")

    return Data()


def scheme_that_fails(_model: Any, _seed: int) -> None:
    raise KeyError("weight")


def unlike_each_time(_seed: int) -> Any:
    unlike_each_time.count += 1  # type: ignore[attr-defined]
    return [(torch.full((2, 4), float(unlike_each_time.count)), torch.ones(2, 1))]  # type: ignore[attr-defined]


unlike_each_time.count = 0  # type: ignore[attr-defined]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a module as factory": (
        {"factory": build()},
        "`factory` must be a function that builds a model, called once for each run, got 'Sequential'",
    ),
    "no model": ({"factory": lambda: 3}, "`factory` must return a `torch.nn.Module`, got 'int'"),
    "a factory that fails": (
        {"factory": lambda: nn.Linear(-1, 2)},
        "the factory fails: RuntimeError: ",
    ),
    "nothing trainable": (
        {"factory": lambda: build().requires_grad_(False)},
        "`model` must have a trainable parameter, and it has none",
    ),
    "meta": (
        {"factory": lambda: nn.Linear(4, 1, device="meta")},
        "`factory` must return a model with memory, and its `weight` is on the meta device; `to_empty`",
    ),
    "one model for all": (
        {"factory": lambda: SHARED},
        (
            "scheme 'as built', seed 0: `factory` must build a new model whenever it is called, and two of its models "
            "share parameters: each run would go on where the one before ended"
        ),
    ),
    "one layer for all": (
        {"factory": lambda: nn.Sequential(LAYER, nn.Linear(3, 1))},
        "two of its models share parameters",
    ),
    "a number as loader": (
        {"loader": 3},
        "`loader` must be a `DataLoader`, a list of batches or another iterable, got 3",
    ),
    "an iterator": (
        {"loader": iter(batches())},
        (
            "`loader` must give its batches as often as there are runs, and an iterator gives them once; a list, a "
            "`DataLoader`, or a function from the seed to batches does"
        ),
    ),
    "a function to an iterator": (
        {"loader": lambda _seed: iter(batches())},
        "scheme 'as built', seed 0: `loader(seed)` must give its batches as often as there are runs",
    ),
    "no batches": (
        {"loader": []},
        (
            "scheme 'as built', seed 0, step 0: `loader` must give one batch or more whenever it is gone through, and "
            "gives none"
        ),
    ),
    "exhausted": ({"loader": Once()}, "scheme 'as built', seed 0, step 2: `loader` must give one batch or more"),
    "a loader that fails": ({"loader": failing_loader()}, "seed 0, step 1: the loader fails: OSError: disk gone"),
    "batches that differ": (
        {"loader": unlike_each_time},
        (
            "scheme 'he_normal', seed 0, step 0: `loader` must give all runs of a seed the same batches, and gives "
            "this one another, or the model writes into its inputs; a function from the seed to batches can draw them "
            "by it; workers draw anew for each run with `persistent_workers=False`; inputs are cloned before "
            "`inplace=True`"
        ),
    ),
    "inputs written to": (
        {"factory": InPlace, "loader": [(torch.ones(2, 4), torch.ones(2, 1))], "steps": 2},
        "or the model writes into its inputs",
    ),
    "no pairs": (
        {"loader": [torch.ones(2, 4)]},
        (
            "scheme 'as built', seed 0, step 0: `loader` must give pairs (inputs, targets), as the loss compares both; "
            "`loss=None` takes the model's own loss, and `forward` computes it from any batch"
        ),
    ),
    "a number as loss": ({"loss": 3}, "`loss` must be a function of outputs and targets, or None, got 3"),
    "no tensor": ({"loss": lambda _o, _t: 3.0}, "seed 0, step 0: `loss` must return a tensor, got 3.0"),
    "many losses": (
        {"loss": nn.MSELoss(reduction="none")},
        "`loss` must return a tensor of one number, as `reduction='mean'` does, got [2, 1]",
    ),
    "no gradient": (
        {"loss": lambda _o, t: t.mean()},
        ("scheme 'as built', seed 0, step 0: no gradient comes back: the loss depends on no trainable parameter"),
    ),
    "no own loss": (
        {"loss": None, "loader": [torch.ones(2, 4)], "factory": lambda: nn.LSTM(4, 3)},
        (
            "`loss` must be given where the model returns none as `loss`, and it returns, got 'tuple'; models of "
            "transformers return one if the batch has `labels`"
        ),
    ),
    "forward and loss": (
        {"forward": lambda _model, _batch: 0},
        "`loss` must be None beside `forward`, which returns the loss, got MSELoss()",
    ),
    "no forward": ({"loss": None, "forward": 3}, "`forward` must be a function of a model and a batch, got 3"),
    "forward to no tensor": (
        {"loss": None, "forward": lambda _model, _batch: None},
        "`forward` must return a tensor, got None",
    ),
    "an optimizer": (
        {"optimizer": torch.optim.SGD(OTHERS.parameters(), lr=0.1)},
        (
            "`optimizer` must be a function that makes an optimizer of the parameters, as each run has its own, got "
            "'SGD'; `lambda parameters: torch.optim.Adam(parameters, lr=1e-3)`"
        ),
    ),
    "no optimizer": (
        {"optimizer": list},
        "`optimizer` must make a `torch.optim.Optimizer` of the parameters, got 'list'",
    ),
    "no optimizer of a rate": (
        {"optimizer": lambda _parameters, rate: rate, "rates": [0.5]},
        "`optimizer` must make a `torch.optim.Optimizer` of the parameters and the rate, got 'float'",
    ),
    "an optimizer that cannot be made": (
        {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=-1.0)},
        "the function that makes the optimizer fails: ValueError: Invalid learning rate: -1.0",
    ),
    "other parameters": (
        {"optimizer": lambda _parameters: sgd(OTHERS.parameters())},
        "`optimizer` must hold parameters of the model that it is given, and holds others",
    ),
    "a step that fails": (
        {"optimizer": lambda parameters: Broken(parameters, lr=0.1)},
        "scheme 'as built', seed 0, step 0: the step of the optimizer fails: ArithmeticError: stuck",
    ),
    "one scheme's name": (
        {"schemes": "he_normal"},
        "`schemes` must be a list of schemes, or a mapping from labels to them, got 'he_normal'",
    ),
    "no schemes": ({"schemes": []}, "`schemes` must have one scheme or more, and is empty"),
    "two of a name": (
        {"schemes": ["auto", "he_normal", "auto"]},
        (
            "`schemes[2]` must have a name of its own among the schemes, got 'auto'; a mapping from labels to schemes "
            "gives them names"
        ),
    ),
    "an unknown scheme": (
        {"schemes": {"He": "he_norml"}},
        "in the scheme 'He': `scheme` ",
    ),
    "an unknown pattern": (
        {"schemes": [{"0.wieght": 0.0}]},
        "in the scheme 'rules': `scheme['0.wieght']` must fit the name of some parameter; did you mean '0.weight'?",
    ),
    "a scheme that fails": (
        {"schemes": [scheme_that_fails]},
        "scheme 'scheme_that_fails', seed 0: the function of the scheme fails: KeyError: 'weight'",
    ),
    "steps": ({"steps": 0}, "`steps` must be a positive integer, got 0"),
    "seeds": ({"seeds": -1}, "`seeds` must be a positive integer, got -1"),
    "no seeds": ({"seeds": []}, "`seeds` must be how many seeds there are, or a list with one or more, got []"),
    "a seed": ({"seeds": [0, 2**30]}, "`seeds[1]` must be an integer from 0 to 2^30 - 1, got 1073741824"),
    "a seed twice": ({"seeds": [4, 4]}, "`seeds[1]` must be there once, got 4"),
    "no rates": ({"rates": []}, "`rates` must be a list with one learning rate or more, got []"),
    "a rate": ({"rates": [0.1, 0]}, "`rates[1]` must be a finite number above 0, got 0"),
    "a rate twice": ({"rates": [0.1, 0.1]}, "`rates[1]` must be there once, got 0.1"),
    "rates of one seed": (
        {"rates": [0.1, 0.2], "seeds": 1},
        "`seeds` must be 2 or more with rates: one to choose a rate and one to compare, got 1",
    ),
    "a model that fails": (
        {"factory": Failing},
        "scheme 'as built', seed 0, step 2: the forward pass fails: RuntimeError: no way",
    ),
    "a model that fails at a rate": (
        {"factory": Failing, "rates": [0.25]},
        "scheme 'as built', rate 0.25, seed 0, step 2: the forward pass fails: RuntimeError: no way",
    ),
    "an evaluation": (
        {"evaluation": 3},
        "`evaluation` must be a `DataLoader`, a list of batches or another iterable, got 3",
    ),
    "an evaluation without batches": (
        {"evaluation": []},
        "`evaluation` must give one batch or more whenever it is gone through, and gives none",
    ),
    "an evaluation to no number": (
        {"evaluation": lambda _model: "good"},
        "scheme 'as built', seed 0: `evaluation` must return one number, of which less is better, got 'good'",
    ),
    "an evaluation that fails": (
        {"evaluation": lambda model: model.nothing},
        "scheme 'as built', seed 0: the evaluation fails: AttributeError: ",
    ),
    "a device": ({"device": "cuda:99"}, "`device` must be a device that this machine has ("),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_a_sentence(what: str) -> None:
    changes, sentence = REFUSED[what]
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with pytest.raises(FirstdrawError) as error:
        call(**changes)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_scheme_is_refused_before_anything_is_trained() -> None:
    built: list[int] = []

    def counted() -> Any:
        built.append(1)
        return build()

    with pytest.raises(InputError, match="did you mean 'he_normal'"):
        call(factory=counted, schemes=["as built", "he_norml"])
    assert len(built) == 1


def test_the_user_s_own_exception_is_the_cause() -> None:
    with pytest.raises(FirstdrawError) as error:
        call(factory=Failing)
    assert isinstance(error.value.__cause__, RuntimeError)


def test_models_that_share_what_is_not_trained_are_no_mistake() -> None:
    frozen = nn.Linear(4, 4).requires_grad_(False)
    call(factory=lambda: nn.Sequential(frozen, nn.Linear(4, 1)), schemes=["as built"])


def test_a_comparison_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FirstdrawError):
        call(factory=Failing, store=tmp_path / "runs.db", steps=2, schemes=["nothing"])
    assert list(tmp_path.iterdir()) == []


def test_without_pytorch_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Callable[[], Any] = build
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FirstdrawError, match="needs PyTorch, which is not installed"):
        compare(given, [], None, sgd)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

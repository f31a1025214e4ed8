"""What a repair says of itself, and what `repair` refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch import Repair, repair
from firstdraw.torch.remedies import REMEDIES

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

X = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))


def deep(depth: int = 16) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(*(part for _ in range(depth) for part in (nn.Linear(16, 16), nn.ReLU())), nn.Linear(16, 3))


def wide(law: Any = None) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    if law is not None:
        for layer in model[::2]:
            law(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


class Logarithm(nn.Module):
    def forward(self, x: Any) -> Any:
        return (x - x.detach()).log()


def test_a_repair_is_told_by_parameter_with_the_proof() -> None:
    found = repair(wide(nn.init.zeros_), X)
    assert isinstance(found, Repair)
    assert (
        found.verdict == "Repaired by analytic gains, 2 of 4 parameters changed: a second check finds a healthy start"
    )
    lines = str(found).splitlines()
    assert lines[0] == f"{found.verdict}."
    assert lines[2].startswith("before: broken: unbroken symmetry. ")
    assert lines[3].startswith("before: warning: born-dead network. ")
    assert lines[4].startswith("after: good: healthy. ")
    assert lines[6].split() == ["parameter", "before", "change", "after", "why"]
    assert lines[7].startswith("0.weight   all 0   N(0, 0.353553²)  rms ")
    assert "all its numbers were 0, as was their gradient; ReLU follows, by the traced graph" in lines[7]
    first, second = found.changes
    assert (first.name, first.shape, first.before) == ("0.weight", (32, 16), "all 0")
    assert str(first.source).startswith("He")
    assert second.code == ('torch.nn.init.normal_(model.get_parameter("2.weight"), std=0.176777, generator=generator)',)


def test_a_factor_says_which_law_it_reaches() -> None:
    found = repair(deep(), X)
    assert found.remedy == "analytic gains"
    change = found.changes[0]
    assert change.action.startswith("x 2.4")
    assert change.reason == "N(0, 0.353553²) is asked for: ReLU follows, by the traced graph"
    assert (change.before[:4], change.after) == ("rms ", "rms 0.3536")


def test_the_document_holds_both_checks_and_the_code() -> None:
    found = repair(wide(nn.init.zeros_), X, seed=5)
    document = json.loads(found.to_json())
    assert document["schema"] == "firstdraw.repair/1"
    assert (document["healthy"], document["remedy"], document["left"]) == (True, "analytic gains", [])
    assert document["seed"] == 5
    assert [one["parameter"] for one in document["changes"]] == ["0.weight", "2.weight"]
    assert set(document["changes"][0]) == {"parameter", "shape", "before", "change", "after", "why", "source", "code"}
    assert document["code"] == found.code
    assert document["before"]["findings"][0]["cause"] == "unbroken symmetry"
    assert document["after"]["findings"][0]["cause"] == "healthy"
    assert "manual_seed(5)" in found.code


def test_the_page_escapes_and_holds_the_code() -> None:
    page = repair(wide(nn.init.zeros_), X)._repr_html_()
    assert page.startswith("<div><p>Repaired by analytic gains")
    assert "<b>before: unbroken symmetry.</b>" in page
    assert "<td>0.weight</td>" in page
    assert "model.get_parameter(&quot;0.weight&quot;)" in page
    assert "<table>" not in repair(wide(), X)._repr_html_()


def test_nothing_to_repair() -> None:
    found = repair(wide(), X)
    assert (found.remedy, found.changes, found.left, found.healthy) == ("", (), (), True)
    assert found.verdict == "Nothing to repair: the start is healthy"
    assert json.loads(found.to_json())["remedy"] is None


def test_data_are_to_be_mended_first() -> None:
    broken = X.clone()
    broken[0, 0] = torch.nan
    found = repair(wide(nn.init.zeros_), broken)
    assert found.verdict == (
        'Nothing was changed: no initialization mends "inputs not finite" of args[0]; leave out the examples they '
        "belong to, or fill in what is missing, before training"
    )
    assert not found.healthy


def test_architecture_is_told_after_all_remedies_were_tried() -> None:
    torch.manual_seed(0)
    found = repair(nn.Sequential(nn.Linear(16, 8), Logarithm(), nn.Linear(8, 2)), X)
    names = ", ".join(remedy.name for remedy in REMEDIES)
    assert found.verdict.startswith(
        f'Nothing was changed: no initialization that was tried ({names}) mends "exploding signal", which then lies in '
        f"the architecture or the data; use a law"
    )
    assert [finding.cause for finding in found.left] == ["exploding signal"]
    assert found.code.startswith("# Nothing was changed: ")


class Unused(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.unused = inner, nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.inner(x)


def test_what_no_initialization_mends_is_left_and_told_beside_a_repair() -> None:
    found = repair(Unused(wide(nn.init.zeros_)), X)
    assert found.verdict.startswith(
        "Repaired by analytic gains, 2 of 6 parameters changed: a second check finds nothing but "
        '"no gradient at the start", which no initialization mends; use them in the forward pass'
    )
    assert (found.left, found.healthy) == ((), False)


class Half(nn.Module):
    """A broken half beside one that only the architecture spoils."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mended, self.first, self.log, self.last = (
            wide(nn.init.zeros_),
            nn.Linear(16, 8),
            Logarithm(),
            nn.Linear(8, 3),
        )

    def forward(self, x: Any) -> Any:
        return self.mended(x), self.last(self.log(self.first(x)))


def test_what_is_better_but_not_well_is_kept_and_told() -> None:
    found = repair(Half(), X)
    assert found.verdict.startswith("Better by ")
    assert ' but not repaired: left is "exploding signal"; ' in found.verdict
    assert {"mended.0.weight", "mended.2.weight"} <= {change.name for change in found.changes}
    assert [finding.cause for finding in found.left] == ["exploding signal"]


def test_a_learning_rate_alone_changes_no_ordinary_weights() -> None:
    model = wide()
    found = repair(model, X, optimizer=torch.optim.SGD(model.parameters(), lr=1000.0))
    assert found.changes == ()
    assert 'mends "learning rate too large"' in found.verdict


REFUSED = {
    "no module": (lambda: repair(None, X), "`model` must be a `torch.nn.Module`, got None"),
    "expanded": (lambda: repair(expanded(), X), "`0.weight` must have an own place in memory for every number"),
    "a seed": (lambda: repair(wide(), X, seed=-1), "`seed` must be an integer from 0 to 2^64 - 1"),
    "its own error": (lambda: repair(wide(), X[:, :3]), "the model fails in its forward pass, in `0` (Linear)"),
}


def expanded() -> Any:
    model = wide(nn.init.zeros_)
    model[0].weight = nn.Parameter(torch.zeros(1, 16).expand(32, 16))
    return model


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_sentence(name: str) -> None:
    call, sentence = REFUSED[name]
    with pytest.raises(FirstdrawError) as caught:
        call()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_split_is_refused_by_the_name_of_a_parameter(mesh: Any) -> None:
    model = torch.distributed.fsdp.fully_shard(wide(nn.init.zeros_), mesh=mesh)
    with pytest.raises(InputError) as caught:
        repair(model, X)
    assert caught.value.path == "0.weight"
    assert str(caught.value) == (
        "`0.weight` must be in one piece, and is split among processes; repair the model before it is split"
    )
    assert not any(bool(parameter.full_tensor().any()) for parameter in model[0::2].parameters() if parameter.ndim > 1)

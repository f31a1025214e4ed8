"""Runs of a comparison in the experiments' store: found again, gone on with, whole, and told by what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.experiments.store import Finished, ModelRun, Store, Wanted, check, salvage, this_process
from firstdraw.torch import Comparison, compare
from firstdraw.torch.comparison.code import of_callable

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

BATCHES = [(torch.eye(4), torch.ones(4, 1)), (torch.eye(4) * 2, torch.zeros(4, 1))]


@dataclass(slots=True)
class Factory:
    """Counts its models; some of them fail. What lies in slots is no part of what it is known by."""

    hidden: int = 5
    fails_at: int = -1
    error: BaseException = field(default_factory=KeyboardInterrupt)
    built: int = 0

    def __call__(self) -> Any:
        self.built += 1
        if self.built == self.fails_at:
            raise self.error
        return nn.Sequential(nn.Linear(4, self.hidden), nn.Tanh(), nn.Linear(self.hidden, 1))


def sgd(parameters: Any, rate: float = 0.1) -> Any:
    return torch.optim.SGD(parameters, lr=rate)


def zeros(model: Any, _seed: int) -> None:
    for parameter in model.parameters():
        parameter.data.zero_()


def call(path: Path | None, factory: Callable[[], Any], **changes: Any) -> Comparison:
    given: dict[str, Any] = {"loader": BATCHES, "loss": nn.MSELoss(), "optimizer": sgd}
    given |= {"schemes": ["he_normal", "as built", zeros], "seeds": 3, "steps": 7, "store": path} | changes
    return compare(factory, given.pop("loader"), given.pop("loss"), given.pop("optimizer"), **given)


def content(found: Comparison) -> dict[Any, tuple[list[float], float]]:
    return {place: (run.loss.tolist(), run.final) for place, run in found.runs.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_runs_that_are_there_are_not_made_again(path: Path) -> None:
    first, again = Factory(), Factory()
    done: list[int] = []
    made, read = call(path, first), call(path, again, progress=done.append)
    assert (first.built, again.built) == (1 + 9, 1)
    assert content(made) == content(read) == content(call(None, Factory()))
    assert [run.seconds for run in made.runs.values()] == [run.seconds for run in read.runs.values()]
    assert sum(done) == 9 * 7
    assert made.verdict == read.verdict
    more = Factory()
    assert content(call(path, more, seeds=5, schemes={"He": "kaiming_normal", "zeros": zeros})).keys()
    assert more.built == 1 + 4, "two seeds are new, and an alias is no other scheme"


def test_one_scheme_under_two_labels_is_trained_once(path: Path) -> None:
    factory = Factory()
    found = call(path, factory, schemes={"one": "he_normal", "other": "kaiming_normal"})
    assert factory.built == 1 + 3
    assert len(found.runs) == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no memory")])
def test_what_was_made_before_an_interruption_is_kept(path: Path, error: BaseException) -> None:
    broken = Factory(fails_at=6, error=error)
    with pytest.raises((KeyboardInterrupt, FirstdrawError)):
        call(path, broken)
    with Store.read(path) as store:
        assert sum(len(store.model_runs(series)) for series in store.series()) == 4
    resumed = Factory()
    found = call(path, resumed)
    assert resumed.built == 1 + 9 - 4
    assert content(found) == content(call(None, Factory()))


def other_zeros(model: Any, _seed: int) -> None:
    for parameter in model.parameters():
        parameter.data.mul_(0)


class Loss(nn.Module):
    def forward(self, outputs: Any, targets: Any) -> Any:
        return (outputs - targets).abs().mean()


def held(scale: float) -> Callable[[Any, Any], Any]:
    return lambda outputs, targets: scale * (outputs - targets).square().mean()


DIFFERENT: dict[str, dict[str, Any]] = {
    "steps": {"steps": 8},
    "rate": {"optimizer": lambda p: torch.optim.SGD(p, lr=0.2)},
    "option": {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5)},
    "optimizer": {"optimizer": lambda p: torch.optim.Adam(p, lr=0.1)},
    "data": {"loader": [(x + 1, y) for x, y in BATCHES]},
    "loss": {"loss": nn.L1Loss()},
    "own loss": {"loss": Loss()},
    "evaluation": {"evaluation": BATCHES},
    "name": {"name": "another"},
    "model": {"factory": Factory(hidden=6)},
    "scheme": {"schemes": ["glorot_normal"]},
    "function": {"schemes": {"zeros": other_zeros}},
    "rules": {"schemes": {"rules": {"0.weight": "he_normal", "*": 0.0}}},
}


@pytest.mark.parametrize("changed", DIFFERENT)
def test_what_determines_a_run_is_part_of_its_key(changed: str, path: Path) -> None:
    call(path, Factory())
    changes = dict(DIFFERENT[changed])
    factory: Factory = changes.pop("factory", Factory())
    factory.built = 0
    call(path, factory, **changes)
    assert factory.built == 1 + 3 * len(changes.get("schemes", [0, 0, 0]))


class Scaled:
    """A loss with an attribute."""

    def __init__(self, scale: float) -> None:
        self.options = {"scale": scale}

    def __call__(self, outputs: Any, targets: Any) -> Any:
        return self.options["scale"] * (outputs - targets).square().mean()


def weighted(weights: Any) -> Callable[[Any, Any], Any]:
    return partial(lambda w, outputs, targets: (w * (outputs - targets).square()).mean(), weights)


class Forgetful:
    """A method that is the loss."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def loss(self, outputs: Any, targets: Any) -> Any:
        return (outputs - targets).square().mean() + float(self.table[0])


PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "closure": (lambda: held(1.0), lambda: held(2.0)),
    "attribute": (lambda: Scaled(1.0), lambda: Scaled(2.0)),
    "tensor": (lambda: weighted(torch.ones(4, 1)), lambda: weighted(torch.full((4, 1), 2.0))),
    "array": (lambda: Forgetful(np.zeros(3)).loss, lambda: Forgetful(np.ones(3)).loss),
    "buffer": (
        lambda: nn.BCEWithLogitsLoss(pos_weight=torch.ones(1)),
        lambda: nn.BCEWithLogitsLoss(pos_weight=torch.full((1,), 2.0)),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_what_a_function_holds_is_part_of_the_key(kind: str) -> None:
    one, other = PAIRS[kind]
    assert of_callable(one()) == of_callable(one())
    assert of_callable(one()) != of_callable(other())


def test_a_list_that_holds_itself_ends() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    assert of_callable(held(endless)) == of_callable(held(endless))  # type: ignore[arg-type]


def test_what_a_loss_holds_is_part_of_the_key_and_its_layout_is_not(path: Path) -> None:
    call(path, Factory(), loss=held(1.0))
    for loss, expected in ((held(1.0), 1), (held(2.0), 1 + 9), (lambda o, t: 1.0 * (o - t).square().mean(), 1 + 9)):
        factory = Factory()
        call(path, factory, loss=loss)
        assert factory.built == expected


def test_the_forward_code_of_a_model_is_part_of_the_key(path: Path) -> None:
    def calls(scale: bool) -> int:
        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.linear = nn.Linear(4, 1)

            if scale:

                def forward(self, x: Any) -> Any:
                    return self.linear(x) * 2

            else:

                def forward(self, x: Any) -> Any:
                    return self.linear(x)

        built: list[int] = []

        def factory() -> Any:
            built.append(1)
            return Model()

        call(path, factory, schemes=["as built"], seeds=1)
        return len(built)

    assert [calls(scale=False), calls(scale=False), calls(scale=True), calls(scale=True)] == [2, 1, 2, 1]


def test_the_keys_are_the_same_in_another_process(path: Path) -> None:
    """Sets and addresses are another in each process; nothing of them may be in a key."""
    code = (
        "import sys, torch, firstdraw.torch as f; built = []\n"
        "def make():\n    built.append(1)\n    return torch.nn.Linear(4, 1)\n"
        "def loss(o, t):\n    assert 'x' not in {'a', 'b', 'c', 'd'}\n    return (o - t).square().mean()\n"
        "data = [(torch.eye(4), torch.ones(4, 1))]\n"
        "f.compare(make, data, loss, lambda p: torch.optim.Adam(p), seeds=2, steps=3, store=sys.argv[1],\n"
        "          schemes=['auto', {'*': 'he_normal'}], forward=None)\n"
        "print(len(built))"
    )
    counts = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert counts == ["5", "1"]


def command(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "firstdraw", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    return done.stdout


def test_the_store_is_checked_salvaged_listed_and_exported_with_such_runs(path: Path, tmp_path: Path) -> None:
    found = call(path, Factory(), name="eyes")
    assert (check(path).runs, check(path).damage) == (9, ())
    into = tmp_path / "saved.db"
    assert salvage(path, into).runs == 9
    again = Factory()
    assert content(call(into, again, name="eyes")) == content(found)
    assert again.built == 1
    told = " ".join(command("status", str(path)).split())
    assert "9 runs of 3 series." in told
    assert "he_normal: eyes, Sequential of 31 parameters," in told
    assert "as built: eyes" in told
    listed = json.loads(command("status", str(path), "--json"))
    assert {one["task_description"]["name"] for one in listed["series"]} == {"eyes"}
    exported = command("export", str(path), "--csv", str(tmp_path / "runs.csv"))
    assert "runs.csv: 0 runs" in exported
    assert "Left out: 9 runs of models of PyTorch, which `Comparison.to_json` has." in exported


def test_a_run_that_another_process_is_at_work_on_is_waited_for(path: Path) -> None:
    """The other process is played by this one: it claims a run, and stores it when the comparison waits."""
    call(path, Factory(), seeds=1)
    made = ModelRun(np.arange(7.0), 3.5, 1.0)
    with Store.open(path) as store:
        series = next(one for one in store.series() if one.weights == "as built")
        others = Wanted(series, (1,))
        assert store.claim([others], this_process(), time.time()) == (others,)
    results: list[Comparison] = []
    waiting = Thread(target=lambda: results.append(call(path, Factory(), seeds=2)))
    waiting.start()
    with Store.open(path) as store:
        while waiting.is_alive() and sum(item.runs for item in store.summary()) < 5:
            time.sleep(0.02)
        store.put([Finished(others, [made])])
    waiting.join(timeout=60)
    (run,) = (run for place, run in results[0].runs.items() if (place.label, place.seed) == ("as built", 1))
    assert (run.loss.tolist(), run.final) == (made.loss.tolist(), made.final)
    with Store.read(path) as store:
        assert sum(item.claimed for item in store.summary()) == 0


def test_damage_is_refused_and_not_read(path: Path) -> None:
    found = call(path, Factory())
    run = next(iter(found.runs.values()))
    blob, wrong = run.laid_out(), bytearray(run.laid_out())
    wrong[3] ^= 1
    path.write_bytes(path.read_bytes().replace(blob, bytes(wrong)))
    with pytest.raises(FirstdrawError, match="is damaged: the run of task"):
        call(path, Factory())
    assert check(path).runs == 8


def test_runs_are_laid_out_and_read_out_bit_for_bit() -> None:
    bits = np.random.default_rng(0).integers(0, 2**64, 50, np.uint64).view(np.float64)
    run = ModelRun(np.concatenate([bits, [np.nan, np.inf, -0.0]]), np.inf, 1.5)
    read = ModelRun.read_out(run.laid_out())
    assert read.laid_out() == run.laid_out()
    assert (read.diverged, read.seconds) == (True, 1.5)


def test_a_folder_that_is_not_there_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    factory = Factory()
    with pytest.raises(FirstdrawError, match=r"its folder .* does not exist"):
        call(tmp_path / "nowhere" / "runs.db", factory)
    assert factory.built == 1


def test_nothing_is_stored_of_a_call_that_is_refused(path: Path) -> None:
    with pytest.raises(InputError):
        call(path, Factory(), schemes=["he_normal", "he_norml"])
    assert not path.exists()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

"""A comparison's runs against loops written by hand, their pairing, and what is made of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from firstdraw.torch import Comparison, compare, initialize

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

STEPS, SEEDS = 24, 3


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def examples(count: int = 64) -> tuple[Any, Any]:
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(5))
    return x, (x[:, :1] * x[:, 1:2]).tanh()


def batches() -> list[tuple[Any, Any]]:
    x, y = examples()
    return list(zip(x.split(16), y.split(16), strict=True))


def small() -> Any:
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 1))


def plain() -> Any:
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))


def adam(parameters: Any, rate: float = 0.01) -> Any:
    return torch.optim.Adam(parameters, lr=rate)


def losses(found: Comparison) -> dict[tuple[str, float | None, int], list[float]]:
    return {(place.label, place.rate, place.seed): run.loss.tolist() for place, run in found.runs.items()}


def by_hand(build: Callable[[], Any], seed: int, write: Callable[[Any], object], loader: Any) -> list[float]:
    """A plain loop of PyTorch's, with the seeds that the documentation names."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    model = build()
    write(model)
    optimizer = adam(model.parameters())
    torch.manual_seed(seed + 2**30)
    found: list[float] = []
    while len(found) < STEPS:
        for x, y in loader:
            if len(found) == STEPS:
                break
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


def test_the_runs_are_those_of_a_loop_written_by_hand_bit_for_bit() -> None:
    def mine(model: Any, seed: int) -> None:
        torch.nn.init.normal_(model[0].weight, std=0.1 + seed)

    schemes: dict[str, Any] = {"as built": "as built", "he": "he_normal", "mine": mine}
    found = losses(compare(small, batches(), nn.MSELoss(), adam, schemes=schemes, seeds=SEEDS, steps=STEPS))
    for seed in range(SEEDS):
        writes: dict[str, Callable[[Any], object]] = {
            "as built": lambda _model: None,
            "he": lambda model, seed=seed: initialize(model, "he_normal", seed=seed),
            "mine": lambda model, seed=seed: mine(model, seed),
        }
        for label, write in writes.items():
            assert found[label, None, seed] == by_hand(small, seed, write, batches()), (label, seed)


def test_a_shuffled_loader_gives_the_order_of_its_own_generator() -> None:
    data = torch.utils.data.TensorDataset(*examples())
    generator = torch.Generator().manual_seed(99)
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True, generator=generator)
    before = generator.get_state()
    found = losses(compare(small, loader, nn.MSELoss(), adam, schemes=["as built"], seeds=[4], steps=STEPS))
    assert torch.equal(generator.get_state(), before)
    generator.manual_seed(4 + 2**31)
    assert found["as built", None, 4] == by_hand(small, 4, lambda _model: None, loader)


class Watched:
    """Examples with noise from all three generators of the process; what was given is kept."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: int) -> Any:
        noise = random.random() + np.random.rand() + torch.rand(())  # noqa: NPY002, S311
        x = torch.full((3,), float(i)) + noise
        self.given.append(x)
        return x, x[:1] / 20


class Greedy(nn.Module):
    """Draws as many random numbers as its weights say, as routed models do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        count = int(self.linear.weight.detach().abs().sum() * 10)
        torch.rand(1 + count)
        np.random.rand(1 + count)  # noqa: NPY002
        random.random()  # noqa: S311
        return self.linear(x / 20)


def test_all_schemes_of_a_seed_see_the_same_batches_whatever_the_models_draw() -> None:
    data = Watched()
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    schemes: dict[str, Any] = {"built": "as built", "wide": lambda model, _seed: model.linear.weight.data.mul_(9)}
    compare(Greedy, loader, nn.MSELoss(), adam, schemes=schemes, seeds=2, steps=12)
    runs = torch.stack(data.given).reshape(4, -1, 3)
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[2], runs[3])
    assert not torch.equal(runs[0], runs[2])
    # In each run the epochs have orders and noise of their own.
    epochs = runs[0][:40].reshape(2, 20, 3)
    assert not torch.equal(epochs[0], epochs[1])


def test_a_loader_may_be_a_function_of_the_seed() -> None:
    asked: list[int] = []

    def loader(seed: int) -> Any:
        asked.append(seed)
        noise = torch.Generator().manual_seed(seed)
        return [(torch.randn(8, 6, generator=noise), torch.zeros(8, 1))]

    found = losses(compare(plain, loader, nn.MSELoss(), adam, schemes=["as built"], seeds=[3, 8], steps=STEPS))
    assert asked == [3, 8]
    for seed in (3, 8):
        assert found["as built", None, seed] == by_hand(plain, seed, lambda _model: None, loader(seed))


def test_two_calls_give_the_same_bits_and_leave_the_generators_as_they_were() -> None:
    def call() -> Any:
        loader = torch.utils.data.DataLoader(Watched(), batch_size=4, shuffle=True)
        return losses(compare(Greedy, loader, nn.MSELoss(), adam, schemes=["auto", "as built"], seeds=2, steps=8))

    torch.manual_seed(11)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = call()
    torch.manual_seed(11)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]  # noqa: NPY002
    with torch.no_grad():
        second = call()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert first == second


def deep() -> Any:
    parts = [part for _ in range(20) for part in (nn.Linear(10, 10), nn.ReLU())]
    return nn.Sequential(nn.Linear(6, 10), nn.ReLU(), *parts, nn.Linear(10, 1))


@pytest.fixture(scope="module")
def of_depth() -> Comparison:
    return compare(
        deep, batches(), nn.MSELoss(), lambda p: adam(p, 2e-3), schemes=["as built", "he_normal"], seeds=8, steps=60
    )


def test_rectifiers_of_depth_20_train_better_from_he_with_certainty(of_depth: Comparison) -> None:
    best, other = of_depth.rows
    assert (best.group, best.label, other.group, other.label) == (1, "he_normal", 2, "as built")
    assert other.p is not None
    assert other.p < 0.05
    assert other.worse is not None
    assert other.worse >= 7
    assert other.difference is not None
    assert other.difference.low > 0
    assert best.steps.value < other.steps.value
    assert of_depth.verdict.startswith("as built is worse than he_normal (p = ")
    assert "Nothing is certain" not in of_depth.verdict


def test_the_table_is_what_the_losses_say(of_depth: Comparison) -> None:
    """The second road: medians, differences, first passages and the exact test, counted out of the losses."""
    runs = losses(of_depth)
    ends = {label: [np.mean(runs[label, None, seed][-3:]) for seed in range(8)] for label in ("as built", "he_normal")}
    best, other = of_depth.rows
    assert best.final.value == pytest.approx(np.median(ends["he_normal"]), rel=1e-14)
    assert other.final.value == pytest.approx(np.median(ends["as built"]), rel=1e-14)
    differences = np.subtract(ends["as built"], ends["he_normal"])
    assert other.difference is not None
    assert other.difference.value == pytest.approx(np.median(differences), rel=1e-12)
    assert other.worse == int(np.sum(differences > 0))
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    against = int(ranks[differences < 0].sum())
    signs = ((np.arange(256)[:, np.newaxis] >> np.arange(8)) & 1) @ np.arange(1, 9)
    assert other.p == pytest.approx(2 * np.mean(signs <= against))
    level = of_depth.judgment.level
    first = min(np.median([runs[label, None, seed][0] for seed in range(8)]) for label in ends)
    last = min(np.median(values) for values in ends.values())
    assert level == pytest.approx(last + 0.1 * (first - last), rel=1e-14)
    reached: list[float] = []
    for seed in range(8):
        curve = runs["he_normal", None, seed]
        below = [step for step in range(60) if np.mean(curve[max(0, step - 2) : step + 1]) <= level]
        reached.append(below[0] if below else math.inf)
    assert best.steps.value == sorted(reached)[3]
    assert of_depth.steps_to(level)["he_normal"].median.value == best.steps.value


def test_five_seeds_are_too_few_and_the_verdict_says_so(of_depth: Comparison) -> None:
    few = Comparison(
        title="",
        measure="last loss",
        steps=60,
        runs={place: run for place, run in of_depth.runs.items() if place.seed < 5},
    )
    assert few.rows[1].p is not None
    assert few.rows[1].p >= 1 / 16
    assert few.verdict.startswith("Nothing is certain at 95 %: no two schemes are told apart. ")
    assert "that takes 6 seeds or more" in few.verdict
    assert "with 5 seeds its p is 1/16 at least, and 1/16 once it is corrected for 1 test." in few.verdict
    assert "he_normal ends lower than as built with " in few.verdict


def test_one_seed_tells_nothing_apart(of_depth: Comparison) -> None:
    runs = {place: run for place, run in of_depth.runs.items() if place.seed == 0}
    one = Comparison(title="", measure="last loss", steps=60, runs=runs)
    assert one.rows[1].p == 1
    assert "with 1 seed its p is 1 at least, and 1 once it is corrected for 1 test." in one.verdict


def test_equal_schemes_are_not_told_apart() -> None:
    schemes = {"one": "he_normal", "other": "kaiming_normal"}
    found = compare(plain, batches(), nn.MSELoss(), adam, schemes=schemes, seeds=8, steps=10)
    assert [row.group for row in found.rows] == [1, 1]
    assert found.rows[1].p == 1
    assert "one and other end alike with every seed." in found.verdict


def test_schemes_that_differ_by_chance_alone_are_not_told_apart() -> None:
    def drawn(model: Any, seed: int) -> None:
        torch.manual_seed(seed + 1000)
        for parameter in model.parameters():
            parameter.data.copy_(torch.randn_like(parameter) / 3)

    def drawn_again(model: Any, seed: int) -> None:
        drawn(model, seed + 500)

    found = compare(plain, batches(), nn.MSELoss(), adam, schemes=[drawn, drawn_again], seeds=8, steps=20)
    assert "Nothing is certain at 95 %" in found.verdict
    assert {row.group for row in found.rows} == {1}


def test_a_run_that_diverges_is_a_result() -> None:
    def huge(model: Any, _seed: int) -> None:
        model[0].weight.data.fill_(1e30)
        model[-1].weight.data.fill_(1e30)

    built: list[int] = []

    def build() -> Any:
        built.append(1)
        return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))

    done: list[int] = []
    found = compare(
        build, batches(), nn.MSELoss(), adam, schemes=["he_normal", huge], seeds=7, steps=STEPS, progress=done.append
    )
    best, other = found.rows
    assert (best.label, best.failed, other.label, other.failed) == ("he_normal", 0, "huge", 7)
    assert other.final.value == math.inf
    assert math.isinf(other.steps.value)
    assert "huge is worse than he_normal" in found.verdict
    runs = [run for place, run in found.runs.items() if place.label == "huge"]
    assert all(run.diverged and run.outcome.step == 0 and np.isnan(run.loss[1:]).all() for run in runs)
    assert sum(done) == 2 * 7 * STEPS
    assert len(built) == 1 + 2 * 7


def test_a_model_that_refuses_what_diverged_has_diverged() -> None:
    class Strict(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 1)

        def forward(self, x: Any) -> Any:
            if not self.linear.weight.isfinite().all():
                raise ValueError("no number")
            return self.linear(x)

    found = compare(
        Strict, batches(), nn.MSELoss(), lambda p: torch.optim.SGD(p, lr=1e38), schemes=["as built"], seeds=1, steps=9
    )
    (run,) = found.runs.values()
    assert run.diverged
    assert 0 < run.outcome.step < 9


def test_a_diverged_run_keeps_the_first_loss_that_is_no_number() -> None:
    found = compare(
        plain, batches(), nn.MSELoss(), lambda p: torch.optim.SGD(p, lr=1e25), schemes=["as built"], seeds=1, steps=40
    )
    (run,) = found.runs.values()
    step = run.outcome.step
    assert run.diverged
    assert np.isfinite(run.loss[:step]).all()
    assert not np.isfinite(run.loss[step])
    assert np.isnan(run.loss[step + 1 :]).all()


def test_each_scheme_is_judged_at_its_own_best_rate_on_other_seeds() -> None:
    def wide(model: Any, seed: int) -> None:
        initialize(model, "he_normal", seed=seed)
        model[-1].weight.data.mul_(30)

    rates = [1e-4, 0.01, 0.3]
    schemes: dict[str, Any] = {"he": "he_normal", "wide": wide}
    found = compare(plain, batches(), nn.MSELoss(), adam, schemes=schemes, seeds=6, steps=30, rates=rates)
    runs = losses(found)
    for row in found.rows:
        tuning = {rate: np.median([np.mean(runs[row.label, rate, s][-2:]) for s in (0, 1)]) for rate in rates}
        assert row.rate == min(tuning, key=lambda rate: tuning[rate])
        judging = [np.mean(runs[row.label, row.rate, s][-2:]) for s in (2, 3, 4, 5)]
        assert row.runs == 4
        assert row.final.value == pytest.approx(np.median(judging), rel=1e-14)
    assert "Each scheme has the rate that was best for it with 2 seeds of 6; the others compare." in found.verdict
    assert found.judgment.curves["he"].shape == (4, 30)
    same = compare(plain, batches(), nn.MSELoss(), lambda p: adam(p, 0.01), schemes=schemes, seeds=6, steps=30)
    assert all(runs[place.label, 0.01, place.seed] == run.loss.tolist() for place, run in same.runs.items())


def test_a_best_rate_at_the_end_of_the_list_is_said() -> None:
    found = compare(
        plain, batches(), nn.MSELoss(), torch.optim.SGD, schemes=["he_normal"], seeds=2, steps=20, rates=[1e-6, 1e-5]
    )
    assert "The best rate of he_normal, 1e-05, is the highest of the list: a better one may lie beyond." in (
        found.verdict
    )
    assert "There is one scheme, and nothing to compare it with." in found.verdict


def test_held_out_batches_judge_in_evaluation_mode_without_gradients() -> None:
    trained: list[Any] = []

    def build() -> Any:
        trained.append(small())
        return trained[-1]

    x, y = examples(40)
    held = [(x[:20], y[:20]), (x[20:], y[20:])]
    found = compare(build, batches(), nn.MSELoss(), adam, schemes=["as built"], seeds=2, steps=9, evaluation=held)
    assert found.measure == "evaluation"
    for model, run in zip(trained[1:], found.runs.values(), strict=True):
        assert not model.training
        assert run.final == pytest.approx(np.mean([nn.functional.mse_loss(model(a), b).item() for a, b in held]))

    def error(model: Any) -> Any:
        assert not torch.is_grad_enabled()
        return (model(x) - y).abs().mean()

    found = compare(build, batches(), nn.MSELoss(), adam, schemes=["as built"], seeds=[1], steps=9, evaluation=error)
    (run,) = found.runs.values()
    with torch.no_grad():
        assert run.final == error(trained[-1]).item()


def test_a_model_of_transformers_brings_its_own_loss(make_hugging_face: Callable[[str], Any]) -> None:
    def build() -> Any:
        return make_hugging_face("gpt2")

    def forward(model: Any, batch: Any) -> Any:
        return model(input_ids=batch, labels=batch).loss

    ids = torch.randint(0, 300, (4, 2, 12), generator=torch.Generator().manual_seed(1))
    loader = [{"input_ids": part, "labels": part} for part in ids]
    found = compare(build, loader, None, adam, schemes=["auto", "as built"], seeds=2, steps=6)
    assert all(run.loss[-1] < run.loss[0] and math.log(300) * 0.5 < run.loss[0] for run in found.runs.values())
    other = compare(build, list(ids), None, adam, schemes=["auto"], seeds=1, steps=6, forward=forward)
    assert losses(other)["auto", None, 0] == losses(found)["auto", None, 0]


def test_inputs_in_containers_are_passed_by_place_or_by_name() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 1)

        def forward(self, x: Any, scale: Any) -> Any:
            return self.linear(x) * scale

    x, y = examples(8)
    scale = torch.tensor(2.0)
    by_place = compare(Two, [((x, scale), y)], nn.MSELoss(), adam, schemes=["auto"], seeds=1, steps=5)
    by_name = compare(Two, [({"scale": scale, "x": x}, y)], nn.MSELoss(), adam, schemes=["auto"], seeds=1, steps=5)
    assert losses(by_place) == losses(by_name)

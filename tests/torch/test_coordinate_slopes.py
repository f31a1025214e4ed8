"""Slopes with their intervals, verdicts on them, and layers matched along an axis: no PyTorch needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from firstdraw.arrays import Floats
from firstdraw.diagnosis.thresholds import EXPONENT_TOLERANCE
from firstdraw.errors import InputError
from firstdraw.torch.coordinates.judging import FAULTS, allowed_exponents, verdict_on
from firstdraw.torch.coordinates.layers import MatchedLayer, Part, Role, matched
from firstdraw.torch.coordinates.measurements import LayerStep
from firstdraw.torch.coordinates.runs import Run, RunLayer
from firstdraw.torch.coordinates.scans import Axis, Scan, Size, scans_of
from firstdraw.torch.coordinates.slopes import slope_of
from firstdraw.torch.hooks import Key

SIZES = np.array([64.0, 128.0, 256.0, 512.0])


@given(
    exponents=st.lists(st.floats(-2, 2), min_size=2, max_size=9),
    sizes=st.lists(st.integers(1, 5000), min_size=3, max_size=7, unique=True).map(sorted),
    seed=st.integers(0, 2**32 - 1),
)
def test_slopes_are_those_of_a_line_through_each_seed_and_intervals_are_students(
    exponents: list[float], sizes: list[int], seed: int
) -> None:
    n = np.array(sizes, float)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(len(n), len(exponents)))
    quantity = n[:, None] ** np.array(exponents) * np.exp(noise)
    found = slope_of(n, quantity)
    assert found is not None
    slopes = [stats.linregress(np.log(n), np.log(row)).slope for row in quantity.T]
    assert found.value == pytest.approx(np.mean(slopes), abs=1e-9)
    expected = stats.ttest_1samp(slopes, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_an_interval_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0)
    scans = [np.exp(0.5 * np.log(SIZES)[:, None] + draws.normal(scale=0.3, size=(4, 5))) for _ in range(2000)]
    slopes = [slope for scan in scans if (slope := slope_of(SIZES, scan)) is not None]
    # Of 2,000 intervals 95 % hold the slope but for 4 standard deviations of a binomial number.
    assert sum(slope.low <= 0.5 <= slope.high for slope in slopes) == pytest.approx(1900, abs=4 * np.sqrt(95))


def test_a_power_of_the_size_is_found_whatever_its_factor_and_a_broken_seed_is_left_out() -> None:
    quantity = np.array([2.0, 3.0, np.nan]) * SIZES[:, None] ** 0.5
    found = slope_of(SIZES, quantity)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert str(found) == "+0.50 (+0.50 to +0.50)"


@pytest.mark.parametrize(
    "quantity",
    [
        np.ones((4, 1)),
        np.where(np.arange(4)[:, None] == 1, np.nan, np.ones((4, 3))),
        np.where(np.arange(4)[:, None] == 1, 0.0, np.ones((4, 3))),
    ],
)
def test_there_is_no_slope_without_two_seeds_or_with_a_zero(quantity: Floats) -> None:
    assert slope_of(SIZES, quantity) is None


def layer(*, role: Role = "hidden", bypassed: bool = False, part: Part = "") -> MatchedLayer:
    return MatchedLayer(
        name="h", kind="Linear", call=1, part=part, role=role, weighted=True, bypassed=bypassed, keys=(), fed_by=()
    )


def measured(
    of: MatchedLayer, signal: float, change: float | None = None, *, spread: float = 0.0, last: bool = True
) -> LayerStep:
    """A layer of which signals grow with one exponent, and changes with another, a spread about each."""
    around = np.array([-1.0, 0.0, 1.0]) * spread
    signals = SIZES[:, None] ** (signal + around)
    changes = np.zeros_like(signals) if change is None else SIZES[:, None] ** (change + around)
    return LayerStep(
        layer=of,
        step=0 if change is None else 1,
        last=last,
        signals=signals,
        changes=changes,
        signal_slope=slope_of(SIZES, signals),
        change_slope=None if change is None else slope_of(SIZES, changes),
        diverged=False,
    )


@pytest.mark.parametrize(
    ("axis", "of", "signal", "change", "verdict"),
    [
        ("width", layer(), 0.0, None, "stable"),
        ("width", layer(), 0.5, None, "grows"),
        ("width", layer(), -0.5, None, "shrinks"),
        ("width", layer(role="readout"), -0.5, None, "stable"),
        ("width", layer(role="readout"), -1.0, None, "shrinks"),
        ("width", layer(role="readout"), -0.5, 0.0, "stable"),
        ("width", layer(role="readout"), 0.0, -0.5, "learns no features"),
        ("width", layer(), 0.0, 0.5, "grows"),
        ("width", layer(), 0.0, -0.5, "learns no features"),
        ("width", layer(), -0.5, -0.5, "shrinks"),
        ("depth", layer(), 0.5, None, "grows"),
        ("depth", layer(), -0.5, None, "shrinks"),
        ("depth", layer(bypassed=True), -0.5, -1.0, "stable"),
        ("depth", layer(bypassed=True), 0.0, 0.5, "grows"),
        ("depth", layer(part="first"), -0.3, -0.5, "stable"),
        ("depth", layer(part="last"), 0.0, -0.5, "learns no features"),
    ],
)
def test_verdicts_follow_from_exponents_and_places(
    axis: Axis, of: MatchedLayer, signal: float, change: float | None, verdict: str
) -> None:
    assert verdict_on(axis, measured(of, signal, change)) == verdict


def test_a_change_may_shrink_before_the_last_step() -> None:
    early = measured(layer(), 0.0, -0.5, last=False)
    assert verdict_on("width", early) == "not yet learning"
    assert verdict_on("width", measured(layer(), 0.0, -0.3, spread=0.1, last=False)) == "stable"
    assert verdict_on("width", measured(layer(), 0.0, 0.5, last=False)) == "grows"


@given(
    exponent=st.floats(-1.5, 1.5),
    spread=st.floats(0, 0.3),
    axis=st.sampled_from(["width", "depth"]),
    role=st.sampled_from(["hidden", "readout"]),
    bypassed=st.booleans(),
)
@settings(max_examples=200)
def test_a_verdict_is_certain_when_and_only_when_its_interval_does_not_reach_over_an_edge(
    exponent: float, spread: float, axis: Axis, role: Role, bypassed: bool
) -> None:
    of = layer(role=role, bypassed=bypassed)
    one = measured(of, exponent, spread=spread)
    assert one.signal_slope is not None
    low, high = (
        edge + sign * EXPONENT_TOLERANCE for edge, sign in zip(allowed_exponents(axis, of)[0], (-1, 1), strict=True)
    )
    inside = [low <= end <= high for end in (one.signal_slope.low, one.signal_slope.high)]
    outside = one.signal_slope.low > high or one.signal_slope.high < low
    verdict = verdict_on(axis, one)
    assert (verdict == "stable") is all(inside)
    assert (verdict in FAULTS) is outside


def test_zeros_have_verdicts_of_their_own() -> None:
    zero = np.zeros((4, 3))
    at_zero = LayerStep(
        layer=layer(),
        step=1,
        last=True,
        signals=zero,
        changes=zero,
        signal_slope=None,
        change_slope=None,
        diverged=False,
    )
    assert verdict_on("width", at_zero) == "zero"
    still = measured(layer(), 0.0)
    unchanged = LayerStep(
        layer=layer(),
        step=1,
        last=True,
        signals=still.signals,
        changes=zero,
        signal_slope=still.signal_slope,
        change_slope=None,
        diverged=False,
    )
    assert verdict_on("width", unchanged) == "unchanged"
    some = np.where(np.arange(3) == 1, 0.0, still.signals)
    partly = LayerStep(
        layer=layer(),
        step=0,
        last=False,
        signals=some,
        changes=zero,
        signal_slope=slope_of(SIZES, some),
        change_slope=None,
        diverged=False,
    )
    assert verdict_on("width", partly) == "not certain"


def run(size: Size, names: list[tuple[str, str]], *, bypassed: bool = False) -> Run:
    """A run of layers with these names and kinds."""
    calls: dict[tuple[str, str], int] = {}
    layers: list[RunLayer] = []
    for name in names:
        calls[name] = calls.get(name, 0) + 1
        key: Key = (*name, calls[name])
        layers.append(RunLayer(key=key, units=1, weight=1, bypassed=bypassed, fed_by=()))
    return Run(size=size, seed=0, layers=tuple(layers), signals=(), changes=(), divergence=None, optimizer="")


def along_depth(names: dict[int, list[tuple[str, str]]], *, bypassed: bool = False) -> list[tuple[str, str, int, str]]:
    sizes = tuple(Size(None, depth) for depth in names)
    runs = [[run(size, of_size, bypassed=bypassed)] for size, of_size in zip(sizes, names.values(), strict=True)]
    found = matched(Scan("depth", sizes), runs)
    return [(one.name, one.kind, one.call, one.part) for one in found]


def test_blocks_are_matched_by_what_stands_around_their_number() -> None:
    def names(depth: int) -> list[tuple[str, str]]:
        blocks = [(f"blocks.{i}.fc{k}", "Linear") for i in range(depth) for k in (1, 2)]
        return [("stem", "Linear"), *blocks, ("head.0", "Linear"), ("head.1", "Linear")]

    found = along_depth({depth: names(depth) for depth in (1, 2, 4, 12)})
    assert found == [
        ("stem", "Linear", 1, ""),
        *[(f"blocks.*.fc{k}", "Linear", 1, part) for k in (1, 2) for part in ("first", "mean", "last")],
        ("head.0", "Linear", 1, ""),
        ("head.1", "Linear", 1, ""),
    ]
    inside = along_depth({depth: names(depth) for depth in (1, 2, 4)}, bypassed=True)
    assert ("blocks.*.fc1", "Linear", 1, "mean") in inside
    assert all(part in {"", "mean"} for *_, part in inside)


def test_stacks_inside_of_stacks_numbers_in_words_and_repeated_calls_are_matched() -> None:
    nested = along_depth(
        {depth: [(f"stage{i}.layer{j}", "Conv2d") for i in range(depth) for j in range(depth)] for depth in (1, 2, 3)}
    )
    assert {name for name, *_ in nested} == {"stage*.layer*"}
    repeated = along_depth({depth: [("cell", "Linear")] * depth for depth in (1, 2, 3)})
    assert repeated == [("cell", "Linear", 1, part) for part in ("first", "mean", "last")]
    twice = along_depth({depth: [("cell", "Linear")] * 2 for depth in (1, 2, 3)})
    assert twice == [("cell", "Linear", 1, ""), ("cell", "Linear", 2, "")]


def test_all_sums_are_one_stack() -> None:
    def names(depth: int) -> list[tuple[str, str]]:
        return [*[(f"blocks.{i}.norm", "sum") for i in range(1, depth)], ("norm", "sum")]

    found = along_depth({depth: names(depth) for depth in (1, 2, 3)})
    assert found == [("*", "sum", 1, part) for part in ("first", "mean", "last")]


def test_two_sequences_of_sizes_are_two_scans_each_at_the_smallest_of_the_other() -> None:
    width, depth = scans_of([32, 64, 128], (2, 4, 8))
    assert [str(size) for size in width.sizes] == [f"width {n} and depth 2" for n in (32, 64, 128)]
    assert [str(size) for size in depth.sizes] == [f"width 32 and depth {n}" for n in (2, 4, 8)]
    [alone] = scans_of(32, np.array([2, 4, 8]).tolist())
    assert (alone.axis, alone.sizes[0].arguments) == ("depth", ((), {"width": 32, "depth": 2}))
    [wide] = scans_of([32, 64, 128], None)
    assert wide.sizes[0].arguments == ((32,), {})


@pytest.mark.parametrize(
    ("widths", "depths", "message"),
    [
        (None, None, "`widths` must be 3 sizes or more, got None"),
        ([64, 128], None, "`widths` must be 3 sizes or more, got [64, 128]"),
        (64, None, "`widths` must be 3 sizes or more, got 64"),
        (None, 8, "`depths` must be 3 sizes or more, got 8"),
        ([64, 64, 128], None, "`widths[1]` must be larger than the one before it, 64, got 64"),
        (None, [2, 0, 4], "`depths[1]` must be a positive integer, got 0"),
        ([64, 128.5, 256], None, "`widths[1]` must be a positive integer, got 128.5"),
        (64.5, [1, 2, 3], "`widths` must be a positive integer, got 64.5"),
        (None, len, "`depths` must be a sequence of sizes, or one that is fixed, got <built-in function len>"),
    ],
)
def test_sizes_that_cannot_be_scanned_are_refused(widths: object, depths: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        scans_of(widths, depths)  # pyright: ignore[reportArgumentType]
    assert str(error.value) == message

"""Grids of specs: which cells they have, in which order, and how these are paired."""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.distributions import Normal, Uniform
from firstdraw.draws import DRAWS
from firstdraw.engine import SGD, Batches, engine_named, native
from firstdraw.experiments import (
    Grid,
    RunRecord,
    as_table,
    grid_as_table,
    grid_as_toml,
    prepare,
    prepare_cells,
    read_grid_file,
    read_grid_table,
    read_table,
    run,
    run_together,
)
from firstdraw.probes import gradient

ENGINES = ["reference", *(["native"] if native.is_built() else [])]

BASE: dict[str, Any] = {
    "seeds": 2,
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 5, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 6},
    "recording": {"every": 3},
    "initializations": [
        {"label": "normal", "weights": {"name": "normal", "standard_deviation": 1.0}},
        {"label": "He", "weights": "he_normal"},
        {"label": "Glorot", "weights": "glorot_uniform", "biases": "normal"},
    ],
}


def _grid(*axes: dict[str, Any], **parts: Any) -> Grid:
    return read_grid_table(BASE | parts | {"axes": list(axes)})


def _at(table: Any, *keys: str | int) -> Any:
    for key in keys:
        table = table[key]
    return table


# Which cells there are.


def test_tables_are_multiplied_and_the_last_varies_fastest() -> None:
    grid = _grid({"network.activation": ["relu", "tanh"]}, {"network.depth": [2, 3, 4]})
    assert [cell.label for cell in grid.cells] == [
        "activation = relu, depth = 2",
        "activation = relu, depth = 3",
        "activation = relu, depth = 4",
        "activation = tanh, depth = 2",
        "activation = tanh, depth = 3",
        "activation = tanh, depth = 4",
    ]
    assert [cell.spec.network.widths for cell in grid.cells[:3]] == [(2, 5, 1), (2, 5, 5, 1), (2, 5, 5, 5, 1)]
    assert (len(grid), grid.runs, grid.steps) == (6, 6 * 3 * 2, 6 * 3 * 2 * 6)


def test_lists_of_one_table_are_zipped() -> None:
    grid = _grid({"network.depth": [2, 3], "training.steps": [10, 20]}, {"data.noise": [0.1]})
    assert [cell.coordinates for cell in grid.cells] == [
        (("network.depth", 2), ("training.steps", 10), ("data.noise", 0.1)),
        (("network.depth", 3), ("training.steps", 20), ("data.noise", 0.1)),
    ]
    assert [(cell.spec.network.depth, cell.spec.training.steps) for cell in grid.cells] == [(2, 10), (3, 20)]


def test_a_plain_spec_is_a_grid_of_one_cell() -> None:
    grid = read_grid_table(BASE)
    assert (grid.axes, [cell.coordinates for cell in grid.cells]) == ((), [()])
    assert grid.cells[0].spec == read_table(BASE)
    assert grid == read_grid_table(BASE | {"axes": []})
    assert grid.cells[0].label == ""


# Every kind of axis: the values of a path, and where and how they stand in the cell's spec with every default.
KINDS: dict[str, tuple[str, list[Any], tuple[str | int, ...], list[Any]]] = {
    "initializer": (
        "initializations[1].weights",
        ["lecun_normal", "zeros"],
        ("initializations", 1, "weights", "name"),
        ["lecun_normal", "zeros"],
    ),
    "its argument": (
        "initializations[1].weights.slope",
        [0.0, 0.5],
        ("initializations", 1, "weights", "slope"),
        [0.0, 0.5],
    ),
    "widths": ("network.widths", [[2, 3, 1], [2, 7, 7, 1]], ("network", "widths"), [[2, 3, 1], [2, 7, 7, 1]]),
    "a width": ("network.widths[1]", [3, 4], ("network", "widths"), [[2, 3, 1], [2, 4, 1]]),
    "depth": ("network.depth", [1, 4], ("network", "widths"), [[2, 1], [2, 5, 5, 5, 1]]),
    "activation": ("network.activation", ["relu", "gelu"], ("network", "activation", "name"), ["relu", "gelu"]),
    "activation with options": (
        "network.activation",
        [{"name": "leaky_relu", "slope": 0.1}, {"name": "leaky_relu", "slope": 0.2}],
        ("network", "activation", "slope"),
        [0.1, 0.2],
    ),
    "data": ("data", ["xor", {"name": "moons", "noise": 0.1}], ("data", "name"), ["xor", "moons"]),
    "noise": ("data.noise", [0.0, 0.2], ("data", "noise"), [0.0, 0.2]),
    "optimizer": ("training.optimizer", ["momentum", "adam"], ("training", "optimizer", "name"), ["momentum", "adam"]),
    "learning rate": (
        "training.optimizer.learning_rate",
        [0.1, 1],
        ("training", "optimizer", "learning_rate"),
        [0.1, 1.0],
    ),
    "dtype": ("training.precision", ["float64", "float32"], ("training", "precision"), ["float64", "float32"]),
    "batch size": ("training.batch_size", [7, 8], ("training", "batch_size"), [7, 8]),
    "seeds": ("seeds", [1, [4, 5]], ("seeds",), [[0], [4, 5]]),
    "title": ("title", ["one", "two"], ("title",), ["one", "two"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_spec_can_be_an_axis(kind: str) -> None:
    path, values, place, expected = KINDS[kind]
    grid = _grid({path: values})
    found = [_at(as_table(cell.spec), *place) for cell in grid.cells]
    assert found == expected
    plain = as_table(read_table(BASE))
    for cell in grid.cells:
        changed = {key for key, part in as_table(cell.spec).items() if part != plain[key]}
        assert changed <= {place[0]}, "nothing else is changed"


def test_the_cells_of_all_these_axes_are_run() -> None:
    """Three axes of nine zipped paths: each cell leaves the bits that its spec leaves alone."""
    grid = _grid(
        {"network.activation": ["relu", "gelu"], "network.depth": [2, 3], "training.precision": ["float64", "float32"]},
        {
            "data": ["xor", "circles"],
            "data.noise": [0.0, 0.1],
            "initializations[1].weights": ["orthogonal", "lecun_normal"],
        },
        {"training.optimizer": ["sgd", "adam"], "training.optimizer.learning_rate": [0.5, 0.01], "seeds": [1, 2]},
    )
    assert (len(grid), grid.runs) == (8, 4 * 3 * (1 + 2))
    together = run_together(tuple(prepare_cells(grid)))
    for cell, record in zip(grid.cells, together, strict=True):
        alone = run(prepare(cell.spec))
        assert record.spec == cell.spec
        for one, other in zip(record.runs, alone.runs, strict=True):
            assert one.trajectory.cost.tobytes() == other.trajectory.cost.tobytes()
            assert one.trajectory.final.tobytes() == other.trajectory.final.tobytes()


@pytest.mark.parametrize("order", [0, 1])
def test_the_outer_of_two_values_is_put_first(order: int) -> None:
    axes = [{"training.optimizer": ["sgd", "adam"]}, {"training.optimizer.learning_rate": [0.1, 0.2]}]
    grid = _grid(*(axes[::-1] if order else axes))
    found = {tuple(as_table(cell.spec)["training"]["optimizer"].values())[:2] for cell in grid.cells}
    assert found == {("sgd", 0.1), ("sgd", 0.2), ("adam", 0.1), ("adam", 0.2)}


def test_dotted_keys_need_no_quotation_marks(tmp_path: Path) -> None:
    text = f"""
{tomli_w.dumps(BASE)}
[[axes]]
network.activation = ["relu", "tanh"]
network.widths.1 = [4, 8]

[[axes]]
training.optimizer.learning_rate = [0.1, 0.2]
"""
    quoted = {"network.activation": ["relu", "tanh"], "network.widths[1]": [4, 8]}
    (tmp_path / "grid.toml").write_text(text, encoding="utf-8")
    grid = read_grid_file(tmp_path / "grid.toml")
    assert grid == _grid(quoted, {"training.optimizer.learning_rate": [0.1, 0.2]})
    assert grid.axes[0].paths == ("network.activation", "network.widths[1]")


def test_the_grid_of_the_readme_is_a_grid() -> None:
    """Its axes beside the spec that stands above them there."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    tables = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    spec, axes = tables[0], next(table for table in tables if "axes" in table)
    grid = read_grid_table(spec | axes | {"network": spec["network"] | axes["network"]})
    assert (len(grid), grid.runs) == (3 * 3 * 2, 3 * 3 * 2 * 3 * 20)


def test_settings_change_the_grid_before_it_is_read() -> None:
    kept = deepcopy(BASE)
    grid = read_grid_table(BASE, ["axes=[{network.activation=['relu', 'gelu']}]", "training.steps=9", "seeds=3"])
    assert [type(cell.spec.network.activation).__name__ for cell in grid.cells] == ["ReLU", "GELU"]
    assert {(cell.spec.training.steps, cell.spec.seeds) for cell in grid.cells} == {(9, (0, 1, 2))}
    assert kept == BASE, "the table that was given is not changed"


def test_data_files_are_looked_for_beside_the_grid(tmp_path: Path) -> None:
    csv = {"name": "csv", "path": "a.csv", "target": "y"}
    whole = [csv, csv | {"path": str(tmp_path / "b.csv")}]
    for table in (
        BASE | {"data": csv, "axes": [{"data.path": ["a.csv", "b.csv"]}]},
        BASE | {"axes": [{"data": whole}]},
    ):
        grid = read_grid_table(table, folder=tmp_path)
        paths = [Path(as_table(cell.spec)["data"]["path"]) for cell in grid.cells]
        assert paths == [tmp_path / "a.csv", tmp_path / "b.csv"]
        assert read_grid_table(grid_as_table(grid), folder=tmp_path / "elsewhere") == grid
    beside = read_grid_table(BASE | {"data": csv}, folder=tmp_path)
    assert as_table(beside.cells[0].spec)["data"]["path"] == str(tmp_path / "a.csv")


def test_a_label_says_no_more_of_a_path_than_tells_it_from_the_others() -> None:
    grid = _grid(
        {"initializations[1].weights.slope": [0.5], "network.activation": [{"name": "leaky_relu", "slope": 0.1}]},
        {"initializations[2].weights": ["zeros"], "network.widths[1]": [4], "recording.snapshots": [[0, 2]]},
        {"initializations[0].biases": ["normal"], "initializations[1].biases": ["zeros"]},
        {"network.activation.slope": [0.25], "data": [{"name": "iris", "standardize": True}], "title": ["a b"]},
        network=BASE["network"] | {"activation": "leaky_relu"},
    )
    assert grid.cells[0].label == (
        "weights.slope = 0.5, activation = leaky_relu(slope=0.1), weights = zeros, widths[1] = 4, snapshots = [0, 2], "
        "initializations[0].biases = normal, initializations[1].biases = zeros, "
        "activation.slope = 0.25, data = iris(standardize=true), title = a b"
    )


# A number of seeds, and a depth.


@pytest.mark.parametrize(("given", "seeds"), [(1, (0,)), (20, tuple(range(20))), ([3, 1], (3, 1))])
def test_a_number_of_seeds_counts_them_from_zero(given: Any, seeds: tuple[int, ...]) -> None:
    assert read_table(BASE | {"seeds": given}).seeds == seeds


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_a_depth_repeats_the_hidden_width(depth: int) -> None:
    spec = read_table(BASE, [f"network.depth={depth}"])
    assert spec.network.depth == depth
    assert spec.network.widths == (2, *[5] * (depth - 1), 1)
    assert "depth" not in as_table(spec)["network"], "a spec holds plain widths"


def test_branches_are_repeated_over_the_depth() -> None:
    grid = _grid({"network.depth": [4, 6]}, network=BASE["network"] | {"branches": {"length": 2}})
    assert [len(cell.spec.network.branches) for cell in grid.cells] == [1, 2]


# Round trips.

# Paths whose values fit each other, whichever of them are chosen.
CLASHING = {"widths", "a width", "data", "its argument"}
POOL: dict[str, list[Any]] = {path: values for kind, (path, values, *_) in KINDS.items() if kind not in CLASHING} | {
    "training.steps": [0, 6, 12],
    "training.optimizer.learning_rate": [0.25, 1, 1e-05],
    "draws": ["counter", "numpy_legacy"],
    "recording.every": [1, 2, 3],
}


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, Any]:
    paths = draw(st.lists(st.sampled_from(sorted(POOL)), max_size=4, unique=True))
    axes: list[dict[str, Any]] = []
    while paths:
        count = draw(st.integers(1, len(paths)))
        together, paths = paths[:count], paths[count:]
        length = draw(st.integers(1, min(len(POOL[path]) for path in together)))
        axes.append({path: draw(st.permutations(POOL[path]))[:length] for path in together})
    return BASE | {"axes": axes}


@given(_tables())
def test_a_grid_comes_back_from_its_dictionary_and_its_toml(table: dict[str, Any]) -> None:
    grid = read_grid_table(table)
    assert read_grid_table(grid_as_table(grid)) == grid
    assert read_grid_table(tomllib.loads(grid_as_toml(grid))) == grid


@given(_tables())
def test_a_cell_is_the_spec_with_its_coordinates_as_settings(table: dict[str, Any]) -> None:
    grid = read_grid_table(table)
    lengths = [len(next(iter(axis.values()))) for axis in table["axes"]]
    assert len(grid) == np.prod(lengths, dtype=int)
    for number, cell in enumerate(grid.cells):
        places = np.unravel_index(number, lengths) if lengths else ()
        coordinates = [
            (path, values[place])
            for axis, place in zip(table["axes"], places, strict=True)
            for path, values in axis.items()
        ]
        assert list(cell.coordinates) == coordinates
        settings = [tomli_w.dumps({"x": value}).strip() for _, value in coordinates]
        outer_first = sorted(
            (f"{path}{text[1:]}" for (path, _), text in zip(coordinates, settings, strict=True)),
            key=lambda setting: setting.partition(" =")[0].count("."),
        )
        if all("\n" not in setting for setting in outer_first):
            plain = {key: part for key, part in table.items() if key != "axes"}
            assert read_table(plain, outer_first) == cell.spec


def test_what_has_no_value_is_left_out_of_the_toml() -> None:
    grid = _grid({"network.depth": [2]}, training=BASE["training"] | {"batch_size": None})
    assert "batch_size" not in grid_as_table(grid)["training"]
    assert read_grid_table(tomllib.loads(grid_as_toml(grid))) == grid


# Pairing.

PAIRED = (
    {"network.activation": ["relu", "tanh"]},
    {"network.depth": [2, 4], "training.optimizer.learning_rate": [0.5, 0.125]},
    {"data.noise": [0.0, 0.1]},
)


def test_cells_of_one_recipe_share_the_data_and_the_split() -> None:
    prepared = list(prepare_cells(_grid(*PAIRED)))
    by_noise = {noise: [item for item in prepared if item.spec.data.noise == noise] for noise in (0.0, 0.1)}
    for group in by_noise.values():
        assert len(group) == 4
        first, alone = group[0], prepare(group[0].spec)
        for part in ("train", "test"):
            ours, others = getattr(first.dataset, part), getattr(alone.dataset, part)
            assert np.array_equal(ours.inputs, others.inputs)
            assert np.array_equal(ours.targets, others.targets)
        for item in group:
            assert item.dataset is first.dataset, "loaded once"
            assert item.problem.train is first.problem.train
            assert item.problem.test is first.problem.test
    one, other = (group[0].dataset.train.inputs for group in by_noise.values())
    assert not np.array_equal(one, other)


def test_another_precision_or_loss_takes_the_same_data() -> None:
    axes = {"training.precision": ["float64", "float32"]}, {"training.loss": ["binary_cross_entropy", "squared_error"]}
    prepared = list(prepare_cells(_grid(*axes)))
    assert len({id(item.dataset) for item in prepared}) == 1
    assert len({id(item.problem.train) for item in prepared}) == 4
    for item in prepared:
        train, inputs = item.problem.train, prepared[0].dataset.train.inputs
        assert train.X.dtype == item.spec.training.precision
        assert np.array_equal(train.X, inputs.T.astype(train.X.dtype))


def _runs(grid: Grid) -> list[RunRecord]:
    return [item for record in run_together(tuple(prepare_cells(grid))) for item in record.runs]


def test_within_a_seed_parameters_are_made_of_the_same_draws() -> None:
    """Of a name and a shape: N(0, sigma^2) is sigma times one array, U(-b, b) one array mapped, in each cell."""
    seen: dict[tuple[int, str, tuple[int, ...]], int] = {}
    for item in _runs(_grid(*PAIRED)):
        draws = DRAWS["counter"](item.seed)
        network = item.problem.network
        for role, law, drawn in zip(network.roles, item.laws, network.parameters(item.start), strict=True):
            if isinstance(law, Normal) and law.scale:
                assert np.array_equal(drawn, law.scale * draws.normal(role.name, drawn.shape))
            elif isinstance(law, Uniform):
                shares = draws.uniform(role.name, drawn.shape)
                assert np.array_equal(drawn, law.low + (law.high - law.low) * shares)
            else:
                assert law.standard_deviation == 0
                continue
            key = (item.seed, role.name, drawn.shape)
            seen[key] = seen.get(key, 0) + 1
    # Two seeds; the weights of layer 1 stand in 8 cells with 3 initializations each.
    assert {seen[seed, "layers.1.weight", (5, 2)] for seed in (0, 1)} == {24}


def test_he_is_the_normal_law_scaled_to_the_last_bit() -> None:
    for record in run_together(tuple(prepare_cells(_grid(*PAIRED)))):
        network = record.spec.network
        for plain, he in zip(record.runs_of("normal"), record.runs_of("He"), strict=True):
            both = zip(network.parameters(plain.start), network.parameters(he.start), strict=True)
            for law, (value, scaled) in zip(he.laws, both, strict=True):
                assert np.array_equal(law.standard_deviation * value, scaled)


def _distance(item: RunRecord, batches: list[Any]) -> float:
    """The largest difference between an update and the learning rate times the gradient on the batch of its step."""
    problem, theta = item.problem, item.trajectory.snapshots[0]
    assert isinstance(problem.optimizer, SGD)
    X, Y = problem.train.X, problem.train.Y
    differences = [
        theta[step + 1]
        - theta[step]
        + problem.optimizer.learning_rate
        * gradient(problem.network, theta[step], problem.loss, X[:, chosen], Y[:, chosen])
        for step, chosen in enumerate(batches)
    ]
    return float(np.abs(differences).max())


@pytest.mark.parametrize("engine", ENGINES)
def test_within_a_seed_every_initialization_and_cell_sees_the_same_mini_batches(engine: str) -> None:
    """Each update is the gradient on the examples that one list, made once a seed, holds for its step."""
    recording = {"every": 6, "snapshots": list(range(7))}
    grid = _grid(*PAIRED, recording=recording, training=BASE["training"] | {"batch_size": 16})
    steps = [Batches(16).indices(40, seed) for seed in (0, 1)]
    batches = [[next(step) for _ in range(6)] for step in steps]
    records = run_together(tuple(prepare_cells(grid)), engine=engine_named(engine))
    assert len(records) == 8
    for item in (item for record in records for item in record.runs):
        assert _distance(item, batches[item.seed]) < 1e-12
        assert _distance(item, batches[1 - item.seed]) > 1e-4, "another seed's batches lead elsewhere"

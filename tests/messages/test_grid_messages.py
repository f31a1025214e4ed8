"""Every rule of a grid of specs, with the whole sentence that breaking it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstdraw.errors import InputError
from firstdraw.experiments import prepare_cells, read_file, read_grid_file, read_grid_table, read_table

VALID: dict[str, Any] = {
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 4, 1]},
    "training": {"loss": "binary_cross_entropy", "steps": 5},
    "initializations": [{"label": "He", "weights": "he_normal"}],
}


def _refusal(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    return str(caught.value)


AXES: list[tuple[Any, str]] = [
    # the form of the axes
    (3, "`axes` must be a list of tables, got 3"),
    (None, "`axes` must be a list of tables, got None"),
    ([3], "`axes[0]` must be a table from paths to lists of values, got 3"),
    ([{}], "`axes[0]` must be a table from paths to lists of values, got {}"),
    ([{"": [1]}], "`axes[0]` must have paths like `network.activation`, got ''"),
    ([{"network.depth": 3}], "`axes[0].network.depth` must be a list of one value or more, got 3"),
    ([{"network.depth": []}], "`axes[0].network.depth` must be a list of one value or more, got []"),
    ([{"network": {}}], "`axes[0].network` must be a list of one value or more, got {}"),
    ([{"training.batch_size": [8, None]}], "`axes[0].training.batch_size[1]` must be a value that TOML has, got None"),
    (
        [{"network.depth": [2, 3], "training.steps": [1, 2, 3]}],
        "`axes[0]` must have lists of one length, and has 2 of `network.depth`, 3 of `training.steps`",
    ),
    (
        [{"training.steps": [1]}, {"network.widths.1": [2], "network.widths[1]": [3]}],
        "`axes[1].network.widths[1]` must have one axis, and has another",
    ),
    (
        [{"network": {"depth": [2]}}, {"network.depth": [3]}],
        "`axes[1].network.depth` must have one axis, and has another",
    ),
    # values that repeat each other
    (
        [{"network.activation": ["relu", "tanh", "relu"]}],
        "`axes[0].network.activation[2]` must differ from the values before it, got 'relu'",
    ),
    (
        [{"network.depth": [2, 2, 2], "training.steps": [1, 2, 1]}],
        "`axes[0].network.depth[2]` must differ from the values before it, got [2, 1]",
    ),
    (
        [{"network.activation": ["relu", {"name": "relu"}]}],
        (
            "in the cell network.activation = {'name': 'relu'}: the spec must differ from that of the cell "
            "activation = relu"
        ),
    ),
    # their number
    (
        [{"training.steps": list(range(1000))}, {"seeds": [[n] for n in range(101)]}],
        "`axes` must make at most 100,000 cells, got 101000",
    ),
    # paths and values that the spec refuses
    (
        [{"network.activaton": ["relu"]}],
        (
            "in the cell network.activaton = 'relu': `network.activaton` is no part of `network`; "
            "did you mean 'activation'?"
        ),
    ),
    ([{"nettwork": [1]}], "in the cell nettwork = 1: `nettwork` is no part of a spec; did you mean 'network'?"),
    (
        [{"training.steps.x": [1]}],
        "in the cell training.steps.x = 1: `axes`: `training.steps` must be a table or a list, got 5",
    ),
    (
        [{"network.widths[3]": [1]}],
        "in the cell network.widths[3] = 1: `axes`: `network.widths.3` must be an index below 3, got '3'",
    ),
    (
        [{"network.activation": ["relu", "tanh"]}, {"network.depth": [2, 0]}],
        "in the cell network.activation = 'relu', network.depth = 0: `network.depth` must be a positive integer, got 0",
    ),
    (
        [{"axes": [1]}],
        (
            "in the cell axes = 1: `axes` is for a grid of specs, and a single spec is needed here; "
            "`firstdraw run` takes a grid"
        ),
    ),
]


@pytest.mark.parametrize(("axes", "sentence"), AXES, ids=range(len(AXES)))
def test_axes_that_break_a_rule_are_refused(axes: Any, sentence: str) -> None:
    assert _refusal(lambda: read_grid_table(VALID | {"axes": axes})) == sentence


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        (
            [{"training.loss": ["bce", "softmax_cross_entropy"]}],
            (
                "in the cell training.loss = 'softmax_cross_entropy': `network.widths[2]` must equal the number of "
                "outputs, 2, got 1"
            ),
        ),
        (
            [{"data": ["circles", {"name": "blobs", "classes": 3}]}],
            (
                "in the cell data = {'name': 'blobs', 'classes': 3}: `training.loss` must fit the data, a "
                "classification with 3 classes, got 'binary_cross_entropy'; softmax_cross_entropy and squared_error do"
            ),
        ),
        (
            [{"data.noise": [0.1, 1e308]}],
            (
                "in the cell data.noise = 1e+308: `data`: the training inputs must be finite, and 3 of 80 are not, the "
                "first in row 15"
            ),
        ),
    ],
    ids=range(3),
)
def test_a_cell_whose_parts_do_not_fit_each_other_is_named(axes: Any, sentence: str) -> None:
    grid = read_grid_table(VALID | {"axes": axes})
    assert _refusal(lambda: list(prepare_cells(grid))) == sentence


GRID = """
data = "circles"
network.widths = [2, 4, 1]
training = { loss = "bce", steps = 5 }
initializations = [{ label = "He", weights = "he_normal" }]
"""
FILES = {
    "a value": (
        "[[axes]]\nnetwork.activation = ['relu', 'relo']\n",
        (
            "in {path}: in the cell network.activation = 'relo': `network.activation` must name a known activation, "
            "got 'relo'; did you mean 'relu'?"
        ),
    ),
    "a list": (
        "[[axes]]\ntraining.steps = 3\n",
        ("in {path}: `axes[0].training.steps` must be a list of one value or more, got 3"),
    ),
    "no TOML": ("axes = =", "the spec {path} is not TOML: Invalid value (at line 6, column 8)"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_file_of_a_grid_is_named(tmp_path: Path, name: str) -> None:
    text, sentence = FILES[name]
    path = tmp_path / "grid.toml"
    path.write_text(GRID + text, encoding="utf-8")
    assert _refusal(lambda: read_grid_file(path)) == sentence.format(path=path)


def test_a_grid_is_refused_where_a_single_spec_is_needed(tmp_path: Path) -> None:
    rule = "`axes` is for a grid of specs, and a single spec is needed here; `firstdraw run` takes a grid"
    path = tmp_path / "grid.toml"
    path.write_text(f"{GRID}\n[[axes]]\nnetwork.activation = ['relu', 'tanh']\n", encoding="utf-8")
    assert _refusal(lambda: read_file(path)) == f"in {path}: {rule}"
    assert _refusal(lambda: read_table(VALID, ["axes=[]"])) == rule
    assert _refusal(lambda: read_table(VALID | {"axis": []})) == "`axis` is no part of a spec; did you mean 'axes'?"

"""Every rule of a spec, with the whole sentence that breaking it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import InputError, shown
from firstdraw.experiments import prepare, read_file, read_table, total_steps
from firstdraw.initializers import INITIALIZERS

VALID: dict[str, Any] = {
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 4, 1]},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.1}, "steps": 5},
    "initializations": [{"label": "He", "weights": "he_normal"}],
}
BY_SETTING = {
    # names that are in no catalogue
    "data=circels": "`data` must name a known data set, got 'circels'; did you mean 'circles'?",
    "data.name=moon": "`data` must name a known data set, got 'moon'; did you mean 'moons'?",
    "network.activation=relo": "`network.activation` must name a known activation, got 'relo'; did you mean 'relu'?",
    "training.loss=bcee": "`training.loss` must name a known loss, got 'bcee'; did you mean 'bce'?",
    "training.optimizer=adm": (
        "`training.optimizer` must name a known optimizer, got 'adm'; did you mean 'adam' or 'adamw'?"
    ),
    "initializations[0].weights=he": (
        "`initializations[0].weights` must name a known initializer, got 'he'; "
        "did you mean 'he_normal' or 'he_uniform'?"
    ),
    "initializations[0].weights=xyz": (
        "`initializations[0].weights` must name a known initializer, got 'xyz'; "
        f"known: {', '.join(sorted(INITIALIZERS))}"
    ),
    "initializations[0].biases=zeroes": (
        "`initializations[0].biases` must name a known initializer, got 'zeroes'; "
        "did you mean 'zeros', 'zero_head' or 'rezero'?"
    ),
    "initializations[0].parametrization=mupp": (
        "`initializations[0].parametrization` must name a known parametrization, got 'mupp'; "
        "did you mean 'mup' or 'u_mup'?"
    ),
    "initializations[0].parametrization={name='mup', base_width=0}": (
        "`initializations[0].parametrization.base_width` must be a positive integer, got 0"
    ),
    "draws=countr": "`draws` must name a known source of draws, got 'countr'; did you mean 'counter'?",
    # keys that are in no table
    "nettwork=1": "`nettwork` is no part of a spec; did you mean 'network'?",
    "network.width=[1]": "`network.width` is no part of `network`; did you mean 'widths'?",
    "training.rate=1": (
        "`training.rate` is no part of `training`; known: loss, steps, optimizer, batch_size, precision"
    ),
    "recording.evry=1": "`recording.evry` is no part of `recording`; did you mean 'every'?",
    "initializations[0].lable=x": "`initializations[0].lable` is no part of an initialization; did you mean 'label'?",
    "training.optimizer.rate=1": ("`training.optimizer.rate` is no option of 'sgd'; known: learning_rate"),
    "data.nois=1": "`data.nois` is no option of 'circles'; did you mean 'noise'?",
    "initializations[0].weights.gain=1": (
        "`initializations[0].weights.gain` is no option of 'he_normal'; known: slope, mode"
    ),
    "network.activation={name='tanh', slope=1}": "`network.activation.slope` is no option of 'tanh'; known: none",
    # what is missing
    "training={}": "`training.loss` is missing",
    "training={loss='bce'}": "`training.steps` is missing",
    "network={}": "`network.widths` is missing",
    "initializations=[{label='a'}]": (
        "`initializations[0].weights` is missing; a `parametrization` could stand for it"
    ),
    "initializations=[{weights='zeros'}]": "`initializations[0].label` is missing",
    "data={}": "`data.name` must name the data set",
    "initializations[0].weights={}": "`initializations[0].weights.name` must name the initializer",
    "data={name='csv', target='y'}": "`data.path` is missing",
    # types
    "title=3": "`title` must be a text, got 3",
    "data=3": "`data` must be a text or a table, got 3",
    "network=3": "`network` must be a table, got 3",
    "network.widths=4": "`network.widths` must be a list, got 4",
    "network.widths=[2, true, 1]": "`network.widths[1]` must be an integer, got True",
    "network.widths=[2, 2.5, 1]": "`network.widths[1]` must be an integer, got 2.5",
    "network.widths=[2, '4', 1]": "`network.widths[1]` must be an integer, got '4'",
    "network.activation=3": "`network.activation` must be a text or a table, got 3",
    "training=[]": "`training` must be a table, got []",
    "training.steps=true": "`training.steps` must be an integer, got True",
    "training.steps=1.5": "`training.steps` must be an integer, got 1.5",
    "training.steps=many": "`training.steps` must be an integer, got 'many'",
    "training.steps=2020-01-01": "`training.steps` must be an integer, got datetime.date(2020, 1, 1)",
    "training.steps=nan": "`training.steps` must be an integer, got nan",
    "training.batch_size=all": "`training.batch_size` must be an integer, got 'all'",
    "training.precision=float16": "`training.precision` must be 'float64' or 'float32', got 'float16'",
    "training.optimizer=3": "`training.optimizer` must be a text or a table, got 3",
    "training.optimizer.learning_rate=fast": "`training.optimizer.learning_rate` must be a number, got 'fast'",
    "training.optimizer.learning_rate=true": "`training.optimizer.learning_rate` must be a number, got True",
    "recording=3": "`recording` must be a table, got 3",
    "recording.every=1.5": "`recording.every` must be an integer, got 1.5",
    "recording.snapshots=3": "`recording.snapshots` must be a list, got 3",
    "recording.snapshots=[1.5]": "`recording.snapshots[0]` must be an integer, got 1.5",
    "initializations=3": "`initializations` must be a list, got 3",
    "initializations=[3]": "`initializations[0]` must be a table, got 3",
    "initializations[0].label=3": "`initializations[0].label` must be a text, got 3",
    "initializations[0].weights=3": "`initializations[0].weights` must be a text or a table, got 3",
    "initializations[0].weights={name=3}": "`initializations[0].weights.name` must name the initializer, got 3",
    "seeds=true": "`seeds` must be an integer or a list, got True",
    "seeds=1.5": "`seeds` must be an integer or a list, got 1.5",
    "seeds=[true]": "`seeds[0]` must be an integer, got True",
    "seeds=[1.5]": "`seeds[0]` must be an integer, got 1.5",
    "draws=3": "`draws` must be a text, got 3",
    "data.train_size=true": "`data.train_size` must be an integer, got True",
    "data={name='iris', standardize='yes'}": "`data.standardize` must be true or false, got 'yes'",
    "data={name='csv', path=3, target='y'}": "`data.path` must be a text, got 3",
    # NaN and infinity
    "training.optimizer.learning_rate=nan": (
        "`training.optimizer.learning_rate` must be a finite number above 0, got nan"
    ),
    "training.optimizer.learning_rate=inf": (
        "`training.optimizer.learning_rate` must be a finite number above 0, got inf"
    ),
    "training.optimizer={name='adamw', weight_decay=nan}": (
        "`training.optimizer.weight_decay` must be a finite number of at least 0, got nan"
    ),
    "training.optimizer={name='momentum', momentum=nan}": (
        "`training.optimizer.momentum` must be a number of at least 0 and below 1, got nan"
    ),
    "data.noise=nan": "`data.noise` must be a finite number of at least 0, got nan",
    "data.noise=inf": "`data.noise` must be a finite number of at least 0, got inf",
    "data.factor=nan": "`data.factor` must be a number of at least 0 and below 1, got nan",
    "initializations[0].weights={name='constant', value=inf}": (
        "`initializations[0].weights.value` must be a finite number, got inf"
    ),
    "initializations[0].weights.slope=nan": "`initializations[0].weights.slope` must be a finite number, got nan",
    "initializations[0].biases={name='normal', standard_deviation=nan}": (
        "`initializations[0].biases.standard_deviation` must be a finite number of at least 0, got nan"
    ),
    "network.activation={name='leaky_relu', slope=nan}": "`network.activation.slope` must be a finite number, got nan",
    # ranges of options
    "training.optimizer.learning_rate=-1": (
        "`training.optimizer.learning_rate` must be a finite number above 0, got -1.0"
    ),
    "training.optimizer.learning_rate=0": (
        "`training.optimizer.learning_rate` must be a finite number above 0, got 0.0"
    ),
    "training.optimizer={name='adam', beta_1=1.0}": (
        "`training.optimizer.beta_1` must be a number of at least 0 and below 1, got 1.0"
    ),
    "network.activation={name='elu', alpha=0}": "`network.activation.alpha` must be a finite number above 0, got 0.0",
    "data.noise=-0.1": "`data.noise` must be a finite number of at least 0, got -0.1",
    "data.factor=1": "`data.factor` must be a number of at least 0 and below 1, got 1.0",
    "data.train_seed=-1": "`data.train_seed` must be an integer of at least 0, got -1",
    "data.train_seed=4294967296": (
        "`data.train_seed` must be at most 2^32 - 1 for NumPy's legacy stream, got 4294967296"
    ),
    "data={name='blobs', classes=1}": "`data.classes` must be at least 2, got 1",
    "data={name='spirals', classes=1}": "`data.classes` must be at least 2, got 1",
    "data={name='iris', test_share=1}": "`data.test_share` must be a number of at least 0 and below 1, got 1.0",
    "data={name='iris', test_share=0.99}": (
        "`data.test_share` must leave every one of the 3 classes a training example: at most 147 of 150 examples can "
        "be test examples, and it takes 148, got 0.99"
    ),
    "initializations[0].weights={name='normal', standard_deviation=-1}": (
        "`initializations[0].weights.standard_deviation` must be a finite number of at least 0, got -1.0"
    ),
    "initializations[0].weights.mode=fan_avg": (
        "`initializations[0].weights.mode` must be 'fan_in' or 'fan_out', got 'fan_avg'"
    ),
    # the network's widths
    "network.widths=[]": (
        "`network.widths` must have two entries or more, the features first, the outputs last, got ()"
    ),
    "network.widths=[2]": (
        "`network.widths` must have two entries or more, the features first, the outputs last, got (2,)"
    ),
    "network.widths=[3, 4, 1]": "`network.widths[0]` must equal the number of input features, 2, got 3",
    "network.widths=[2, 4, 2]": "`network.widths[2]` must equal the number of outputs, 1, got 2",
    "network.widths=[2, 0, 1]": "`network.widths[1]` must be a positive integer, got 0",
    "network.widths=[2, -5, 1]": "`network.widths[1]` must be a positive integer, got -5",
    "training.loss=softmax_cross_entropy": "`network.widths[2]` must equal the number of outputs, 2, got 1",
    # a depth beside one hidden width
    "network.depth=0": "`network.depth` must be a positive integer, got 0",
    "network.depth=2.5": "`network.depth` must be an integer, got 2.5",
    "network={widths=[2, 4, 4, 1], depth=3}": (
        "`network.widths` must be the features, one hidden width and the outputs beside a `depth`, got (2, 4, 4, 1)"
    ),
    "network={widths=[2, 1], depth=1}": (
        "`network.widths` must be the features, one hidden width and the outputs beside a `depth`, got (2, 1)"
    ),
    # residual branches
    "network.branches=3": "`network.branches` must be a table or a list, got 3",
    "network.branches=[3]": "`network.branches[0]` must be a table, got 3",
    "network.branches=[{first=1}]": "`network.branches[0].last` is missing",
    "network.branches=[{first=1, lats=1}]": "`network.branches[0].lats` is no part of a branch; did you mean 'last'?",
    "network.branches=[{first=0, last=1}]": "`network.branches[0].first` must be a positive integer, got 0",
    "network.branches=[{first=1, last=0}]": "`network.branches[0].last` must be a positive integer, got 0",
    "network.branches=[{first=2, last=1}]": "`network.branches[0].last` must be at least `first`, 2, got 1",
    "network.branches=[{first=1, last=1.5}]": "`network.branches[0].last` must be an integer, got 1.5",
    "network.branches=[{first=1, last=1, activated='no'}]": (
        "`network.branches[0].activated` must be true or false, got 'no'"
    ),
    "network.branches=[{first=1, last=2}]": (
        "`network.branches[0].last` must be below the last layer, 2, which has no skip, got 2"
    ),
    "network.branches=[{first=1, last=1}]": (
        "`network.branches[0].last` must be a layer as wide as the inputs, to which it is added: 2 units, not 4, got 1"
    ),
    "network={widths=[2, 4, 4, 3, 1], branches=[{first=2, last=2}, {first=3, last=3}]}": (
        "`network.branches[1].last` must be a layer as wide as layer 2, to which it is added: 4 units, not 3, got 3"
    ),
    "network={widths=[2, 4, 4, 4, 1], branches=[{first=2, last=3}, {first=3, last=3}]}": (
        "`network.branches[1].first` must be at least 4, after the branch before it, got 3"
    ),
    "network.branches={lenght=1}": "`network.branches.lenght` is no part of repeated branches; did you mean 'length'?",
    "network.branches={}": "`network.branches.length` is missing",
    "network.branches={length=0}": "`network.branches.length` must be a positive integer, got 0",
    "network.branches={length=1}": (
        "`network.branches.length` must divide the number of hidden layers after the first, 0, without a rest, got 1"
    ),
    "network={widths=[2, 4, 4, 4, 4, 1], branches={length=2}}": (
        "`network.branches.length` must divide the number of hidden layers after the first, 3, without a rest, got 2"
    ),
    "initializations[0].multipliers=zeroes": (
        "`initializations[0].multipliers` must name a known initializer, got 'zeroes'; "
        "did you mean 'zeros', 'zero_head' or 'rezero'?"
    ),
    # absurd sizes
    "network.widths=[2, 1000000000000000000, 1]": ("`network.widths[1]` must be at most 2^48, got 1000000000000000000"),
    "network.widths=[2, 100000, 100000, 1]": (
        "`network.widths` must give at most 1,000,000,000 parameters, not 10,000,500,001, got (2, 100000, 100000, 1)"
    ),
    "training.steps=1000000000000000000": "`training.steps` must be at most 2^48, got 1000000000000000000",
    "training.steps=100000000000": (
        "`recording.every` must leave at most 1,000,000,000 numbers to keep, and 1 run of 1,000,000,002 records leave "
        "15,000,000,081; the value is too small, got 100"
    ),
    "recording.every=1000000000000000": "`recording.every` must be at most 2^48, got 1000000000000000",
    "data.train_size=1000000000": (
        "`data`: the data must have at most 2^28 input values (2 GiB): examples times features are 2000000040"
    ),
    "data.train_size=1000000000000000": "`data.train_size` must be at most 2^48, got 1000000000000000",
    "seeds=1000001": "`seeds` must be at most 1,000,000, got 1000001",
    "network.depth=100001": "`network.depth` must be at most 100,000 layers, got 100001",
    "seeds=[1000000000000000]": "`seeds[0]` must be at most 2^48, got 1000000000000000",
    # counts
    "training.steps=-1": "`training.steps` must be an integer of at least 0, got -1",
    "training.batch_size=0": "`training.batch_size` must be a positive integer, got 0",
    "recording.every=0": "`recording.every` must be a positive integer, got 0",
    "recording.snapshots=[0, -1]": "`recording.snapshots[1]` must be an integer of at least 0, got -1",
    "data.train_size=1": "`data.train_size` must be at least 2, one example a class, got 1",
    "data.test_size=-1": "`data.test_size` must be an integer of at least 0, got -1",
    # lists that are empty or say the same twice
    "seeds=0": "`seeds` must be a positive integer, got 0",
    "seeds=[]": "`seeds` must have one entry or more, and is empty",
    "seeds=[1, 1]": "`seeds[1]` must have a value of its own, and repeats an earlier entry, got 1",
    "seeds=[-1]": "`seeds[0]` must be an integer of at least 0, got -1",
    "initializations=[]": "`initializations` must have one entry or more, and is empty",
    "initializations=[{label='a', weights='zeros'}, {label='a', weights='normal'}]": (
        "`initializations[1]` must have a label of its own, and repeats an earlier entry, got 'a'"
    ),
    'initializations[0].label="a\\u001bb"': (
        "`initializations[0].label` must have printable characters only, got 'a\\x1bb'"
    ),
    "training={loss='squared_error', steps=1, optimizer={learning_rat=1}}": (
        "`training.optimizer.learning_rat` is no option of 'sgd'; did you mean 'learning_rate'?"
    ),
    "initializations[0].label=' '": "`initializations[0].label` must have a character that is not blank, got ' '",
    # the syntax of a setting
    "network": "`--set` must look like `network.widths=[2, 64, 1]`, got 'network'",
    "=3": "`--set` must look like `network.widths=[2, 64, 1]`, got '=3'",
    "[.]=3": "`--set` must look like `network.widths=[2, 64, 1]`, got '[.]=3'",
    "": "`--set` must look like `network.widths=[2, 64, 1]`, got ''",
    "initializations[1].label=x": "`--set`: `initializations.1` must be an index below 1, got '1'",
    "initializations[x].label=x": "`--set`: `initializations.x` must be an index below 1, got 'x'",
    "network.widths[3]=1": "`--set`: `network.widths.3` must be an index below 3, got '3'",
    "network.widths[-1]=1": "`--set`: `network.widths.-1` must be an index below 3, got '-1'",
    "training.steps.x=1": "`--set`: `training.steps` must be a table or a list, got 5",
}


def _refusal(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    return str(caught.value)


def _prepare(table: dict[str, Any], *settings: str) -> str:
    return _refusal(lambda: prepare(read_table(table, settings)))


def test_the_spec_that_the_settings_break_is_valid() -> None:
    assert total_steps((prepare(read_table(VALID)),)) == 5


@pytest.mark.parametrize(("setting", "sentence"), BY_SETTING.items())
def test_a_setting_that_breaks_a_rule_is_refused(setting: str, sentence: str) -> None:
    assert _prepare(VALID, setting) == sentence


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ("draws=numpy_legacy", "seeds=[4294967296]"),
            "`seeds[0]` must be an integer from 0 to 2^32 - 1 for NumPy's legacy stream, got 4294967296",
        ),
        (
            ("data={name='blobs', classes=3}",),
            (
                "`training.loss` must fit the data, a classification with 3 classes, got 'binary_cross_entropy'; "
                "softmax_cross_entropy and squared_error do"
            ),
        ),
        (
            ("data=digits", "training.loss=softmax_cross_entropy", "network.widths=[64, 10, 3]"),
            "`network.widths[2]` must equal the number of outputs, 10, got 3",
        ),
        (
            ("initializations[0].multipliers=zeros",),
            "`initializations[0].multipliers` must be left out for a network without branches, got Zeros()",
        ),
        (
            ("data={name='xor', noise=1e308}",),
            "`data`: the training inputs must be finite, and 47 of 600 are not, the first in row 14",
        ),
        (
            ("data={name='gaussian_clouds', features=1000000000}",),
            "`data`: the data must have at most 2^28 input values (2 GiB): examples times features are 400000000000",
        ),
        (
            (
                "training.steps=1000",
                "recording.every=1",
                "recording.snapshots=[1]",
                "network.widths=[2, 30000, 30000, 1]",
            ),
            (
                "`recording.every` must leave at most 1,000,000,000 numbers to keep, and 1 run of 1,002 records leave "
                "3,600,620,044; the value is too small, got 1"
            ),
        ),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(settings: tuple[str, ...], sentence: str) -> None:
    assert _prepare(VALID, *settings) == sentence


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "`data` is missing"),
        ({key: part for key, part in VALID.items() if key != "network"}, "`network` is missing"),
        ({key: part for key, part in VALID.items() if key != "training"}, "`training` is missing"),
        ({key: part for key, part in VALID.items() if key != "initializations"}, "`initializations` is missing"),
        (VALID | {"title": None}, "`title` must be a text, got None"),
        (
            VALID | {"initializations": ({"label": "a", "weights": "zeros", "bias": "zeros"},)},
            "`initializations[0].bias` is no part of an initialization; did you mean 'biases'?",
        ),
        (VALID | {"seeds": [2, 3, 2]}, "`seeds[2]` must have a value of its own, and repeats an earlier entry, got 2"),
        (
            VALID | {"title": {"text": "x" * 200}},
            f"`title` must be a text, got {shown({'text': 'x' * 200})}",
        ),
    ],
)
def test_a_dictionary_that_breaks_a_rule_is_refused(table: dict[str, Any], sentence: str) -> None:
    assert _prepare(table) == sentence


CSV_FILES = {
    "empty": ("", "`data.path` must be a file that is not empty, got 'data.csv'"),
    "a header alone": ("a,y\n", "`data.path` is 'data.csv', where lines of data must follow the header, and none does"),
    "one class": (
        "a,y\n1,u\n2,u\n3,u\n",
        "`data.target` must hold two classes or more, and all 3 rows of 'data.csv' are of class 'u'",
    ),
    "constant": (
        "a,y\n" + "1,u\n1,v\n" * 4,
        "`data`: the training inputs must differ from each other, and every row is the same",
    ),
    "NaN": (
        "a,y\n1,u\nnan,v\n",
        "`data.path` is 'data.csv', where line 3, column 'a' must be a finite number, got 'nan'",
    ),
    "infinity": (
        "a,y\n1,u\n-inf,v\n",
        "`data.path` is 'data.csv', where line 3, column 'a' must be a finite number, got '-inf'",
    ),
    "a word": ("a,y\n1,u\nx,v\n", "`data.path` is 'data.csv', where line 3, column 'a' must be a number, got 'x'"),
    "a gap": (
        "a,y\n1,u\n,v\n",
        (
            "`data.path` is 'data.csv', where line 3, column 'a' must be a number, got ''; leave out or fill in "
            "examples with missing values"
        ),
    ),
    "no target": ("a,b\n1,u\n", "`data.target` must be a column of 'data.csv', got 'y'; the columns are: 'a', 'b'"),
    "too wide a spread": (
        "a,y\n" + "".join(f"{i % 2}e308,{'uv'[i % 2]}\n" for i in range(8)),
        "`data`: column 'a' must have a variance that does not overflow to be standardized",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), CSV_FILES.values(), ids=list(CSV_FILES))
def test_a_table_that_cannot_be_learned_from_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(text, encoding="utf-8")
    data = {"name": "csv", "path": "data.csv", "target": "y", "standardize": True}
    assert _prepare(VALID | {"data": data}) == sentence


def test_a_data_file_that_is_missing_is_named_where_it_was_looked_for(tmp_path: Path) -> None:
    data = {"name": "csv", "path": "nowhere.csv", "target": "y"}
    path = shown(str(tmp_path / "nowhere.csv"))
    sentence = _refusal(lambda: prepare(read_table(VALID | {"data": data}, folder=tmp_path)))
    assert sentence == f"`data.path` must be a file that exists, got {path}"


@pytest.mark.parametrize(
    ("targets", "options", "loss", "sentence"),
    [
        (
            np.array([[1.0, 2.0]] * 4),
            {"task": "regression"},
            "bce",
            (
                "`training.loss` must fit the data, a regression with 2 targets, got 'binary_cross_entropy'; "
                "squared_error does"
            ),
        ),
        (
            np.arange(4.0),
            {"task": "regression"},
            "softmax_cross_entropy",
            (
                "`training.loss` must fit the data, a regression with 1 target, got 'softmax_cross_entropy'; "
                "squared_error does"
            ),
        ),
        (
            np.arange(4),
            {"task": "clustering"},
            "bce",
            "`data.task` must be 'classification' or 'regression', got 'clustering'",
        ),
        (np.arange(4), {"target": "X"}, "bce", "`data.target` must be another array than the inputs, got 'X'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, targets: Any, options: dict[str, Any], loss: str, sentence: str
) -> None:
    np.savez(tmp_path / "data.npz", X=np.arange(8.0).reshape(4, 2), y=targets)
    data = {"name": "npz", "path": str(tmp_path / "data.npz")} | options
    assert _prepare(VALID | {"data": data, "training": {"loss": loss, "steps": 1}}) == sentence


FILES: dict[str, tuple[bytes, str]] = {
    "not TOML": (b"a = = 1\n", "the spec {path} is not TOML: Invalid value (at line 1, column 5)"),
    "twice the same": (
        b"a = 1\na = 2\n",
        "the spec {path} is not TOML: Cannot overwrite a value (at line 2, column 6)",
    ),
    "not UTF-8": (b'title = "\xe9"\n', "the spec {path} is not UTF-8 text: byte 9 is wrong"),
    "too large": (b"#" * 1_000_001, "the spec {path} must be at most 1,000,000 bytes, got 1000001"),
    "empty": (b"", "in {path}: `data` is missing"),
    "broken": (b"title = 3\n", "in {path}: `title` must be a text, got 3"),
    "misspelt": (b"titel = 'x'\n", "in {path}: `titel` is no part of a spec; did you mean 'title'?"),
}


@pytest.mark.parametrize(("content", "sentence"), FILES.values(), ids=list(FILES))
def test_a_file_that_is_no_spec_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    assert _refusal(lambda: read_file(path)) == sentence.format(path=path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert _refusal(lambda: read_file(path)) == f"the spec {path} cannot be read: No such file or directory"


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    assert _refusal(lambda: read_file(tmp_path)) == f"the spec {tmp_path} cannot be read: Is a directory"


def test_a_setting_that_breaks_a_rule_is_blamed_on_the_file_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("title = 'x'\n", encoding="utf-8")
    assert _refusal(lambda: read_file(path, ["title=3"])) == f"in {path}: `title` must be a text, got 3"

"""What the native engine must not be given: a sentence each, never a crash and never a silent wrong result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstdraw import compiled
from firstdraw.engine import Batches, Columns, Problem, Recording, native
from firstdraw.errors import InputError, shown
from firstdraw.losses import SquaredError

pytestmark = pytest.mark.skipif(not native.is_built(), reason="the native engine was not compiled here")

MakeProblem = Callable[..., Problem]


def misaligned(array: np.ndarray) -> np.ndarray:
    """Return an equal array that begins at an odd address."""
    room = np.zeros(array.nbytes + 1, np.uint8)
    moved = np.frombuffer(room, array.dtype, array.size, offset=1).reshape(array.shape)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


class Call:
    """A valid call of the compiled module, whose parts a test then spoils."""

    def __init__(self, problem: Problem, n: int = 2) -> None:
        given = problem.network.parameter_count
        self.settings = native._settings(problem, tuple(range(n)))
        self.train = native._part(problem.train)
        self.test = {} if problem.test is None else native._part(problem.test)
        self.start: Any = np.linspace(-1, 1, n * given).reshape(n, given)
        steps = len(self.settings["record_steps"])
        self.arrays: dict[str, Any] = {
            name: np.zeros((n, steps))
            for name in ("cost", "textbook_cost", "test_cost", "train_accuracy", "test_accuracy")
        }
        self.arrays |= {
            name: np.zeros((n, steps, problem.network.depth))
            for name in ("activation_rms", "gradient_rms", "weight_rms", "distinct_units", "unit_difference")
        }
        self.arrays |= {
            "snapshots": np.zeros((n, len(self.settings["snapshot_steps"]), given)),
            "final": np.zeros((n, given)),
            "outcome": np.zeros((n, 3), np.int64),
        }
        self.threads: Any = 1
        self.target: Any = 0 if "baseline" in native.targets() else native.TARGETS.index(native.best_target())

    def __call__(self, poll: Callable[[int], None] = lambda _steps: None) -> bool:
        return compiled.module.train_float64(
            self.settings, self.train, self.test, self.start, self.arrays, self.threads, self.target, poll
        )


@pytest.fixture
def call(make_problem: MakeProblem) -> Call:
    return Call(make_problem(batches=Batches(10), recording=Recording(every=5, snapshots=(0, 7))))


def test_the_call_that_is_spoiled_below_is_valid(call: Call) -> None:
    assert call()
    assert np.isfinite(call.arrays["cost"]).all()
    assert not (call.arrays["final"] == 0).any()


def readable(wanted: str, given: str) -> str:
    return f"a contiguous, aligned array of {wanted}, got one of {given}"


def writable(wanted: str, given: str) -> str:
    return f"a writable contiguous, aligned array of {wanted}, got one of {given}"


# The table that the entry stands in, its name, what it is replaced by, and what it must be.
ENTRIES: list[tuple[str, str, Any, str]] = [
    ("settings", "widths", np.array([2, 4, 3, 1], np.int32), readable("int64 (any,)", "int32 (4,)")),
    ("settings", "widths", [2, 4, 3, 1], "a contiguous, aligned array of int64 (any,), got [2, 4, 3, 1]"),
    ("settings", "widths", np.array([2]), "2 to 65536 numbers, got 1"),
    ("settings", "widths", np.ones(65537, np.int64), "2 to 65536 numbers, got 65537"),
    ("settings", "widths", np.array([2, 0, 3, 1]), "integers from 1 to 2^31 - 1, got 0"),
    ("settings", "widths", np.array([2, -4, 3, 1]), "integers from 1 to 2^31 - 1, got -4"),
    ("settings", "widths", np.array([2, 2**62, 3, 1]), "integers from 1 to 2^31 - 1, got 4611686018427387904"),
    (
        "settings",
        "widths",
        np.array([2, 2**31 - 1, 2**31 - 1, 1]),
        "those of at most 2^48 parameters, got 4611686022722355197",
    ),
    ("settings", "widths", np.array([2, 4, 3, 2]), "such that binary cross-entropy has one output, got 2"),
    ("settings", "activation", 99, "an integer from 0 to 11, got 99"),
    ("settings", "activation", -1, "an integer from 0 to 11, got -1"),
    ("settings", "activation", "relu", "an integer from 0 to 11, got 'relu'"),
    ("settings", "loss", 3, "an integer from 0 to 2, got 3"),
    ("settings", "optimizer", 6, "an integer from 0 to 5, got 6"),
    ("settings", "learning_rate", "fast", "a number, got 'fast'"),
    ("settings", "slope", None, "a number, got None"),
    ("settings", "learning_rate_factors", np.ones(5), readable("float64 (6,)", "float64 (5,)")),
    ("settings", "learning_rate_factors", np.array([1, 1, -0.5, 1, 1, 1]), "finite numbers of at least 0, got -0.5"),
    ("settings", "learning_rate_factors", np.array([1, 1, np.nan, 1, 1, 1]), "finite numbers of at least 0, got nan"),
    ("settings", "learning_rate_factors", np.array([1, 1, np.inf, 1, 1, 1]), "finite numbers of at least 0, got inf"),
    ("settings", "steps", -1, "an integer from 0 to 281474976710656, got -1"),
    ("settings", "steps", 2**62, "an integer from 0 to 281474976710656, got 4611686018427387904"),
    ("settings", "steps", 2**70, "an integer from 0 to 281474976710656, got 1180591620717411303424"),
    ("settings", "steps", 20.0, "an integer from 0 to 281474976710656, got 20.0"),
    ("settings", "batch", -1, "an integer from 0 to 281474976710656, got -1"),
    ("settings", "seeds", np.zeros(3, np.uint64), readable("uint64 (2,)", "uint64 (3,)")),
    ("settings", "seeds", np.zeros(2, np.int64), readable("uint64 (2,)", "int64 (2,)")),
    ("settings", "epoch_keys", np.zeros((6, 2), np.uint32), "a key for each of 7 epochs, got 6"),
    ("settings", "epoch_keys", np.zeros((7, 3), np.uint32), readable("uint32 (any, 2)", "uint32 (7, 3)")),
    ("settings", "record_steps", np.array([0, 10, 5, 15, 20]), "ascending steps from 0 to 20, got 5"),
    ("settings", "record_steps", np.array([0, 5, 5, 15, 20]), "ascending steps from 0 to 20, got 5"),
    ("settings", "record_steps", np.array([-1, 5, 10, 15, 20]), "ascending steps from 0 to 20, got -1"),
    ("settings", "record_steps", np.array([0, 5, 10, 15, 21]), "ascending steps from 0 to 20, got 21"),
    ("settings", "snapshot_steps", np.array([7, 0]), "ascending steps from 0 to 20, got 0"),
    ("train", "X", np.zeros((3, 23)), readable("float64 (2, any)", "float64 (3, 23)")),
    ("train", "X", np.zeros((2, 23), np.float32), readable("float64 (2, any)", "float32 (2, 23)")),
    ("train", "X", np.zeros(46), readable("float64 (2, any)", "float64 (46,)")),
    ("train", "X", np.zeros((23, 2)).T, readable("float64 (2, any)", "float64 (2, 23)")),
    ("train", "X", misaligned(np.zeros((2, 23))), readable("float64 (2, any)", "float64 (2, 23)")),
    ("train", "X", np.zeros((2, 0)), "one example or more, got 0"),
    ("train", "Y", np.zeros((1, 22)), readable("float64 (1, 23)", "float64 (1, 22)")),
    ("train", "labels", np.zeros(22, np.int64), readable("int64 (23,)", "int64 (22,)")),
    ("train", "labels", np.zeros(23, np.int8), readable("int64 (23,)", "int8 (23,)")),
    ("test", "X", np.zeros((1, 11)), readable("float64 (2, any)", "float64 (1, 11)")),
    ("arrays", "cost", np.zeros((2, 4)), writable("float64 (2, 5)", "float64 (2, 4)")),
    ("arrays", "cost", np.zeros((2, 5), np.float32), writable("float64 (2, 5)", "float32 (2, 5)")),
    ("arrays", "cost", np.zeros((5, 2)).T, writable("float64 (2, 5)", "float64 (2, 5)")),
    ("arrays", "cost", misaligned(np.zeros((2, 5))), writable("float64 (2, 5)", "float64 (2, 5)")),
    ("arrays", "cost", None, "a writable contiguous, aligned array of float64 (2, 5), got None"),
    ("arrays", "weight_rms", np.zeros((2, 5)), writable("float64 (2, 5, 3)", "float64 (2, 5)")),
    ("arrays", "snapshots", np.zeros((2, 1, 31)), writable("float64 (2, 2, 31)", "float64 (2, 1, 31)")),
    (
        "arrays",
        "final",
        np.frombuffer(bytes(2 * 31 * 8)).reshape(2, 31),
        writable("float64 (2, 31)", "float64 (2, 31)"),
    ),
    ("arrays", "outcome", np.zeros((2, 3)), writable("int64 (2, 3)", "float64 (2, 3)")),
]


@pytest.mark.parametrize(("table", "name", "value", "rule"), ENTRIES)
def test_an_entry_that_breaks_a_rule_is_refused(call: Call, table: str, name: str, value: Any, rule: str) -> None:
    getattr(call, table)[name] = value
    before = {key: array.copy() for key, array in call.arrays.items() if isinstance(array, np.ndarray)}
    with pytest.raises(ValueError, match="must be") as caught:
        call()
    assert str(caught.value) == f"`{name}` must be {rule}"
    for key, array in before.items():
        np.testing.assert_array_equal(call.arrays[key], array)


def test_an_entry_that_is_missing_is_named(call: Call) -> None:
    names = [(table, name) for table in ("settings", "train", "arrays") for name in getattr(call, table)]
    for table, name in names:
        if name == "labels":
            continue
        value = getattr(call, table).pop(name)
        with pytest.raises(ValueError, match=rf"^`{name}` is missing$"):
            call()
        getattr(call, table)[name] = value
    assert call()


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**6])
def test_a_number_of_threads_out_of_range_is_refused(call: Call, threads: int) -> None:
    call.threads = threads
    with pytest.raises(ValueError, match=rf"^`threads` must be from 1 to 1024, got {threads}$"):
        call()


@pytest.mark.parametrize("target", [-1, 4, 99])
def test_an_instruction_set_that_is_not_there_is_refused(call: Call, target: int) -> None:
    call.target = target
    sentence = rf"^`target` must be an instruction set of this machine, got {target}$"
    with pytest.raises(ValueError, match=sentence):
        call()
    with pytest.raises(ValueError, match=sentence):
        compiled.module.measured_peak("float64", target)
    assert not compiled.module.has_target(target)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("threads", "many"), ("threads", 2**40), ("target", 2**40), ("settings", 3), ("arrays", None)],
)
def test_an_argument_of_the_wrong_type_is_refused(call: Call, attribute: str, value: Any) -> None:
    setattr(call, attribute, value)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        call()


def test_a_start_that_the_engine_cannot_read_is_refused(call: Call) -> None:
    for start in (
        call.start.astype(np.float32),
        call.start[:, ::2],
        misaligned(call.start),
        call.start.ravel(),
        "start",
    ):
        call.start = start
        with pytest.raises(
            ValueError, match=r"^`start` must be a contiguous, aligned array of float64 \(any, 31\), got "
        ):
            call()


def test_what_becomes_of_the_dictionaries_meanwhile_does_not_matter(make_problem: MakeProblem) -> None:
    problem = make_problem(steps=20_000, recording=Recording(every=20_000))
    call, undisturbed = Call(problem), Call(problem)
    final = call.arrays["final"]

    def empty_them(_steps: int) -> None:
        for table in (call.settings, call.train, call.test, call.arrays):
            table.clear()

    assert call(empty_them)
    assert undisturbed()
    np.testing.assert_array_equal(final, undisturbed.arrays["final"])


def test_an_elementary_function_reads_what_it_is_given_and_nothing_else() -> None:
    x = np.linspace(-1, 1, 5)
    evaluate = compiled.module.evaluate_float64
    target = native.TARGETS.index(native.best_target())
    for wrong in (np.empty(4), np.empty(5, np.float32), np.empty(5, np.int64), np.empty(10)[::2], misaligned(x)):
        with pytest.raises(
            ValueError, match=r"^`y` must be a writable contiguous, aligned array of float64 \(5,\), got "
        ):
            evaluate(0, x, wrong, target)
    with pytest.raises(ValueError, match=r"^`x` must be a contiguous, aligned array of float64 \(any,\), got "):
        native.evaluate("tanh", np.arange(3))
    with pytest.raises(ValueError, match=r"^`function` must be one of those there are, got 99$"):
        evaluate(99, x, x.copy(), target)
    np.testing.assert_array_equal(native.evaluate("tanh", misaligned(x)), native.evaluate("tanh", x))
    assert native.evaluate("tanh", np.empty(0)).shape == (0,)


def parameters(problem: Problem, n: int = 2) -> np.ndarray:
    return np.linspace(-1, 1, n * problem.network.parameter_count).reshape(n, -1)


def test_misaligned_and_strided_examples_give_the_same_bits(make_problem: MakeProblem) -> None:
    problem = make_problem()
    X, Y, labels = problem.train.X, problem.train.Y, problem.train.labels
    assert labels is not None
    start = parameters(problem)
    expected = native.train(problem, start, (0, 1))
    for part in (
        Columns(misaligned(X), misaligned(Y), misaligned(labels)),
        Columns(np.repeat(X, 2, axis=1)[:, ::2], np.asfortranarray(Y), labels.astype(np.int8)),
    ):
        found = native.train(replace(problem, train=part), misaligned(start), (0, 1))
        np.testing.assert_array_equal(found.final, expected.final)
        np.testing.assert_array_equal(found.train_accuracy, expected.train_accuracy)


@pytest.mark.parametrize(
    ("seeds", "sentence"),
    [
        ((0, -1), "`seeds[1]` must be an integer from 0 to 2^64 - 1, got -1"),
        ((2**64, 0), "`seeds[0]` must be an integer from 0 to 2^64 - 1, got 18446744073709551616"),
        ((0, 1.0), "`seeds[1]` must be an integer from 0 to 2^64 - 1, got 1.0"),
    ],
)
def test_a_seed_out_of_range_is_refused(make_problem: MakeProblem, seeds: Any, sentence: str) -> None:
    problem = make_problem()
    with pytest.raises(InputError) as caught:
        native.train(problem, parameters(problem), seeds)
    assert str(caught.value) == sentence


def test_the_largest_seed_trains(make_problem: MakeProblem) -> None:
    problem = make_problem(batches=Batches(5))
    assert len(native.train(problem, parameters(problem), (2**64 - 1, 0))) == 2


def test_parameters_that_are_no_real_numbers_are_refused(make_problem: MakeProblem) -> None:
    problem = make_problem()
    for dtype in (np.complex128, object, "U3"):
        with pytest.raises(InputError, match=r"^`parameters` must be an array of real numbers, got dtype"):
            native.train(problem, parameters(problem).astype(dtype), (0, 1))


def test_too_many_threads_are_refused(make_problem: MakeProblem) -> None:
    problem = make_problem()
    with pytest.raises(InputError, match=r"^`threads` must be at most 1,024, got 1000000$"):
        native.train(problem, parameters(problem), (0, 1), threads=10**6)


def test_as_many_threads_as_allowed_train_as_one(make_problem: MakeProblem) -> None:
    problem = make_problem(steps=3)
    start, seeds = parameters(problem, 1100), tuple(range(1100))
    one = native.train(problem, start, seeds, threads=1)
    np.testing.assert_array_equal(native.train(problem, start, seeds, threads=1024).final, one.final)


def test_more_epochs_than_there_is_patience_for_are_refused(make_problem: MakeProblem) -> None:
    problem = make_problem(steps=2**47, batches=Batches(22), recording=Recording(every=2**47))
    with pytest.raises(InputError) as caught:
        native.train(problem, parameters(problem), (0, 1))
    assert str(caught.value) == (
        "`steps` must make at most 10,000,000 epochs, not 70,368,744,177,664, got 140737488355328"
    )


EXAMPLES: list[tuple[Callable[[Columns], Columns], str]] = [
    (lambda part: replace(part, X=part.X[0]), "`train.X` must have two axes, one column an example, got (23,)"),
    (lambda part: replace(part, Y=part.Y[0]), "`train.Y` must have two axes, one column an example, got (23,)"),
    (
        lambda part: replace(part, X=part.X.astype(np.float32)),
        "`train.X` must be of the problem's precision, float64, got dtype('float32')",
    ),
    (lambda part: Columns(part.X[:, :0], part.Y[:, :0], None), "`train.X` must have one example or more, got (2, 0)"),
    (
        lambda part: replace(part, Y=part.Y[:, 1:]),
        "`train.Y` must have a column for each of the 23 examples, got (1, 22)",
    ),
    (
        lambda part: replace(part, labels=np.zeros(2, np.int64)),
        "`train.labels` must be 23 integers, one an example, got array([0, 0])",
    ),
    (
        lambda part: replace(part, labels=np.zeros(23)),
        f"`train.labels` must be 23 integers, one an example, got {shown(np.zeros(23))}",
    ),
    (
        lambda part: replace(part, Y=np.repeat(part.Y, 2, axis=0)),
        "`train.Y` must have 1 rows for this problem, got 2",
    ),
]


@pytest.mark.parametrize(("spoil", "sentence"), EXAMPLES)
def test_examples_that_do_not_fit_are_refused(
    make_problem: MakeProblem, spoil: Callable[[Columns], Columns], sentence: str
) -> None:
    problem = make_problem()
    with pytest.raises(InputError) as caught:
        make_problem(train=spoil(problem.train))
    assert str(caught.value) == sentence


def test_test_examples_of_another_shape_are_refused(make_problem: MakeProblem) -> None:
    part = make_problem().train
    wider = Columns(np.zeros((3, 4)), np.zeros((1, 4)), None)
    with pytest.raises(InputError, match=r"^`test.X` must have 2 rows for this problem, got 3$"):
        make_problem(test=wider)
    two = Columns(part.X, np.repeat(part.Y, 2, axis=0), None)
    with pytest.raises(InputError, match=r"^`test.Y` must have 1 rows for this problem, got 2$"):
        make_problem(test=two, loss=SquaredError())


def test_an_unknown_precision_is_refused(make_problem: MakeProblem) -> None:
    with pytest.raises(InputError, match=r"^`precision` must be 'float64' or 'float32', got 'float16'$"):
        make_problem(precision="float16")


def test_a_network_without_room_is_a_lack_of_memory(call: Call) -> None:
    widths = np.array([2, 2**23, 2**23, 1])
    count = int(np.sum(widths[1:] * (widths[:-1] + 1)))
    call.settings |= {"widths": widths, "seeds": np.empty(0, np.uint64)}
    call.start = np.empty((0, count))
    call.arrays = {name: array[:0] for name, array in call.arrays.items()}
    call.arrays |= {"final": np.empty((0, count)), "snapshots": np.empty((0, 2, count))}
    call.threads = 3
    with pytest.raises(MemoryError, match=r"^there is no room for the workspaces of 3 threads, \d+ bytes each; "):
        call()


def test_more_records_than_there_is_room_for_are_a_lack_of_memory(make_problem: MakeProblem) -> None:
    problem = make_problem(steps=2**47, recording=Recording(every=1))
    with pytest.raises(MemoryError, match="Unable to allocate"):
        native.train(problem, parameters(problem), (0, 1))

"""What every loss of the catalogue must obey, and parity with scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from sklearn.metrics import log_loss, mean_squared_error

from firstdraw.arrays import Floats, Integers
from firstdraw.losses import LOSSES, BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError

BCE, SOFTMAX, SQUARED = BinaryCrossEntropy(), SoftmaxCrossEntropy(), SquaredError()
CASES = [(cls(), classes) for cls in LOSSES.values() for classes in (2, 4) if cls().outputs("classification", classes)]
every = pytest.mark.parametrize(("loss", "classes"), CASES, ids=str)


def example(loss: Loss, classes: int, m: int = 17, scale: float = 2.0) -> tuple[Floats, Floats, Integers]:
    """Return random outputs Z, encoded targets Y and the labels."""
    stream = np.random.default_rng(classes)
    labels = stream.integers(0, classes, m)
    Y = loss.encode(labels, classes)
    return stream.normal(0, scale, Y.shape), Y, labels


def test_every_loss_is_among_the_cases() -> None:
    assert {type(loss) for loss, _ in CASES} == set(LOSSES.values())


@every
def test_the_gradient_equals_central_finite_differences(loss: Loss, classes: int) -> None:
    Z, Y, _ = example(loss, classes)
    measured = np.empty_like(Z)
    h = 1e-5
    for place in np.ndindex(Z.shape):
        up, down = Z.copy(), Z.copy()
        up[place] += h
        down[place] -= h
        measured[place] = (loss.value(up, Y) - loss.value(down, Y)) / (2 * h)
    # Rounding: 1e-16 of a cost up to 10, divided by h.
    np.testing.assert_allclose(loss.gradient(Z, Y), measured, rtol=0, atol=3e-10)


@every
def test_the_hessian_product_equals_central_finite_differences_of_the_gradient(loss: Loss, classes: int) -> None:
    Z, Y, _ = example(loss, classes)
    V = np.random.default_rng(1).normal(size=Z.shape)
    h = 1e-5
    measured = (loss.gradient(Z + h * V, Y) - loss.gradient(Z - h * V, Y)) / (2 * h)
    # Rounding: 1e-16 of a gradient below 1, divided by h.
    np.testing.assert_allclose(loss.hessian_product(Z, Y, V), measured, rtol=0, atol=1e-10)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_hessian_product_keeps_shape_and_dtype(loss: Loss, classes: int, dtype: type) -> None:
    Z, Y, _ = example(loss, classes)
    product = loss.hessian_product(Z.astype(dtype), Y.astype(dtype), Z.astype(dtype))
    assert product.dtype == dtype
    assert product.shape == Z.shape


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_keeps_shape_and_dtype(loss: Loss, classes: int, dtype: type) -> None:
    Z, Y, _ = example(loss, classes)
    gradient = loss.gradient(Z.astype(dtype), Y.astype(dtype))
    assert gradient.dtype == dtype
    assert gradient.shape == Z.shape
    np.testing.assert_allclose(gradient, loss.gradient(Z, Y), rtol=2e-5, atol=1e-6)


@every
def test_the_cost_is_the_mean_over_examples(loss: Loss, classes: int) -> None:
    Z, Y, _ = example(loss, classes)
    single = [loss.value(Z[:, [i]], Y[:, [i]]) for i in range(Z.shape[1])]
    assert loss.value(Z, Y) == pytest.approx(np.mean(single), rel=1e-14)


@every
def test_the_textbook_form_equals_the_safe_one_where_both_are_finite(loss: Loss, classes: int) -> None:
    # Up to outputs of about 9, where 1 - p still has twelve digits.
    Z, Y, _ = example(loss, classes, m=200, scale=2.0)
    assert loss.textbook_value(Z, Y) == pytest.approx(loss.value(Z, Y), rel=1e-12)


@every
def test_large_outputs_cost_what_they_should_without_overflow(loss: Loss, classes: int) -> None:
    _, Y, _ = example(loss, classes)
    large = 1e4
    with np.errstate(all="raise", under="ignore"):
        right = loss.value(large * (2 * Y - 1), Y)
        wrong = loss.value(large * (1 - 2 * Y), Y)
        gradient = loss.gradient(large * (1 - 2 * Y), Y)
    assert np.isfinite(gradient).all()
    if loss == BCE:
        assert (right, wrong) == (0, large)
    elif loss == SOFTMAX:
        # The wrong classes share the probability: ln(k - 1) more than the difference of the outputs.
        assert right == 0
        assert wrong == pytest.approx(2 * large + math.log(classes - 1), rel=1e-15)
    else:
        expected = [np.mean((large * (2 * Y - 1) - Y) ** 2), np.mean((large * (1 - 2 * Y) - Y) ** 2)]
        assert [right, wrong] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("label", [0, 1])
def test_the_textbook_cost_is_infinite_where_a_wrong_prediction_is_certain(label: int) -> None:
    wrong = 1e4 * (1 - 2 * label)
    for loss, Z in ((BCE, np.array([[wrong, 0.0]])), (SOFTMAX, np.array([[-wrong, 0.0], [wrong, 0.0]]))):
        Y = loss.encode(np.array([label, 1]), 2)
        assert loss.textbook_value(Z, Y) == math.inf
        assert math.isfinite(loss.value(Z, Y))


@pytest.mark.parametrize("label", [0, 1])
def test_the_textbook_cost_of_a_right_certain_prediction_is_nothing(label: int) -> None:
    right = 1e4 * (2 * label - 1)
    for loss, Z in ((BCE, np.array([[right, 0.0]])), (SOFTMAX, np.array([[-right, 0.0], [right, 0.0]]))):
        Y = loss.encode(np.array([label, 1]), 2)
        assert loss.textbook_value(Z, Y) == pytest.approx(math.log(2) / 2, rel=1e-15)


def test_the_textbook_binary_cost_overflows_only_upward_of_37() -> None:
    # 1 - sigmoid(z) rounds to 0 above 53 ln 2 = 36.7; sigmoid(-z) is still a number there.
    Z = np.array([[36.0]])
    assert math.isfinite(BCE.textbook_value(Z, np.zeros((1, 1))))
    assert BCE.textbook_value(Z + 2, np.zeros((1, 1))) == math.inf
    assert math.isfinite(BCE.textbook_value(-Z - 2, np.ones((1, 1))))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_textbook_binary_cost_of_outputs_that_are_not_finite_is_no_number(bad: float) -> None:
    assert math.isnan(BCE.textbook_value(np.array([[bad, 0.0]]), np.array([[1.0, 0.0]])))


@given(st.data())
@every
def test_no_constant_costs_less_than_the_constant_cost(loss: Loss, classes: int, data: st.DataObject) -> None:
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=12)))
    Y = loss.encode(labels, classes)
    output = data.draw(st.lists(st.floats(-20, 20), min_size=len(Y), max_size=len(Y)))
    other = np.broadcast_to(np.array(output)[:, np.newaxis], Y.shape)
    assert loss.constant_cost(Y) <= loss.value(other, Y) + 1e-12


@given(st.lists(st.integers(0, 2), min_size=1, max_size=30))
def test_the_constant_cost_of_a_cross_entropy_is_the_entropy_of_the_classes(labels: list[int]) -> None:
    shares = np.bincount(labels, minlength=3) / len(labels)
    entropy = float(special.entr(shares).sum())
    assert SOFTMAX.constant_cost(SOFTMAX.encode(np.array(labels), 3)) == pytest.approx(entropy, abs=1e-12)
    ones = np.minimum(labels, 1)
    share = ones.mean()
    binary = float(special.entr(share) + special.entr(1 - share))
    assert BCE.constant_cost(BCE.encode(ones, 2)) == pytest.approx(binary, abs=1e-12)


def test_the_constant_cost_of_the_squared_error_is_the_variance_of_the_targets() -> None:
    Y = np.random.default_rng(0).normal(3.0, 2.0, (2, 50))
    assert SQUARED.constant_cost(Y) == pytest.approx(Y.var(axis=1).mean(), rel=1e-13)


@every
def test_encoded_labels_are_classified_as_themselves(loss: Loss, classes: int) -> None:
    labels = np.arange(classes).repeat(3)
    Y = loss.encode(labels, classes)
    assert Y.shape == (loss.outputs("classification", classes), len(labels))
    assert Y.dtype == np.float64
    assert set(np.unique(Y)) == {0.0, 1.0}
    # A cross-entropy reads outputs around 0, the squared error around 1/2.
    Z = Y if loss == SQUARED else 2 * Y - 1
    classified = loss.classify(Z)
    np.testing.assert_array_equal(classified, labels)
    assert classified.dtype == np.int64


def test_a_single_output_means_class_one_strictly_above_one_half() -> None:
    above = np.array([[0.0, np.nextafter(0, 1), 1e-15, -1e-15]])
    assert BCE.classify(above).tolist() == [0, 0, 1, 0]
    half = np.array([[0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0)]])
    assert SQUARED.classify(half).tolist() == [0, 1, 0]


def test_of_equal_outputs_the_first_class_is_chosen() -> None:
    assert SOFTMAX.classify(np.zeros((3, 2))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("loss", "task", "dimensions", "outputs"),
    [
        (BCE, "classification", 2, 1),
        (BCE, "classification", 3, None),
        (BCE, "regression", 1, None),
        (SOFTMAX, "classification", 2, 2),
        (SOFTMAX, "classification", 5, 5),
        (SOFTMAX, "regression", 2, None),
        (SQUARED, "classification", 2, 1),
        (SQUARED, "classification", 3, 3),
        (SQUARED, "regression", 1, 1),
        (SQUARED, "regression", 4, 4),
    ],
)
def test_a_loss_says_how_many_outputs_it_needs(loss: Loss, task: str, dimensions: int, outputs: int | None) -> None:
    assert loss.outputs(task, dimensions) == outputs  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LOSSES)
def test_the_tasks_of_a_loss_are_those_it_has_outputs_for(name: str) -> None:
    loss = LOSSES[name]()
    fitting = {task for task in ("classification", "regression") if loss.outputs(task, 2) is not None}  # type: ignore[arg-type]
    assert set(loss.tasks) == fitting
    assert loss.formula.strip()


@every
def test_squashes_says_whether_predictions_saturate(loss: Loss, classes: int) -> None:
    Z, _, _ = example(loss, classes, scale=1e4)
    assert loss.squashes == bool(loss.predict(Z).max() <= 1)


# scikit-learn, from the predicted probabilities.


@pytest.mark.parametrize("loss", [BCE, SOFTMAX])
def test_the_cross_entropies_of_two_classes_equal_scikit_learn_s(loss: Loss) -> None:
    Z, Y, labels = example(loss, 2)
    P = loss.predict(Z)
    assert loss.value(Z, Y) == pytest.approx(log_loss(labels, P[-1]), rel=1e-13)


def test_the_softmax_cross_entropy_equals_scikit_learn_s() -> None:
    Z, Y, labels = example(SOFTMAX, 4)
    P = SOFTMAX.predict(Z)
    np.testing.assert_allclose(P.sum(axis=0), 1, rtol=1e-15)
    assert SOFTMAX.value(Z, Y) == pytest.approx(log_loss(labels, P.T), rel=1e-13)


def test_the_squared_error_equals_scikit_learn_s() -> None:
    Z, Y, _ = example(SQUARED, 4)
    assert SQUARED.value(Z, Y) == pytest.approx(mean_squared_error(Y.T, Z.T), rel=1e-14)


def test_two_softmax_outputs_are_a_binary_output_of_their_difference() -> None:
    Z, Y, _ = example(SOFTMAX, 2)
    assert SOFTMAX.value(Z, Y) == pytest.approx(BCE.value(Z[[1]] - Z[[0]], Y[[1]]), rel=1e-13)

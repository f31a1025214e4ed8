"""Splits: every example once, every class its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.datasets import Examples
from firstdraw.datasets.splitting import split
from firstdraw.losses import Task


def examples(targets: list[int]) -> Examples:
    return Examples(np.arange(float(len(targets)))[:, np.newaxis], np.array(targets, np.int64))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 2**48), st.data())
def test_classes_have_their_share_and_keep_a_training_example(
    counts: list[int], seed: int, data: st.DataObject
) -> None:
    targets = [k for k, count in enumerate(counts) for _ in range(count)]
    test_size = data.draw(st.integers(0, len(targets) - len(counts)))
    train, test = split(examples(targets), "classification", test_size=test_size, seed=seed)
    assert len(test) == test_size
    assert sorted([*train.inputs[:, 0], *test.inputs[:, 0]]) == list(range(len(targets)))
    for part in (train, test):
        assert part.targets.tolist() == [targets[int(i)] for i in part.inputs[:, 0]]
    assert np.unique(train.targets).tolist() == list(range(len(counts)))
    shares = np.array(counts) * test_size / len(targets)
    tested = np.bincount(test.targets, minlength=len(counts))
    assert (tested >= np.floor(shares)).all()
    if min(counts) > 1 and (np.ceil(shares) < counts).all():
        assert (tested <= np.ceil(shares)).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_example_is_as_likely_to_be_tested(task: Task) -> None:
    times = np.zeros(8)
    for seed in range(800):
        _, test = split(examples([0, 0, 0, 0, 1, 1, 1, 1]), task, test_size=2, seed=seed)
        times[test.inputs[:, 0].astype(int)] += 1
    # Binomial(800, 1/4): mean 200, deviation 12.2.
    assert np.abs(times - 200).max() < 50


def test_both_parts_come_in_random_order() -> None:
    train, test = split(examples([0] * 50 + [1] * 50), "classification", test_size=40, seed=0)
    for part in (train, test):
        assert 5 < np.count_nonzero(np.diff(part.targets)) < len(part) - 5


def test_the_split_keeps_its_rows() -> None:
    # Printed once by this code: a change here changes the data of everybody's experiments.
    _, test = split(examples([0, 1] * 5), "classification", test_size=4, seed=0)
    assert test.inputs[:, 0].tolist() == [9, 4, 7, 0]

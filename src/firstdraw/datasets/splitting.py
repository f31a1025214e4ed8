"""From one table to a training and a test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Integers
from firstdraw.datasets.contract import Dataset, DatasetRecipe, Examples
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.losses import Task
from firstdraw.rules import check_non_negative_integer, check_share

__all__ = ["SplitRecipe", "split"]


def split(examples: Examples, task: Task, *, test_size: int, seed: int) -> tuple[Examples, Examples]:
    """Return a training and a test part, both in random order.

    The order is that of one uniform draw an example, so it is the same on every machine. For classification
    every class has its share of the test part, to within one example where classes are not tiny, and keeps at
    least one training example.

    Args:
        examples: all of them; class numbers run from 0 without gaps.
        task: whether targets are classes.
        test_size: how many examples to test with; at most all but one (of each class, for classification).
        seed: the seed of the order.

    >>> table = Examples(np.arange(8.0).reshape(8, 1), np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    >>> train, test = split(table, "classification", test_size=4, seed=0)
    >>> sorted(train.targets.tolist()), sorted(test.targets.tolist())
    ([0, 0, 0, 1], [0, 0, 0, 1])
    """
    order = np.argsort(CounterDraws(seed).uniform("data.split", (len(examples),)), kind="stable")
    tested = np.zeros(len(examples), np.bool_)
    if task == "classification":
        numbers = examples.targets.astype(np.int64)
        counts = np.bincount(numbers)
        by_class = order[np.argsort(numbers[order], kind="stable")]
        rank = np.arange(len(examples)) - np.repeat(np.cumsum(counts) - counts, counts)
        tested[by_class] = rank < _test_counts(counts, test_size)[numbers[by_class]]
    else:
        tested[order[:test_size]] = True
    train, test = (order[tested[order] == part] for part in (False, True))
    return (
        Examples(examples.inputs[train], examples.targets[train]),
        Examples(examples.inputs[test], examples.targets[test]),
    )


def _test_counts(counts: Integers, test_size: int) -> Integers:
    """Return how many of each class to test with, by the method of largest remainders."""
    total = int(counts.sum())
    chosen = test_size * counts // total
    by_remainder = np.argsort(-(test_size * counts % total), kind="stable")
    # More than one round only where classes are so small that their last example must stay for training.
    while (missing := test_size - int(chosen.sum())) > 0:
        spare = by_remainder[chosen[by_remainder] < counts[by_remainder] - 1]
        chosen[spare[:missing]] += 1
    return chosen


def _is_switch(value: object) -> bool:
    return isinstance(value, (bool, np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecipe(DatasetRecipe):
    """A data set that comes as one table, of which a part is kept for testing.

    Args:
        test_share: the share of the examples to test with, in [0, 1); their number is the nearest integer.
        split_seed: the seed of the split.
        standardize: whether to shift and scale each input column to mean 0 and variance 1 over the training
            part.

    Raises:
        InputError: if an option is out of its range, or the split leaves a class no training example.
    """

    test_share: float = 0.25
    split_seed: int = 0
    standardize: bool = False

    def __post_init__(self) -> None:
        check_share("test_share", self.test_share)
        check_non_negative_integer("split_seed", self.split_seed)
        # A truthy text such as "no" must not pass for a yes.
        if not _is_switch(self.standardize):
            raise InputError("standardize", "must be true or false", self.standardize)

    def divided(self, table: Examples, task: Task, *, classes: tuple[str, ...], features: tuple[str, ...]) -> Dataset:
        """Return the table's data, split and, if asked for, standardized."""
        test_size = round(self.test_share * len(table))
        most = len(table) - (len(classes) if task == "classification" else 1)
        if test_size > most:
            what = f"every one of the {len(classes)} classes" if task == "classification" else "the training part"
            raise InputError(
                "test_share",
                f"must leave {what} a training example: at most {most} of {len(table)} examples"
                f" can be test examples, and it takes {test_size}",
                self.test_share,
            )
        train, test = split(table, task, test_size=test_size, seed=self.split_seed)
        data = Dataset(train=train, test=test, task=task, classes=classes, features=features)
        return data.standardized() if self.standardize else data

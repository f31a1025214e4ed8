"""One round Gaussian cloud a class, around centers drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe
from firstdraw.datasets.legacy import check_legacy_seed
from firstdraw.datasets.scikit import SCIKIT_LEARN, make
from firstdraw.datasets.sizes import check_sizes, numbered
from firstdraw.datasets.splitting import split
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative, check_positive_integer

__all__ = ["Blobs"]


@DATASETS.register("blobs")
@dataclass(frozen=True, slots=True)
class Blobs(DatasetRecipe):
    """scikit-learn's `make_blobs`: x = c_k + s z for class k, z ~ N(0, I), coordinates of c_k ~ U[-10, 10).

    Training and test examples have the same centers: all are drawn at once from NumPy's legacy stream, then
    split with equal shares of every class.

    Args:
        train_size: how many training examples, at least one a class.
        test_size: how many test examples; 0 for none.
        classes: how many blobs, at least 2.
        features: how many input columns.
        spread: s, the standard deviation of a blob along each axis.
        seed: the seed of the centers, the examples and the split.

    Raises:
        InputError: if an option is out of its range.

    >>> data = Blobs(classes=4, features=3).load()
    >>> data.train.inputs.shape, data.classes
    ((300, 3), ('0', '1', '2', '3'))
    """

    train_size: int = 300
    test_size: int = 100
    classes: int = 3
    features: int = 2
    spread: float = 1.0
    seed: int = 1
    description: ClassVar[str] = "round Gaussian clouds around random centers; any number of features and classes"
    source: ClassVar[Source | None] = SCIKIT_LEARN

    def __post_init__(self) -> None:
        check_positive_integer("classes", self.classes)
        if self.classes < 2:
            raise InputError("classes", "must be at least 2", self.classes)
        check_positive_integer("features", self.features)
        check_sizes(self.train_size, self.test_size, classes=self.classes, features=self.features)
        check_non_negative("spread", self.spread)
        check_legacy_seed("seed", self.seed)

    def load(self) -> Dataset:
        blobs = make(
            "make_blobs",
            self.train_size + self.test_size,
            self.seed,
            centers=self.classes,
            n_features=self.features,
            cluster_std=self.spread,
            shuffle=False,
        )
        train, test = split(blobs, "classification", test_size=self.test_size, seed=self.seed)
        return Dataset(
            train=train,
            test=test,
            task="classification",
            classes=tuple(str(k) for k in range(self.classes)),
            features=numbered(self.features),
        )

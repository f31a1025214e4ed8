"""Small measured data sets, as scikit-learn ships them: nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.catalogue import Source
from firstdraw.datasets.contract import DATASETS, Dataset, Examples
from firstdraw.datasets.scikit import shipped
from firstdraw.datasets.splitting import SplitRecipe

__all__ = ["BreastCancer", "Digits", "Iris", "Wine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shipped(SplitRecipe):
    loader: ClassVar[str]

    def load(self) -> Dataset:
        table = shipped(self.loader)
        return self.divided(
            Examples(np.asarray(table.data, np.float64), np.asarray(table.target, np.int64)),
            "classification",
            classes=tuple(str(name) for name in table.target_names),
            features=tuple(str(name) for name in table.feature_names),
        )


@DATASETS.register("digits")
@dataclass(frozen=True, slots=True, kw_only=True)
class Digits(_Shipped):
    """1,797 handwritten digits of 8 x 8 pixels, each pixel from 0 (paper) to 16 (ink).

    Args:
        test_share: the share of the examples to test with.
        split_seed: the seed of the split, which gives every class its share.
        standardize: whether to standardize the pixels over the training part; as shipped, their mean is 4.88.

    >>> data = Digits().load()
    >>> data.train.inputs.shape, data.test.inputs.shape, len(data.classes)
    ((1348, 64), (449, 64), 10)
    """

    loader: ClassVar[str] = "load_digits"
    description: ClassVar[str] = "1,797 handwritten digits of 8 x 8 pixels; 64 features, 10 classes"
    source: ClassVar[Source | None] = Source(
        "Alpaydin & Kaynak",
        1998,
        "Optical Recognition of Handwritten Digits",
        "https://doi.org/10.24432/C50P49",
    )


@DATASETS.register("iris")
@dataclass(frozen=True, slots=True, kw_only=True)
class Iris(_Shipped):
    """Four measures, in cm, of 150 flowers of three species of iris.

    Args:
        test_share: the share of the examples to test with.
        split_seed: the seed of the split, which gives every class its share.
        standardize: whether to standardize the measures over the training part.

    >>> Iris().load().classes
    ('setosa', 'versicolor', 'virginica')
    """

    loader: ClassVar[str] = "load_iris"
    description: ClassVar[str] = "150 flowers of three species; 4 features, 3 classes"
    source: ClassVar[Source | None] = Source(
        "Fisher",
        1936,
        "The use of multiple measurements in taxonomic problems",
        "https://doi.org/10.1111/j.1469-1809.1936.tb02137.x",
    )


@DATASETS.register("wine")
@dataclass(frozen=True, slots=True, kw_only=True)
class Wine(_Shipped):
    """Thirteen chemical measures of 178 wines from three growers.

    The columns' scales differ a thousandfold: a network hardly learns them unless they are standardized.

    Args:
        test_share: the share of the examples to test with.
        split_seed: the seed of the split, which gives every class its share.
        standardize: whether to standardize the measures over the training part.

    >>> Wine().load().features[:2]
    ('alcohol', 'malic_acid')
    """

    loader: ClassVar[str] = "load_wine"
    description: ClassVar[str] = "178 wines from three growers; 13 features of unlike scales, 3 classes"
    source: ClassVar[Source | None] = Source("Aeberhard & Forina", 1991, "Wine", "https://doi.org/10.24432/C5PC7J")


@DATASETS.register("breast_cancer")
@dataclass(frozen=True, slots=True, kw_only=True)
class BreastCancer(_Shipped):
    """Thirty measures of the cell nuclei in 569 biopsies, malignant (class 0) or benign (class 1).

    The columns' scales differ a hundred-thousandfold: a network hardly learns them unless they are
    standardized.

    Args:
        test_share: the share of the examples to test with.
        split_seed: the seed of the split, which gives every class its share.
        standardize: whether to standardize the measures over the training part.

    >>> BreastCancer().load().classes
    ('malignant', 'benign')
    """

    loader: ClassVar[str] = "load_breast_cancer"
    description: ClassVar[str] = "569 biopsies, malignant or benign; 30 features of unlike scales, 2 classes"
    source: ClassVar[Source | None] = Source(
        "Wolberg, Mangasarian, Street & Street",
        1993,
        "Breast Cancer Wisconsin (Diagnostic)",
        "https://doi.org/10.24432/C5DW2B",
    )

"""Floor 2. Data sets, each deterministic from its spec."""

from firstdraw.catalogue import import_members
from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples

import_members(__name__, __path__)

__all__ = ["DATASETS", "Dataset", "DatasetRecipe", "Examples"]

"""Floor 2. Parametrizations: how the law of a weight and its learning rate follow from the widths, one a file."""

from firstdraw.catalogue import import_members
from firstdraw.initializers.parametrizations.contract import PARAMETRIZATIONS, OptimizerFamily, Parametrization

import_members(__name__, __path__)

__all__ = ["PARAMETRIZATIONS", "OptimizerFamily", "Parametrization"]

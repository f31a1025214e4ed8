"""Floor 3. Initializers that look at data: from drawn parameters and a batch to fitted ones; one family a file."""

from firstdraw.catalogue import import_members
from firstdraw.fitted.contract import FITTED, Batch, Fit, Fitted, LayerFit

import_members(__name__, __path__)

__all__ = ["FITTED", "Batch", "Fit", "Fitted", "LayerFit"]

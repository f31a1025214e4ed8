"""Floor 2. From a parameter's role to its law; one published family a file."""

from firstdraw.catalogue import import_members
from firstdraw.initializers.contract import INITIALIZERS, Initializer

import_members(__name__, __path__)

__all__ = ["INITIALIZERS", "Initializer"]

"""Floor 1. Where random numbers come from."""

from firstdraw.catalogue import import_members
from firstdraw.draws.contract import DRAWS, Draws
from firstdraw.draws.elements import Shard

import_members(__name__, __path__)

from firstdraw.draws.counter import CounterDraws  # noqa: E402  # after the members have entered
from firstdraw.draws.numpy_legacy import NumpyLegacyDraws  # noqa: E402

__all__ = ["DRAWS", "CounterDraws", "Draws", "NumpyLegacyDraws", "Shard"]

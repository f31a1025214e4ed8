"""Floor 5. The store of finished runs: one file that survives what happens to processes, disks and bytes.

Runs are found by what determines them (`series_of`), written a batch a transaction (`Store.put`), and verified whenever
they are read. `check` finds and locates damage, `salvage` copies what is whole. A series is of a network of a spec, or
of one's own model (`ModelRun`).
"""

from firstdraw.experiments.store.check import Checked, check
from firstdraw.experiments.store.failures import MOST_ATTEMPTS, Failure
from firstdraw.experiments.store.keys import Description, Series, Wanted, described, series_of
from firstdraw.experiments.store.model_runs import ModelRun
from firstdraw.experiments.store.owners import LEASE, Owner, this_process
from firstdraw.experiments.store.salvage import Salvaged, salvage
from firstdraw.experiments.store.store import Finished, SeriesSummary, Store
from firstdraw.experiments.store.values import StoredRuns

__all__ = [
    "LEASE",
    "MOST_ATTEMPTS",
    "Checked",
    "Description",
    "Failure",
    "Finished",
    "ModelRun",
    "Owner",
    "Salvaged",
    "Series",
    "SeriesSummary",
    "Store",
    "StoredRuns",
    "Wanted",
    "check",
    "described",
    "salvage",
    "series_of",
    "this_process",
]

"""Floor 5. Specs, and what becomes of them."""

from firstdraw.experiments.reading import as_table, as_toml, read_file, read_table
from firstdraw.experiments.record import ExperimentRecord, ParameterRecord, RunRecord
from firstdraw.experiments.run import prepare, run, run_together
from firstdraw.experiments.sharing import Prepared, batches_of, total_steps
from firstdraw.experiments.spec import Initialization, Spec, Training

__all__ = [
    "ExperimentRecord",
    "Initialization",
    "ParameterRecord",
    "Prepared",
    "RunRecord",
    "Spec",
    "Training",
    "as_table",
    "as_toml",
    "batches_of",
    "prepare",
    "read_file",
    "read_table",
    "run",
    "run_together",
    "total_steps",
]

"""Floor 5. Specs, and what becomes of them."""

from firstdraw.experiments.propagation import (
    LayerComparison,
    PropagationComparison,
    compare_propagation,
    typical_pair,
)
from firstdraw.experiments.reading import as_table, as_toml, read_file, read_table
from firstdraw.experiments.record import ExperimentRecord, ParameterRecord, RunRecord
from firstdraw.experiments.run import prepare, run, run_together
from firstdraw.experiments.sharing import Prepared, batches_of, total_steps
from firstdraw.experiments.spec import Initialization, Spec, Training

__all__ = [
    "ExperimentRecord",
    "Initialization",
    "LayerComparison",
    "ParameterRecord",
    "Prepared",
    "PropagationComparison",
    "RunRecord",
    "Spec",
    "Training",
    "as_table",
    "as_toml",
    "batches_of",
    "compare_propagation",
    "prepare",
    "read_file",
    "read_table",
    "run",
    "run_together",
    "total_steps",
    "typical_pair",
]

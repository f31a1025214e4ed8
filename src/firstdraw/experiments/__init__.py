"""Floor 5. Specs, and what becomes of them."""

from firstdraw.experiments.grid import (
    Axis,
    Cell,
    Grid,
    grid_as_table,
    grid_as_toml,
    prepare_cells,
    read_grid_file,
    read_grid_table,
)
from firstdraw.experiments.reading import as_table, as_toml, read_file, read_table
from firstdraw.experiments.record import ExperimentRecord, ParameterRecord, RunRecord
from firstdraw.experiments.run import prepare, run, run_together
from firstdraw.experiments.sharing import Prepared, batches_of, total_steps
from firstdraw.experiments.spec import Initialization, Spec, Training

__all__ = [
    "Axis",
    "Cell",
    "ExperimentRecord",
    "Grid",
    "Initialization",
    "ParameterRecord",
    "Prepared",
    "RunRecord",
    "Spec",
    "Training",
    "as_table",
    "as_toml",
    "batches_of",
    "grid_as_table",
    "grid_as_toml",
    "prepare",
    "prepare_cells",
    "read_file",
    "read_grid_file",
    "read_grid_table",
    "read_table",
    "run",
    "run_together",
    "total_steps",
]

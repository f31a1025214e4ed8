"""Floor 3. Training: a problem and the initial parameters of many networks in, their trajectories out."""

from firstdraw.engine.batches import Batches
from firstdraw.engine.choice import Engine, engine_named
from firstdraw.engine.optimizers import OPTIMIZERS, SGD, Optimizer
from firstdraw.engine.problem import Columns, Precision, Problem, Recording, columns
from firstdraw.engine.records import Progress, record_bytes
from firstdraw.engine.trajectory import Outcome, Trajectory

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Batches",
    "Columns",
    "Engine",
    "Optimizer",
    "Outcome",
    "Precision",
    "Problem",
    "Progress",
    "Recording",
    "Trajectory",
    "columns",
    "engine_named",
    "record_bytes",
]

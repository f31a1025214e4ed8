"""firstdraw: a laboratory for the weight initialization of neural networks.

See what an initialization does to training, choose one on evidence, and repair a model whose initialization is
broken.

    import firstdraw
    result = firstdraw.run()          # the exercise: zeros, normal x10, Xavier, He
    result.plot_boundary("He")
    result.save("report.html")

Names are loaded when they are first used, so that `import firstdraw` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from firstdraw.version import __version__

if TYPE_CHECKING:
    from firstdraw import figures
    from firstdraw.activations import ACTIVATIONS
    from firstdraw.datasets import DATASETS
    from firstdraw.draws import DRAWS
    from firstdraw.dropins import as_jax, as_keras, as_torch
    from firstdraw.engine import OPTIMIZERS
    from firstdraw.errors import FirstdrawError, InputError, OutputError, StoreError
    from firstdraw.experiments import Initialization, Spec, Training
    from firstdraw.explanations import Explanation, explain
    from firstdraw.grid_result import GridResult
    from firstdraw.initializers import INITIALIZERS
    from firstdraw.laboratory import read_grid, read_spec, run, run_grid
    from firstdraw.losses import LOSSES
    from firstdraw.papers import PAPERS
    from firstdraw.result import Result

__all__ = [
    "ACTIVATIONS",
    "DATASETS",
    "DRAWS",
    "INITIALIZERS",
    "LOSSES",
    "OPTIMIZERS",
    "PAPERS",
    "Explanation",
    "FirstdrawError",
    "GridResult",
    "Initialization",
    "InputError",
    "OutputError",
    "Result",
    "Spec",
    "StoreError",
    "Training",
    "__version__",
    "as_jax",
    "as_keras",
    "as_torch",
    "explain",
    "figures",
    "read_grid",
    "read_spec",
    "run",
    "run_grid",
]

_HOMES: Final = {
    "ACTIVATIONS": "activations",
    "DATASETS": "datasets",
    "DRAWS": "draws",
    "INITIALIZERS": "initializers",
    "LOSSES": "losses",
    "OPTIMIZERS": "engine",
    "PAPERS": "papers",
    "Explanation": "explanations",
    "FirstdrawError": "errors",
    "GridResult": "grid_result",
    "Initialization": "experiments",
    "InputError": "errors",
    "OutputError": "errors",
    "Result": "result",
    "Spec": "experiments",
    "StoreError": "errors",
    "Training": "experiments",
    "as_jax": "dropins",
    "as_keras": "dropins",
    "as_torch": "dropins",
    "explain": "explanations",
    "read_grid": "laboratory",
    "read_spec": "laboratory",
    "run": "laboratory",
    "run_grid": "laboratory",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    if name in _HOMES:
        return getattr(importlib.import_module(f"firstdraw.{_HOMES[name]}"), name)
    if name == "figures":
        return importlib.import_module("firstdraw.figures")
    raise AttributeError(f"module 'firstdraw' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""Floor 7. What models of PyTorch do and hold, and what they should: `pip install 'firstdraw[torch]'`.

    import firstdraw.torch
    print(firstdraw.torch.check(model, batch))                   # what its layers do, what is wrong, and what to do
    print(firstdraw.torch.identify(model))                       # which tensor holds which law, and the known faults
    record = firstdraw.torch.initialize(model, "auto", seed=0)   # laws by the role of each parameter
    print(firstdraw.torch.repair(model, batch))                  # the cheapest change that makes it train, with code
    print(firstdraw.torch.compare(factory, loader, loss, adam))  # which initialization trains it better, how surely
    print(firstdraw.torch.coordinate_check(factory, batch, widths=[64, 256, 1024]))  # what grows with the width

Names are loaded when they are first used; PyTorch is imported by the first call.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from firstdraw.torch.asserting import assert_well_initialized
    from firstdraw.torch.checking import check
    from firstdraw.torch.comparing import compare
    from firstdraw.torch.comparison.shown import Comparison
    from firstdraw.torch.coordinates.asking import coordinate_check
    from firstdraw.torch.coordinates.shown import CoordinateCheck
    from firstdraw.torch.identifying import identify
    from firstdraw.torch.initializing import initialize
    from firstdraw.torch.repaired import Repair
    from firstdraw.torch.repairing import repair
    from firstdraw.torch.roles import roles_of
    from firstdraw.torch.shown import Check

__all__ = [
    "Check",
    "Comparison",
    "CoordinateCheck",
    "Repair",
    "assert_well_initialized",
    "check",
    "compare",
    "coordinate_check",
    "identify",
    "initialize",
    "repair",
    "roles_of",
]

# No file bears the name of a function: importing it would put the module in the function's place.
_HOMES: Final = {
    "Check": "shown",
    "Comparison": "comparison.shown",
    "CoordinateCheck": "coordinates.shown",
    "Repair": "repaired",
    "assert_well_initialized": "asserting",
    "check": "checking",
    "compare": "comparing",
    "coordinate_check": "coordinates.asking",
    "identify": "identifying",
    "initialize": "initializing",
    "repair": "repairing",
    "roles_of": "roles",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    if name in _HOMES:
        return getattr(importlib.import_module(f"firstdraw.torch.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'firstdraw.torch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

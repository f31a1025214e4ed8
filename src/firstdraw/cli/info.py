"""`firstdraw info`."""

from __future__ import annotations

import platform

import click

from firstdraw import compiled
from firstdraw.engine import native
from firstdraw.version import __version__

__all__ = ["print_the_installation"]


def print_the_installation() -> None:
    """Print the versions, and what the engine makes of this machine."""
    click.echo(f"firstdraw {__version__}, Python {platform.python_version()}, {platform.machine()}")
    if not native.is_built():
        click.echo("engine: reference (NumPy); the native engine was not compiled, for want of a C++20 compiler")
        click.echo("        install one (on Debian and Ubuntu: apt install g++) and install firstdraw again")
        return
    click.echo(f"engine: native, {native.best_target()} of {', '.join(native.targets())}")
    click.echo(f"threads: {compiled.cores()}")
    for precision in ("float64", "float32"):
        peak = native.measured_peak(precision)
        click.echo(f"peak of a core, {precision}: {peak / 1e9:.0f} GFLOP/s, measured")

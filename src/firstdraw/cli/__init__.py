"""Floor 7. The command line. Nothing heavy is imported until a command needs it."""

from firstdraw.cli.main import main

__all__ = ["main"]

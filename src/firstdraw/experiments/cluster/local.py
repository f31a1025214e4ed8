"""A cluster on this machine: a process with the scheduler, which keeps the processes of the workers alive.

These are started as commands, apart from the process that coordinates: they neither meet its interrupts nor import its
main program again. Each ends when its standard input does: when the process that started it ends, however that comes.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import IO, Any, Final, cast

from firstdraw.compiled import cores
from firstdraw.experiments.cluster.failure import ClusterError

__all__ = ["local_cluster"]

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60.0
END_SECONDS: Final = 1.0
RESTART_SECONDS: Final = 0.2
"""Between the end of a worker and the start of the next: one that cannot start does not take a whole core."""


@contextmanager
def local_cluster(processes: int) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """Start workers on this machine, with the cores divided among them, and give the address of their scheduler.

    Args:
        processes: how many workers.

    Raises:
        ClusterError: if they do not start.
    """
    threads = max(1, cores() // processes)
    command = [sys.executable, "-P", "-m", __spec__.name, "serve", str(processes), str(threads)]
    with (
        # Otherwise each worker keeps its files in a folder that outlives it.
        tempfile.TemporaryDirectory(prefix="firstdraw-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as told,
        subprocess.Popen(  # noqa: S603  # this module
            [*command, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, start_new_session=True
        ) as process,
    ):
        try:
            yield _address(process, told), process
        finally:
            _end(process)


def _address(process: subprocess.Popen[bytes], told: IO[bytes]) -> str:
    output = cast("IO[bytes]", process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        address = output.readline().decode().strip() if selector.select(START_SECONDS) else ""
    if not address:
        told.seek(0)
        lines = told.read().decode(errors="replace").split("\n")
        reason = next((line.strip() for line in reversed(lines) if line.strip()), "they did not say why")
        raise ClusterError(f"the workers on this machine did not start: {reason}")
    return address


def _end(process: subprocess.Popen[bytes]) -> None:
    cast("IO[bytes]", process.stdin).close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def serve(processes: int, threads: int, folder: str) -> None:
    """Run a scheduler, and keep so many workers alive, until the standard input ends."""
    _end_with_input(lambda: shutil.rmtree(folder, ignore_errors=True))
    asyncio.run(_serve(processes, threads, folder))


async def _serve(processes: int, threads: int, folder: str) -> None:
    distributed, dask = _dask()
    # The death of a worker is heard at once where Dask tries none of its tasks again.
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    async with distributed.Scheduler(host=HOST, port=0, dashboard=False) as scheduler:
        sys.stdout.write(f"{scheduler.address}\n")
        sys.stdout.flush()
        await asyncio.gather(*(_keep_alive(scheduler.address, threads, folder) for _ in range(processes)))


async def _keep_alive(scheduler: str, threads: int, folder: str) -> None:
    """Start a worker, and another one whenever it dies; Dask's nannies give up a worker that dies while it starts."""
    command = ["-P", "-m", __spec__.name, "work", scheduler, str(threads), folder]
    while True:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=subprocess.PIPE)
        await process.wait()
        await asyncio.sleep(RESTART_SECONDS)


def work(scheduler: str, threads: int, folder: str) -> None:
    """Be a worker until the standard input ends, or the scheduler does."""
    _end_with_input(lambda: None)
    asyncio.run(_work(scheduler, threads, folder))


async def _work(scheduler: str, threads: int, folder: str) -> None:
    distributed, _ = _dask()
    options = {"host": HOST, "nthreads": threads, "memory_limit": 0, "local_directory": folder, "dashboard": False}
    async with distributed.Worker(scheduler, **options) as worker:
        await worker.finished()


def _dask() -> tuple[Any, Any]:
    return importlib.import_module("distributed"), importlib.import_module("dask")


def _end_with_input(clean: Callable[[], object]) -> None:
    """End this process when its standard input does; to take leave in order takes Dask seconds."""

    def wait() -> None:
        sys.stdin.buffer.read()
        clean()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", processes, threads, folder]:
            serve(int(processes), int(threads), folder)
        case ["work", scheduler, threads, folder]:
            work(scheduler, int(threads), folder)
        case _:
            pass

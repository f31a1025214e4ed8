"""The line to a cluster: workers are asked, and what became of it is heard, without ever waiting for the network.

All of Dask runs in a thread of its own. Dask may try a task again that is on a worker that died: here each task is for
one worker, and is forgotten with it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import logging
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

from firstdraw.errors import FirstdrawError
from firstdraw.experiments.cluster.address import Cluster
from firstdraw.experiments.cluster.failure import ClusterError
from firstdraw.experiments.cluster.local import local_cluster
from firstdraw.experiments.cluster.worker import Refused, halt

__all__ = ["Answer", "Connection", "Lost", "Present", "connected"]

CONNECT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.5
"""How often to look which workers there are; a worker takes longer to come back after it died."""
SILENCE_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 0.5
LOGGERS: Final = ("distributed", "distributed.client", "distributed.core", "distributed.scheduler", "asyncio")
"""Of Dask, and of what it leaves behind when a task is forgotten; those whose levels it sets itself are named."""


@dataclass(frozen=True, slots=True)
class Present:
    """Which workers there are, each with its number of threads; None where the scheduler did not tell."""

    workers: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Lost:
    """A task was lost on the way.

    Args:
        by_death: whether Dask says that its worker died of it.
    """

    by_death: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a task: what the worker returned, or how it was lost."""

    number: int
    value: object


class Connection:
    """The line to a cluster; made by `connected`.

    Args:
        distributed: the module.
        client: Dask's.
        address: of the scheduler.
        has_ended: whether the cluster is known to have ended.
    """

    def __init__(self, distributed: Any, client: Any, address: str, has_ended: Callable[[], bool]) -> None:  # noqa: ANN401
        self.address = address
        self.has_ended = has_ended
        self._distributed = distributed
        self._client = client
        self._heard: SimpleQueue[Present | Answer] = SimpleQueue()
        self._tasks: dict[int, concurrent.futures.Future[None]] = {}
        self._watching = self._start(self._watch())

    @property
    def name(self) -> str:
        """What no other connection to the cluster is called."""
        return self._client.id

    def hear(self, seconds: float) -> Present | Answer | None:
        """Return the next thing that is heard; None where nothing is for so long."""
        try:
            return self._heard.get(timeout=seconds)
        except Empty:
            return None

    def ask(self, number: int, worker: str, function: Callable[[Any], object], argument: object) -> None:
        """Have a worker call a function; the answer is heard under the number."""
        self._tasks[number] = self._start(self._ask(number, worker, function, argument))

    def forget(self, number: int) -> None:
        """Stop waiting for an answer."""
        if task := self._tasks.pop(number, None):
            task.cancel()

    def close(self) -> None:
        """End everything, also what workers are at, as far as that takes no time."""
        self._watching.cancel()
        busy = bool(self._tasks)
        for number in list(self._tasks):
            self.forget(number)
        if busy and not self.has_ended():
            with suppress(Exception):
                self._start(self._halt()).result(CLOSE_SECONDS)
        with suppress(Exception):
            self._client.close(timeout=CLOSE_SECONDS)

    def _start(self, work: Coroutine[Any, Any, None]) -> concurrent.futures.Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._client.loop.asyncio_loop)

    async def _ask(self, number: int, worker: str, function: Callable[[Any], object], argument: object) -> None:
        # What a worker raises is a value by then: all that comes out of here is Dask's, or no worker can read the task.
        try:
            value = await self._client.submit(function, argument, workers=[worker], pure=False, retries=0)
        except self._distributed.scheduler.KilledWorker:
            value = Lost(by_death=True)
        except (asyncio.CancelledError, concurrent.futures.CancelledError, TimeoutError, OSError):
            value = Lost(by_death=False)
        except Exception as error:  # whatever a worker of another kind says
            value = Refused(_reason(error))
        if self._tasks.pop(number, None) is not None:
            self._heard.put(Answer(number, value))

    async def _watch(self) -> None:
        while True:
            workers: dict[str, int] | None = None
            with suppress(Exception):
                workers = await asyncio.wait_for(self._client.scheduler.ncores(), SILENCE_SECONDS)
            self._heard.put(Present(workers))
            await asyncio.sleep(LOOK_SECONDS)

    async def _halt(self) -> None:
        await self._client.run(halt, self.name, on_error="ignore")


@contextmanager
def connected(cluster: Cluster) -> Generator[Connection]:
    """Connect to a cluster, which is started where it is one of this machine.

    Raises:
        FirstdrawError: if Dask is not installed.
        ClusterError: if no scheduler answers, or the processes do not start.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
        dask: Any = importlib.import_module("dask")
    except ModuleNotFoundError:
        rule = "a cluster needs Dask.distributed, which is not installed: `pip install 'firstdraw[cluster]'`"
        raise FirstdrawError(rule) from None
    with ExitStack() as stack:
        address, has_ended = cluster.scheduler, _never
        if address is None:
            address, process = stack.enter_context(local_cluster(cluster.processes))

            def has_ended() -> bool:
                return process.poll() is not None

        stack.enter_context(_quiet())
        # Examples travel once to each worker that needs them, whatever their size.
        stack.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}))
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ClusterError(f"no Dask scheduler answers at {address}: {reason}") from None
        connection = Connection(distributed, client, address, has_ended)
        try:
            yield connection
        finally:
            connection.close()


def _reason(error: BaseException) -> str:
    """Return the first line of what Dask wraps in other errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    first, *_ = [*str(error).splitlines(), ""]
    return f"{type(error).__name__}: {first}"


def _never() -> bool:
    return False


@contextmanager
def _quiet() -> Generator[None]:
    """Keep what Dask logs of workers that come and go from whoever waits: it is told where it matters."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

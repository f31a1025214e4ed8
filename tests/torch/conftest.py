"""What the tests of PyTorch models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

# A program that the tests of shards start, and models that several tests read; both need PyTorch to be read.
collect_ignore = ["one_process.py", "zoo"]

# A test that takes one of these names runs once for each of the models of the zoo that it stands for.
SELECTIONS: dict[str, Callable[[Any], bool]] = {
    "specimen": lambda _: True,
    "healthy_specimen": lambda one: one.answer == "healthy",
    "trainable_specimen": lambda one: one.twin is not None,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, is_wanted in SELECTIONS.items():
        if name in metafunc.fixturenames:
            # The file is read where there is no PyTorch too; the tests that ask for models are not.
            from .zoo import ZOO

            chosen = {key: one for key, one in ZOO.items() if is_wanted(one)}
            metafunc.parametrize(name, chosen.values(), ids=chosen)


@pytest.fixture(scope="session")
def zoo() -> Any:
    """Return all models with known answers, by their names."""
    pytest.importorskip("torch")
    from .zoo import ZOO

    return ZOO


@pytest.fixture(scope="session")
def make_hugging_face() -> Callable[[str], Any]:
    """Make a small model of a family from its configuration; nothing is downloaded."""
    pytest.importorskip("torch")
    from .zoo.hugging_face import MAKERS, library

    transformers = library()
    return lambda name: MAKERS[name](transformers)


@pytest.fixture(scope="module")
def mesh() -> Iterator[Any]:
    """A mesh of this process alone, which holds all of every shard."""
    torch: Any = pytest.importorskip("torch")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,))
    finally:
        torch.distributed.destroy_process_group()

"""The engine and its proofs in C++, compiled without Python: see main.cpp."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "native"
# As in native/CMakeLists.txt, but for the level of optimization; and no warning is let pass.
FLAGS = ("-std=c++20", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
CONTRACTION = {"kernels": "-ffp-contract=fast", "draws": "-ffp-contract=off"}
# GCC calls its own intrinsics uninitialized where the sanitizers keep it from inlining them; Clang knows no such
# option.
WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-uninitialized",
    "-Wno-maybe-uninitialized",
    "-Wno-unknown-warning-option",
)
X86_KERNELS: dict[int, Sequence[str]] = {
    16: (),
    32: ("-mavx2", "-mfma"),
    64: ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"),
}


@pytest.fixture
def command() -> Callable[..., str]:
    """Run a command, and return what it printed; fail with that if it fails."""

    def run(*words: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(  # noqa: S603  # the words are this folder's own
            words, capture_output=True, text=True, check=False, env=os.environ | (environment or {})
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{(done.stdout + done.stderr)[-8000:]}"
        return done.stdout

    return run


@pytest.fixture
def need() -> Callable[[str, str], None]:
    """Skip where a program is not there."""

    def look(program: str, package: str) -> None:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the path; on Debian and Ubuntu: apt install {package}")

    return look


@pytest.fixture
def x86_kernels() -> dict[int, Sequence[str]]:
    """The flags of each width of vectors, as in native/CMakeLists.txt."""
    return X86_KERNELS


@pytest.fixture
def compile_kernels(tmp_path: Path, command: Callable[..., str]) -> Callable[..., list[str]]:
    """Compile sources once a width of vectors, and return the object files."""

    def compile_all(
        compiler: str, kernels: dict[int, Sequence[str]], *flags: str, sources: Sequence[str] = ("kernels",)
    ) -> list[str]:
        objects: list[str] = []
        for source in sources:
            for width, instructions in kernels.items():
                objects.append(str(tmp_path / f"{source}_{width}.o"))
                command(
                    compiler, *FLAGS, CONTRACTION[source], *WARNINGS, *flags, *instructions,
                    f"-DFIRSTDRAW_BYTES={width}", "-c", str(NATIVE / f"{source}.cpp"), "-o", objects[-1],
                )  # fmt: skip
        return objects

    return compile_all


@pytest.fixture
def compile_proofs(
    tmp_path: Path, command: Callable[..., str], compile_kernels: Callable[..., list[str]]
) -> Callable[..., Path]:
    """Compile the kernels, the engine and the proofs to one program."""

    def compile_all(compiler: str, kernels: dict[int, Sequence[str]], *flags: str) -> Path:
        program = tmp_path / "proofs"
        sources = [*(str(NATIVE / f"{name}.cpp") for name in ("engine", "target"))]
        sources += map(str, sorted(HERE.glob("*.cpp")))
        objects = compile_kernels(compiler, kernels, *flags)
        command(compiler, *FLAGS, *WARNINGS, *flags, f"-I{NATIVE}", *sources, *objects, "-pthread", "-o", str(program))
        return program

    return compile_all

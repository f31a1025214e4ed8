"""The engine without Python: under the sanitizers, for 64-bit Arm, and one instruction set beside the other."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# More optimization takes the compilers minutes under the sanitizers, less takes the proofs minutes.
SANITIZERS = ("-Og", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Memory that nobody has written to is NaN, so that what reads it shows in the results.
SANITIZED = {"ASAN_OPTIONS": "max_malloc_fill_size=4294967296:malloc_fill_byte=255:allocator_may_return_null=1"}
COMPILERS = {"g++": "g++", "clang++": "clang"}
X86 = ("x86_64", "AMD64")
PASSED = " 0 failed\n"
Kernels = dict[int, Sequence[str]]


@pytest.fixture
def kernels(x86_kernels: Kernels) -> Kernels:
    return x86_kernels if platform.machine() in X86 else {16: ()}


# Clang 14 takes more than seven minutes over the widest kernels with its sanitizers.
@pytest.mark.parametrize("compiler", ["g++"])
def test_the_engine_under_the_sanitizers(
    compiler: str,
    kernels: Kernels,
    need: Callable[[str, str], None],
    command: Callable[..., str],
    compile_proofs: Callable[..., Path],
    tmp_path: Path,
) -> None:
    need(compiler, COMPILERS[compiler])
    empty = tmp_path / "empty.cpp"
    empty.write_text("int main() {}\n", encoding="utf-8")
    try:
        command(compiler, *SANITIZERS, str(empty), "-o", str(tmp_path / "empty"))
    except AssertionError:
        pytest.skip(f"{compiler} has no sanitizers here")
    assert command(str(compile_proofs(compiler, kernels, *SANITIZERS)), environment=SANITIZED).endswith(PASSED)


def test_the_engine_on_64_bit_arm(
    need: Callable[[str, str], None], command: Callable[..., str], compile_proofs: Callable[..., Path]
) -> None:
    need("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu")
    need("qemu-aarch64", "qemu-user")
    program = compile_proofs("aarch64-linux-gnu-g++", {16: ()}, "-O2")
    assert command("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", str(program), "quick").endswith(PASSED)


@pytest.mark.skipif(platform.machine() not in X86, reason="one instruction set only")
@pytest.mark.parametrize("compiler", list(COMPILERS))
def test_instruction_sets_share_no_function(
    compiler: str,
    kernels: Kernels,
    need: Callable[[str, str], None],
    command: Callable[..., str],
    compile_kernels: Callable[..., list[str]],
) -> None:
    """A function in two objects is linked once, from either, and may then use instructions the machine lacks."""
    need(compiler, COMPILERS[compiler])
    need("nm", "binutils")
    defined: Counter[str] = Counter()
    for path in compile_kernels(compiler, kernels, "-O3", sources=("kernels", "draws")):
        symbols = [line.split(maxsplit=2) for line in command("nm", "-C", "--defined-only", path).splitlines()]
        # Small letters are an object's own, but for u.
        defined.update({name for _, kind, name in symbols if kind.isupper() or kind == "u"})
    # Each gives the functions of kernels.hpp, in both precisions; all else is its own.
    assert len(defined) >= 12 * len(kernels)
    assert [name for name, count in defined.items() if count > 1] == []

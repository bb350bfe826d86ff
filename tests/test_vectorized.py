"""Every named hot loop is vectorised in the built library, at full width, each clamp one instruction.

What the compiler made is read from the assembly, so that no change of compiler, flags or spelling takes it away unseen.
"""

import dataclasses
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from assembly import count_packed, innermost_loops, intruders, read_functions

SOURCES = Path(__file__).parent.parent / "fastml/c"
FLAGS = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fPIC", "-w"]
COMPILER = shlex.split(os.environ.get("CC") or "cc")
REGISTERS = {"base": "xmm", "avx2": "ymm", "avx512": "zmm"}
MAX_UNROLLING = 64

pytestmark = [
    pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="reads x86-64 assembly"),
    pytest.mark.skipif(platform.system() != "Linux", reason="reads ELF files"),
]


def give_up(reason):
    """Skip on somebody's machine; fail on a build server, where nobody would see that nothing was tested."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{reason}, and CI is set")
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="module")
def objdump():
    if shutil.which("objdump") is None:
        give_up("no objdump (Debian: binutils)")


@dataclasses.dataclass(frozen=True)
class Hot:
    """What a hot loop does to one vector of elements; the compiler may unroll it."""

    kernel: str
    dtypes: tuple[str, ...] = ("f32", "f64")
    fma: tuple[int, int] = (0, 0)  # of float32 (and float16), of float64
    min: int = 0
    max: int = 0
    cmp: tuple[int, int] = (0, 0)  # at most, the clamps' own not included
    div: int = 0
    sub: int | None = None  # where nothing else tells the loop
    fused: bool = False  # a clamp's select is done by the operation beside it: a compare stands for the min or max
    folded: int = 0  # selects between a value and its negative or 0, which Clang makes a min or max
    several: bool = False  # the function has loops that differ, and may have them unrolled entirely
    half: tuple[str, ...] = ()  # dtypes that use 32-byte vectors on AVX-512 too
    isas: tuple[str, ...] = ("avx2", "avx512")  # the base table is for size, but for the element-wise loops


FLOATS, ALL = ("f32", "f64"), ("f16", "f32", "f64")
EXP = {"fma": (9, 14), "max": 2}
EXP_OF_X = EXP | {"max": 1}
ELEMENTWISE = [
    Hot("sigmoid", fma=(9, 14), min=2, max=2, div=1),
    Hot("tanh", fma=(14, 19), min=1, cmp=(1, 2), div=1),
    Hot("relu", max=1),
    Hot("sigmoid_backward", fma=(1, 1)),
    Hot("tanh_backward", fma=(1, 1)),
    Hot("relu_backward", cmp=(1, 1)),
    Hot("log_sigmoid", fma=(14, 25), min=1, max=1, div=1),
    Hot("softplus", fma=(14, 25), max=2, div=1),
    Hot("silu", fma=(10, 15), max=1, cmp=(1, 1), div=1),
    Hot("gelu", fma=(21, 36), min=1, max=1, cmp=(1, 1), div=1),
    Hot("leaky_relu", cmp=(1, 1)),
    Hot("soft_threshold", max=1, cmp=(1, 1)),
    Hot("elu", fma=(9, 14), max=1, cmp=(1, 1)),
    Hot("log_sigmoid_backward", fma=(12, 17), max=1, cmp=(1, 1), div=1),
    Hot("softplus_backward", fma=(12, 17), max=1, cmp=(1, 1), div=1),
    Hot("silu_backward", fma=(18, 23), min=1, max=1, cmp=(2, 2), div=1),
    Hot("gelu_backward", fma=(26, 41), min=1, cmp=(2, 2), div=1),
    Hot("leaky_relu_backward", cmp=(2, 2)),
    Hot("elu_backward", fma=(11, 16), max=1, cmp=(1, 1)),
]
HOT_LOOPS = [
    *(dataclasses.replace(hot, isas=tuple(REGISTERS)) for hot in ELEMENTWISE),
    Hot("softmax_block_max", max=1, several=True),
    Hot("softmax_block_exp", **EXP_OF_X),
    Hot("softmax_block_drop", cmp=(1, 1), several=True),
    Hot("softmax_block_sum", sub=4),
    Hot("softmax_block_scale", fma=(1, 1)),
    Hot("softmax_block_log", sub=2),
    Hot("softmax_tile_max", ALL, max=1, several=True),
    Hot("softmax_tile_exp", ALL, **EXP_OF_X),
    Hot("softmax_tile_rest", ALL, **EXP_OF_X, cmp=(2, 2)),
    Hot("softmax_tile_flush", ALL, sub=4, several=True),
    Hot("softmax_tile_write", fma=(1, 1), several=True),
    Hot("softmax_tile_write", ALL, sub=2, several=True),
    Hot("softmax_tile_write", ("f16",), fma=(10, 15), max=1, several=True),
    Hot("backward_block_dot", fma=(2, 2), sub=4),
    Hot("backward_row", fma=(10, 15), max=1, several=True),  # log_softmax_backward
    Hot("backward_tile", ALL, fma=(10, 15), max=1, several=True),
    Hot("entropy_block", fma=(11, 10), cmp=(3, 3)),
    Hot("mse_loss", sub=1),
    Hot("mae_loss", cmp=(2, 2), sub=1),
    Hot("huber_loss", min=1, max=1),
    Hot("binary_cross_entropy", fma=(24, 22), cmp=(16, 16)),
    Hot("binary_cross_entropy_of_labels", fma=(12, 11), cmp=(10, 10)),
    Hot("binary_cross_entropy_with_logits", fma=(18, 29), max=1, cmp=(4, 4), div=1),
    Hot("binary_cross_entropy_with_pos_weight", fma=(18, 29), max=1, cmp=(4, 4), div=1),
    Hot("sum_class", ALL, **EXP_OF_X, cmp=(1, 1), several=True),
    Hot("write_class", fma=(1, 1), several=True),
    Hot("finish_tile", ALL, fma=(31, 40), max=2, cmp=(7, 7), several=True),
    Hot("toward_block", sub=1, cmp=(2, 2)),
    Hot("toward_class", sub=1, cmp=(2, 2), several=True),
    Hot("spread_block", fma=(1, 1)),
    Hot("given_block", fma=(11, 10), cmp=(10, 10)),
    Hot("given_class", ALL, fma=(11, 10), cmp=(8, 8), several=True),
    Hot("shares", ALL, fma=(1, 1), several=True),
    Hot("dropout_apply", fma=(1, 1)),
    Hot("noise_apply", fma=(22, 29), cmp=(3, 3)),
    Hot("norm_sums", ("f64",), sub=1),
    Hot("norm_sums_columns", ("f64",), sub=1),
    Hot("norm_apply", fma=(2, 2), sub=1),
    Hot("norm_apply", fma=(1, 1), sub=2, several=True),  # gradients: three without fma
    Hot("norm_apply_element", fma=(2, 2), sub=1),
    Hot("norm_apply_element", fma=(1, 1), sub=2, several=True),
    Hot("norm_gradient", ("f64",), sub=8),
    Hot("norm_gradient_columns", ("f64",), sub=1),
    Hot("logistic_dots", fma=(1, 1), half=FLOATS),
    Hot("logistic_activate", fma=(9, 14), max=1, cmp=(3, 3), fused=True, folded=2),
    Hot("logistic_sum_log1p", fma=(11, 10), several=True),
    Hot("logistic_weigh", fma=(11, 10), several=True),
    Hot("logistic_gradient", fma=(8, 8), several=True),
    Hot("logistic_scores", fma=(1, 1)),
    Hot("logistic_softmax_rows", **EXP),
    Hot("logistic_softmax_gradient", fma=(1, 1)),
    Hot("l1_slopes", cmp=(1, 1)),
    Hot("l1_add_slopes", cmp=(1, 1)),
    Hot("l2_add_slopes", fma=(1, 1)),
    Hot("sgd_plain", fma=(1, 1)),
    Hot("sgd_momentum", fma=(2, 2)),
    Hot("sgd_nesterov", fma=(3, 3)),
    Hot("sgd_plain_l2", fma=(2, 2)),
    Hot("sgd_momentum_l1", fma=(2, 2), cmp=(2, 2)),
    Hot("sgd_nesterov_l1_l2", fma=(4, 4), cmp=(2, 2)),
    Hot("adam_loop", fma=(4, 4), cmp=(1, 1), div=1),
]
CASES = [pytest.param(hot, dtype, isa, id=f"{hot.kernel}-{isa}-{dtype}")
         for hot in HOT_LOOPS for isa in hot.isas for dtype in hot.dtypes]  # fmt: skip


def is_expected(counts, hot, isa, double, unrolled):
    """Whether these are the operations of `hot` on so many vectors."""
    fma, cmp = hot.fma[double] * unrolled, hot.cmp[double] * unrolled
    clamps, chosen = (hot.min + hot.max) * unrolled, counts["min"] + counts["max"] + counts["cmp"]
    multiplied = counts["mul"] >= fma if isa == "base" else counts["fma"] == fma
    # GCC 12 folds the select of a clamp into a masked instruction on AVX-512 where it can: fused, too
    if hot.fused or isa == "avx512":
        clamped = clamps <= chosen <= clamps + cmp or (hot.fused and chosen == cmp > 0)
    else:
        clamped = (counts["min"], counts["max"]) == (hot.min * unrolled, hot.max * unrolled) and counts["cmp"] <= cmp
    if hot.folded:
        bounds = counts["min"] + counts["max"]
        clamped |= clamps <= bounds <= clamps + hot.folded * unrolled and counts["cmp"] <= cmp
    divided = not hot.div or counts["div"] == hot.div * unrolled
    subtracted = hot.sub is None or counts["sub"] == hot.sub * unrolled
    recognized = fma or clamps or hot.sub or counts["cmp"] == cmp > 0
    return bool(multiplied and clamped and divided and subtracted and recognized)


def is_somewhere(counts, hot, isa, double):
    """Whether a function has the operations of `hot`, on two vectors or more, among others."""
    fma = counts["mul"] if isa == "base" else counts["fma"]
    found = ((fma, hot.fma[double]), (counts["min"], hot.min), (counts["max"], hot.max), (counts["sub"], hot.sub or 0))
    return all(count >= 2 * expected for count, expected in found)


def problem(functions, hot, dtype, isa):
    """Return None where a loop is what `hot` says, or the loop unrolled to its end; else what there is instead."""
    name = f"{hot.kernel}_{isa}_{dtype}"
    if name not in functions:
        return f"{name}: no such function"
    double = dtype == "f64"
    suffix = "pd" if double else "ps"
    register = "ymm" if isa == "avx512" and dtype in hot.half else REGISTERS[isa]
    seen = []
    for loop in innermost_loops(functions[name]):
        counts, wrong = count_packed(loop, suffix, register), intruders(loop, suffix, register)
        if not wrong and any(is_expected(counts, hot, isa, double, n) for n in range(1, MAX_UNROLLING + 1)):
            return None
        seen.append(f"{len(loop)} instructions, {dict(counts)}, not vector code: {len(wrong)} {wrong[:3]}")
    counts = count_packed(functions[name], suffix, register)
    if any(is_expected(counts, hot, isa, double, n) for n in range(2, MAX_UNROLLING + 1)):
        return None
    if hot.several and is_somewhere(counts, hot, isa, double):
        return None
    return "\n  ".join([f"{name}: expected {hot} on {register}, got {dict(counts)} in all, and the loops", *seen])


@pytest.fixture(scope="module")
def built():
    from fastml import _fastml_runtime

    functions = read_functions(_fastml_runtime.__file__)
    if not functions:
        give_up(f"{_fastml_runtime.__file__} is stripped of its symbols")
    return functions


@pytest.mark.parametrize(("hot", "dtype", "isa"), CASES)
def test_hot_loop_is_vectorized(built, hot, dtype, isa):
    found = problem(built, hot, dtype, isa)
    assert found is None, found


@pytest.mark.parametrize("isa", ["avx2", "avx512"])
def test_pixels_are_reversed_by_shuffles(built, isa):
    """One for each of the four vectors of the main loop, and each needs one store."""
    name = f"reverse_items_{isa}_u8"
    loops = [" ".join(map(str, loop)) for loop in innermost_loops(built[name])]
    assert any(text.count("vpshufb") == 4 for text in loops), loops


def compile_avx2(folder, *flags):
    target = folder / "isa_avx2.o"
    subprocess.run([*COMPILER, *FLAGS, *flags, "-c", str(folder / "isa_avx2.c"), "-o", str(target)], check=True)
    return read_functions(target)


@pytest.fixture
def sources(tmp_path):
    if shutil.which(COMPILER[0]) is None:
        give_up(f"no C compiler {COMPILER[0]}")
    return Path(shutil.copytree(SOURCES, tmp_path / "c"))


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_lost_vectorization_is_noticed(sources):
    # Clang's pragma asks for vectors at every level, GCC's only permits them
    rewrite(sources / "macros.h", '#define IVDEP _Pragma("clang loop vectorize(assume_safety)")', "#define IVDEP")
    functions = compile_avx2(sources, "-O1")
    # the others are written in vector types, which stay vectors at every level, or choose -O3 themselves
    for kernel in ("sigmoid", "tanh", "relu", "softplus_backward", "silu", "gelu", "huber_loss"):
        for hot in (hot for hot in HOT_LOOPS if hot.kernel == kernel):
            assert problem(functions, hot, "f32", "avx2") is not None, kernel


def test_lost_clamps_are_noticed(sources):
    rewrite(sources / "macros.h", '__asm__("" : "+x"(v))', "((void)(v))")
    if "clang" in subprocess.run([*COMPILER, "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("clang needs no opaque bounds")
    sigmoid = HOT_LOOPS[0]
    assert problem(compile_avx2(sources, "-O3"), sigmoid, "f32", "avx2") is not None

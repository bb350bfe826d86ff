"""What Windows gets, as far as another system can tell: setup.py's compiler, the C in clang-cl's eyes, the processor.

The headers of tests/c/windows stand for those of Visual Studio.
"""

import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
C = ROOT / "fastml/c"
COMPILER = shlex.split(os.environ.get("CC") or "cc")
X86 = platform.machine().lower() in ("x86_64", "amd64")


def clang():
    """Return a Clang of 19 or later, None where there is none."""
    for name in ("clang", *(f"clang-{version}" for version in range(30, 18, -1))):
        if path := shutil.which(name):
            version = subprocess.run([path, "-dumpversion"], capture_output=True, text=True, timeout=60).stdout
            if int(re.match(r"\d*", version)[0] or 0) >= 19:
                return path
    return None


CLANG = clang()
pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="not a checkout")


@pytest.fixture
def setup_py():
    """The module setup.py, which builds nothing when it is imported."""
    pytest.importorskip("setuptools.command.build_ext")
    pytest.importorskip("Cython.Build")
    spec = importlib.util.spec_from_file_location("setup_of_fastml", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "platform", "win32")  # it decides about flags
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def visual_studio(tmp_path, monkeypatch):
    """An installation of Visual Studio as setuptools sees it, with the commands that it would have run."""
    if sys.platform == "win32":
        pytest.skip("the real one is in use")
    pytest.importorskip("setuptools")
    tools = tmp_path / "VC" / "Tools"
    for name in ("MSVC/14.44/bin/HostX86/x64/cl.exe", "Llvm/x64/bin/clang-cl", "Llvm/ARM64/bin/clang-cl"):
        (tools / name).parent.mkdir(parents=True)
        (tools / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("INCLUDE", "changed")
    module = pytest.importorskip("distutils.compilers.C.msvc")
    found = {"include": str(ROOT / "tests/c/windows"), "path": str(tools / "MSVC/14.44/bin/HostX86/x64")}
    monkeypatch.setattr(module, "_get_vc_env", lambda spec: found)
    monkeypatch.setattr(module.Compiler, "include_dirs", [])
    return tools


def commands_of(setup_py, monkeypatch, target, name="_fastml_runtime"):
    """What setup.py would run on Windows to build one extension, without Cython."""
    from distutils.ccompiler import new_compiler

    from setuptools import Distribution

    module = next(module for module in setup_py.EXTENSIONS if module.name.endswith(name))
    module.sources = [source for source in module.sources if source.endswith(".c")]
    command = setup_py.BuildExt(Distribution({"ext_modules": [module]}))
    command.plat_name = target
    command.ensure_finalized()
    command.compiler, command.force, ran = new_compiler(compiler="msvc", force=True), True, []
    monkeypatch.setattr(command.compiler, "call", lambda line, **_: ran.append(line))
    monkeypatch.setattr(command.compiler, "mkpath", lambda *_: None)
    monkeypatch.chdir(ROOT)
    command.build_extensions()
    return ran


@pytest.mark.parametrize(("target", "triple"), [("win-amd64", "x86_64"), ("win-arm64", "arm64")])
def test_clang_cl_compiles(setup_py, visual_studio, monkeypatch, target, triple):
    *compiled, linked = commands_of(setup_py, monkeypatch, target)
    assert len(compiled) == len(list(C.glob("*.c")))
    for line in compiled:
        assert line[0] == str(visual_studio / "Llvm/x64/bin/clang-cl")
        assert f"--target={triple}-pc-windows-msvc" in line
        assert line.index("/O2") < line.index("/clang:-O2")
        assert "/GL" not in line
        assert {"/clang:-ffp-contract=off", "/clang:-fno-math-errno", "/clang:-std=gnu11"} <= set(line)
        assert not [option for option in line if "unwind" in option]
        assert f"-I{ROOT / 'tests/c/windows'}" not in line
    assert os.environ["INCLUDE"] == str(ROOT / "tests/c/windows")
    assert linked[0].endswith("link.exe")
    assert any("PyInit__fastml_runtime" in option for option in linked)
    assert not {"-lm", "-pthread"} & set(linked)


def test_the_machine_s_own_clang_cl_is_found(setup_py, visual_studio, monkeypatch):
    monkeypatch.setattr(setup_py.platform, "machine", lambda: "ARM64")
    assert commands_of(setup_py, monkeypatch, "win-arm64")[0][0] == str(visual_studio / "Llvm/ARM64/bin/clang-cl")
    on_path = visual_studio.parents[1] / "clang-cl"
    on_path.touch(mode=0o755)
    monkeypatch.setattr(setup_py, "EXTENSIONS", [setup_py.extension("_fastml_runtime", [], ["fastml/c/convert.c"])])
    assert commands_of(setup_py, monkeypatch, "win-arm64")[0][0] == str(on_path)


def test_without_clang_cl_the_build_says_what_to_install(setup_py, visual_studio, monkeypatch):
    shutil.rmtree(visual_studio / "Llvm")
    with pytest.raises(setup_py.PlatformError, match="install LLVM"):
        commands_of(setup_py, monkeypatch, "win-amd64")


@pytest.mark.skipif(CLANG is None, reason="no Clang 19 or later")
@pytest.mark.parametrize("target", ["win-amd64", "win-arm64"])
def test_clang_takes_the_flags_and_the_kernels(setup_py, visual_studio, monkeypatch, target):
    for line in commands_of(setup_py, monkeypatch, target)[:-1]:
        if any(name in " ".join(line) for name in ("threadpool.c", "cpu_count.c")):
            continue  # they need windows.h
        checked = [CLANG, "--driver-mode=cl", "/Zs", *line[1:]]
        done = subprocess.run(checked, capture_output=True, text=True, cwd=ROOT, timeout=120)
        assert done.returncode == 0, done.stderr
        ignored = [text for text in done.stderr.splitlines() if "unknown argument" in text]
        assert not [text for text in ignored if "-fvect-cost-model" not in text]  # GCC's alone


PROBE = """
#include "cpu_features.h"
#include <stdio.h>
int main(void) {
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl");
    printf("%d %d %d %d\\n", cpu_has_avx2(), !!avx2, cpu_has_avx512(), !!avx512);
    return 0;
}
"""


@pytest.mark.skipif(not X86 or sys.platform != "linux", reason="x86-64 Linux")
@pytest.mark.skipif(shutil.which(COMPILER[0]) is None, reason="no C compiler")
def test_the_processor_says_what_the_compiler_s_library_says(tmp_path):
    (tmp_path / "probe.c").write_text(PROBE)
    build = [*COMPILER, "-std=gnu11", "-Wall", "-Werror", f"-I{C}", "probe.c", "-o", "probe"]
    subprocess.run(build, cwd=tmp_path, check=True, timeout=120)
    done = subprocess.run([tmp_path / "probe"], capture_output=True, text=True, check=True, timeout=60)
    answers = done.stdout.split()
    assert answers[::2] == answers[1::2]

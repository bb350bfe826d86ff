"""The source distribution holds every file that git knows, and what tools name is there."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import conftest
import pytest

ROOT = Path(__file__).parent.parent
OURS_ALONE = (".github/", ".gitignore")  # of use in a clone only
FROM_SETUPTOOLS = {"README.md", "LICENSE", "MANIFEST.in", "pyproject.toml", "setup.py"}


@pytest.fixture(scope="module")
def tracked():
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "--cached", "--others"]
    try:
        listed = subprocess.run([*git, "--exclude-standard"], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if listed.returncode != 0 or "MANIFEST.in" not in listed.stdout.split():
        pytest.skip("not a clone")
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_every_tracked_file_is_in_the_sdist(tracked, monkeypatch):
    filelist = pytest.importorskip("setuptools.command.egg_info").FileList
    monkeypatch.chdir(ROOT)
    files = filelist()
    for line in Path("MANIFEST.in").read_text(encoding="utf-8").splitlines():
        files.process_template_line(line)
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    data = settings["tool"]["setuptools"]["package-data"]
    for package, patterns in data.items():
        folder = Path(package.replace(".", "/"))
        files.extend(str(path) for pattern in patterns for path in folder.glob(pattern))
    held = {Path(name).as_posix() for name in files.files} | FROM_SETUPTOOLS
    assert {"fastml/c/macros.h", "fastml/_dense.pxi", "tests/conftest.py"} <= held
    assert not {name for name in tracked - held if not name.startswith(OURS_ALONE)}


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists() or not (ROOT / "fastml").exists(), reason="not a checkout")
def test_licences_are_in_the_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fastml" / "data").glob("*LICENSE*")}
    assert set(project["license-files"]) == {"LICENSE", *files}
    assert len(files) == 2


LISTS = {
    "sanitize": ("OF_THE_BUILD", "OF_THREADS"),
    "coverage_kernels": ("UNSUITABLE",),
    "coverage_python": ("UNSUITABLE",),
    "arm64": ("LAST",),
    "python_mutants": ("TESTS",),
    "tiers": ("FAMILIES",),
}


@pytest.mark.skipif(not (ROOT / "tools").exists(), reason="not a checkout")
@pytest.mark.parametrize("tool", LISTS)
def test_the_tests_that_tools_name_are_there(tool, monkeypatch):
    """A file that has another name now would be run again by a tool that leaves it out, or no longer by the others."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    module = runpy.run_path(str(ROOT / "tools" / f"{tool}.py"))
    for each in LISTS[tool]:
        assert_there(module[each].values() if isinstance(module[each], dict) else module[each])


def test_the_tests_that_conftest_names_are_there():
    assert_there(name.removeprefix("test_") for name in conftest.THREAD_UNSAFE)


def assert_there(lists):
    words = lists.split() if isinstance(lists, str) else [word for text in lists for word in text.split()]
    named = {re.sub(r"^(tests/)?(test_)?|(\.py.*)$", "", word) for word in words}
    there = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert len(named) > 3
    assert not named - there

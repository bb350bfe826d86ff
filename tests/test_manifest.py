"""The source distribution holds every file that git knows: MANIFEST.in forgets none."""

import subprocess
import tomllib
from pathlib import Path

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

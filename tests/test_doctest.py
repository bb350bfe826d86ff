"""Every example runs as it is written: in the docstrings of fastml, compiled ones included, in README.md and docs."""

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

EXTRAS = {"fastml.dask": "distributed", "fastml.sklearn": "sklearn", "scipy": "scipy"}  # what they need
DTYPES = ("float16", "float32", "float64")
ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ACCURACY = ROOT / "docs" / "guide" / "accuracy.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if page.exists() and ">>> " in page.read_text("utf-8")]


def run(examples):
    """Run some doctests; return how many lines were tried and what went wrong."""
    report, tried = [], 0
    runner = doctest.DocTestRunner(verbose=False)
    for test in examples:
        tried += runner.run(test, out=report.append).attempted
    return tried, "".join(report)


def examples_of(module):
    """Find the doctests of a module.

    The finder knows the functions of Python files only where it can see their file, and Cython lists its functions a
    second time in ``__test__``: functions are taken one by one here, and the same text once.
    """
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = finder.find(module)
    for name, value in vars(module).items():
        if inspect.isroutine(value) and getattr(value, "__module__", None) == module.__name__:
            found += finder.find(value, f"{module.__name__}.{name}", module=module)
    return {test.docstring: test for test in found if test.examples}


def missing_extras():
    return [package for package, needed in EXTRAS.items() if importlib.util.find_spec(needed) is None]


def modules_of(package):
    yield package
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not info.name.endswith("__main__") and info.name not in missing_extras():
            yield importlib.import_module(info.name)


def test_docstrings(fastml):
    tests = {}
    for module in modules_of(fastml):
        tests |= examples_of(module)
    tried, report = run(tests.values())
    assert not report, report
    assert tried > len(tests)


def test_every_public_name_has_an_example(fastml):
    public = {name: getattr(fastml, name) for name in fastml.__all__ if callable(getattr(fastml, name))}
    del public["FitResult"]  # only returned
    public |= {f"ufuncs.{name}": getattr(fastml.ufuncs, name) for name in fastml.ufuncs.__all__}
    assert not [name for name, value in public.items() if ">>> " not in (value.__doc__ or "")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(fastml, page):
    text = page.read_text(encoding="utf-8")
    for package in missing_extras():
        text = "".join(part for part in re.split("(?=^```)", text, flags=re.MULTILINE) if f"from {package}" not in part)
    text = re.sub("^```.*$", "", text, flags=re.MULTILINE)  # a fence would end an output
    tried, report = run([doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)])
    assert not report, report
    assert tried > 1


@pytest.mark.skipif(not ACCURACY.exists(), reason="not a checkout")
def test_table_of_errors_is_that_of_the_docstrings(fastml):
    rows = re.findall(r"^\| (`.+?) \|(.*)\|$", ACCURACY.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = [(name, cells) for row, cells in rows for name in re.findall("`(.+?)`", row)]
    for name, cells in names:
        bounds = [cell.strip() for cell in cells.split("|")]
        said = [f"{ulp} ULP ({dtype})" for ulp, dtype in zip(bounds, DTYPES, strict=True) if ulp]
        assert f"Max error: {', '.join(said)}." in getattr(fastml, name).__doc__, name
    assert len(names) > 15

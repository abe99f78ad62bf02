"""Importing the package costs nothing and changes nothing."""

import subprocess
import sys
from pathlib import Path

import patronage

ROOT = Path(__file__).parents[1]


def run(code: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_neither_trackers_nor_fitters_nor_frames() -> None:
    heavy = "('mlflow', 'lifetimes', 'pandas', 'duckdb', 'xgboost', 'sklearn', 'matplotlib')"
    assert run(f"import sys, patronage; print([n for n in {heavy} if n in sys.modules])") == "[]"


def test_the_fitters_come_without_mlflow() -> None:
    code = "import sys; from patronage import LifetimeValue; print('mlflow' in sys.modules)"
    assert run(code) == "False"


def test_every_public_name_is_there_and_documented() -> None:
    for name in dir(patronage):
        if name != "__version__":
            assert getattr(patronage, name).__doc__, name


def test_the_map_of_rooms_names_what_each_room_has_at_the_root() -> None:
    told = (patronage.__doc__ or "").replace("\n                  ", "").splitlines()
    for name in set(dir(patronage)) - {"__version__"}:
        room = getattr(patronage, name).__module__.split(".")[1]
        (line,) = [line for line in told if line.startswith(f"{room} ")]
        assert name in line or room == "errors", name
    assert 25 <= len(dir(patronage)) <= 35


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(patronage, "BetaGeoFiter")


def test_nothing_global_is_changed_by_using_the_fitters() -> None:
    """Warning filters and pandas' options are as before, and no warning escapes as an error."""
    code = """
import warnings, pandas as pd, scipy.optimize, scipy.special, sklearn.base
filters, mode = list(warnings.filters), pd.get_option("display.max_rows")
errors = dict(__import__("numpy").geterr())
from patronage import BetaGeoFitter, GammaGammaFitter, LifetimeValue, rfm_summary
fit = BetaGeoFitter().fit([0, 1, 2, 5, 1], [0, 3, 8, 20, 5], [30, 30, 30, 30, 30])
fit.predict(10, 1, 5, 30)
assert warnings.filters == filters, set(map(str, warnings.filters)) ^ set(map(str, filters))
assert errors == dict(__import__("numpy").geterr())
print(mode == pd.get_option("display.max_rows"))
"""
    # A small sample may run to a limiting model, which the fit says as a warning.
    flags = ("-W", "error", "-W", "ignore::UserWarning")
    assert run(code, *flags).splitlines()[-1] == "True"


def test_constraints_hold_versions_and_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().split()
    assert all("==" in line and "/" not in line for line in lines)

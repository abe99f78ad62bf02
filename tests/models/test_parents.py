"""Importing the fitters leaves the process of the user as it was."""

import subprocess
import sys

SCRIPT = """
import sys, warnings
import patronage
assert "lifetimes" not in sys.modules
import pandas
def option():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pandas.get_option("mode.chained_assignment")
before = option()
import patronage.models.beta_geo, patronage.models.modified_beta_geo
assert option() == before
assert "lifetimes" in sys.modules
assert not [f for f in warnings.filters if f[0] == "ignore" and f[2] is FutureWarning]
model = patronage.models.beta_geo.BetaGeoFitter(penalizer_coef=0.01)
model.fit([0, 3, 9, 1], [0, 9, 30, 2], [30, 30, 31, 29])
model.predict(3, 1, 2, 3)
try:
    warnings.warn("still an error", FutureWarning)
except FutureWarning:
    pass
else:
    raise AssertionError("FutureWarning was silenced")
"""


def test_import_and_fit_are_silent_and_change_no_filter_or_option():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

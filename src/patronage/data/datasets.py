"""Data sets that come with the package, by name: real CDNOW orders and simulated tables."""

from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pyarrow as pa

from patronage.data import simulate
from patronage.data.mapping import nearest
from patronage.errors import DataError, SpecError

DATASETS = ("cdnow", *(f"simulated:{name}" for name in simulate.SIMULATED))


def is_dataset(name: str | Path) -> bool:
    """Say whether a source is the name of a data set.

    Examples
    --------
    >>> is_dataset("cdnow"), is_dataset("cdnow.csv")
    (True, False)
    """
    return isinstance(name, str) and name in DATASETS


def nearest_dataset(name: str) -> str:
    """Name the data set that was probably meant, as the end of a message."""
    close = get_close_matches(name, DATASETS, n=1, cutoff=0.6)
    return f" Did you mean the data set {close[0]}?" if close else ""


def load_dataset(name: str) -> pa.Table:
    """Load a data set as an Arrow table, under the names that `read_table` knows.

    cdnow is the master file of CDNOW: all 69,659 orders until 1998-06-30 of the 23,570
    customers who first bought at the music shop in the first quarter of 1997. It is read from
    the installed lifetimes package. The others are simulated, see `simulate`.

    Parameters
    ----------
    name
        One of `DATASETS`.

    Raises
    ------
    SpecError
        If there is no such data set.
    DataError
        If lifetimes is not installed.

    References
    ----------
    Fader and Hardie (2001), "Forecasting repeat sales at CDNOW: a case study", Interfaces
    31(3), S94-S107.

    Examples
    --------
    >>> load_dataset("cdnow").to_pandas().head(2)
      customer_id ordered_at  amount
    0       00001 1997-01-01   11.77
    1       00002 1997-01-12   12.00
    """
    if name not in DATASETS:
        raise SpecError(f"no data set is called {name!r}; {nearest(name, DATASETS)}.")
    simulated = simulate.SIMULATED.get(name.removeprefix("simulated:"), _cdnow)
    return pa.Table.from_pandas(simulated(), preserve_index=False).replace_schema_metadata()


def _cdnow() -> pd.DataFrame:
    # Found, not imported: importing lifetimes changes warnings and options of pandas.
    spec = find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise DataError("cdnow: lifetimes, whose file it is, is not installed.")
    lines = pd.read_csv(
        Path(spec.origin).parent / "datasets" / "CDNOW_master.txt", sep=r"\s+", dtype=str
    )
    return pd.DataFrame(
        {
            "customer_id": lines["customer_id"],
            "ordered_at": pd.to_datetime(lines["date"], format="%Y%m%d"),
            "amount": lines["dollar_value"].astype("float64"),
        }
    )

"""Agreement with ChannelAttribution's published data, and speed beside it in one run.

ChannelAttribution (PyPI) runs in an environment of its own under build/, which is made on first
use and is no dependency of the project. Each timing is the best of a few, in one process each,
with the two packages taking turns.

    python experiments/006-attribution/study.py [n_journeys]
"""

import csv
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from patronage.attribution.compare import attribute, compare_models
from patronage.attribution.markov import removal_effects
from patronage.attribution.paths import read_paths

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "006-attribution"
SHARED = Path(os.environ.get("PATRONAGE_SHARED_DATA", ROOT.parent / "shared" / "data"))
PATH_DATA = SHARED / "channelattribution_pathdata" / "PathData.csv"
PUBLISHED = {
    "conversions": "total_conversions",
    "value": "total_conversion_value",
    "nulls": "total_null",
}
HEURISTICS = ["first", "last", "linear"]
REPEATS = 3
FULL = 1_000_000

# Runs in the other environment: reads a table, prints seconds and credits as one line of JSON.
THEIRS = """
import json, sys, time
import pandas as pd
import ChannelAttribution as ca

table, conversions, value, nulls, what = sys.argv[1:]
frame = pd.read_csv(table)
began = time.perf_counter()
if what == "heuristics":
    out = ca.heuristic_models(frame, "path", conversions, value, flg_pro=False)
else:
    out = ca.markov_model(frame, "path", conversions, value, nulls, order=int(what),
                          verbose=False, flg_pro=False)
seconds = time.perf_counter() - began
while not isinstance(out, pd.DataFrame):
    out = out["result"] if isinstance(out, dict) else out[0]
print(json.dumps({"seconds": seconds, "table": out.to_dict("list")}))
"""


def their_python() -> Path:
    """Interpreter with ChannelAttribution, installed on first use."""
    folder = BUILD / "venv"
    python = folder / "bin" / "python"
    ready = BUILD / ".installed"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        wanted = ["channelattribution==2.2.5", "matplotlib", "pandas", "numpy"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        ready.touch()
    return python


def theirs(table: Path, columns: dict[str, str], what: str) -> tuple[float, pd.DataFrame]:
    """Seconds and result of ChannelAttribution on a CSV file, reading it not counted."""
    command = [their_python(), "-c", THEIRS, table, *columns.values(), what]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    out = json.loads(run.stdout.strip().splitlines()[-1])
    return out["seconds"], pd.DataFrame(out["table"]).sort_values("channel_name")


def ours(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def simulated(n_journeys: int, seed: int = 6) -> pd.DataFrame:
    """Journeys of four touches on average over twelve channels; one in five converts."""
    rng = np.random.default_rng(seed)
    names = pa.array([f"channel {at:02d}" for at in range(12)])
    weights = np.array([0.13] * 6 + [0.22 / 6] * 6)
    lengths = np.minimum(rng.geometric(0.25, n_journeys), 40)
    codes = rng.choice(12, lengths.sum(), p=weights / weights.sum())
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, names.take(pa.array(codes)))
    # Later channels convert better, so that the models disagree.
    last = codes[np.cumsum(lengths) - 1]
    converts = rng.random(n_journeys) < 0.1 + 0.02 * last
    return pd.DataFrame(
        {
            "path": pc.binary_join(lists, " > ").to_pandas(),
            "conversions": converts.astype(int),
            "value": np.where(converts, rng.gamma(2.0, 25.0, n_journeys).round(2), 0.0),
            "nulls": (~converts).astype(int),
        }
    )


def misplaced(theirs_: pd.Series, exact: np.ndarray) -> float:
    """Part of the credit that would have to move to be where it belongs."""
    return float(np.abs(theirs_.to_numpy() - exact).sum() / 2 / exact.sum())


def agreement() -> list[tuple[str, float, str]]:
    """Published data: heuristics must be equal, the simulation is as far off as it is."""
    if not PATH_DATA.exists():
        print(f"{PATH_DATA} not found: agreement is not measured")
        return []
    frame = pd.read_csv(PATH_DATA)
    rows = []
    _, table = theirs(PATH_DATA, PUBLISHED, "heuristics")
    for of, name in (("credit", "conversions"), ("value", "value")):
        mine = compare_models(frame, HEURISTICS, of=of, columns=PUBLISHED)
        off = max(
            float(np.abs(table[f"{model}_touch_{name}"].to_numpy() / mine[model] - 1).max())
            for model in HEURISTICS
        )
        rows.append((f"PathData heuristics {name}: largest relative difference", off, "relative"))
    for order in (1, 2, 3, 4):
        exact = attribute(frame, order=order, columns=PUBLISHED)["credit"].to_numpy()
        _, table = theirs(PATH_DATA, PUBLISHED, str(order))
        share = misplaced(table["total_conversions"], exact)
        name = f"PathData Markov order {order}: credit their simulation misplaces"
        rows.append((name, share, "share of conversions"))
    return rows


def speed(n_journeys: int) -> list[tuple[str, float, str]]:
    """Both packages in turns on the same table."""
    frame = simulated(n_journeys)
    table = BUILD / f"journeys_{n_journeys}.csv"
    frame.to_csv(table, index=False)
    relation = duckdb.connect().from_arrow(pa.Table.from_pandas(frame, preserve_index=False))
    columns = {"conversions": "conversions", "value": "value", "nulls": "nulls"}
    work: dict[str, Callable[[], Any]] = {
        "heuristics": lambda: compare_models(frame, HEURISTICS),
        "heuristics, DuckDB": lambda: compare_models(relation, HEURISTICS),
        "Markov": lambda: attribute(frame),
        "Markov, DuckDB": lambda: attribute(relation),
    }
    best = dict.fromkeys(work, np.inf)
    their_best = {"heuristics": np.inf, "1": np.inf}
    for _ in range(REPEATS):
        for name, run in work.items():
            best[name] = min(best[name], ours(run))
        for what, least in their_best.items():
            seconds, result = theirs(table, columns, what)
            their_best[what] = min(least, seconds)
    exact = attribute(frame)["credit"].to_numpy()
    rows: list[tuple[str, float, str]] = [("journeys", n_journeys, "count")]
    rows += [("touches", float(frame["path"].str.count(">").sum() + n_journeys), "count")]
    rows += [(f"{name}, patronage", seconds, "seconds") for name, seconds in best.items()]
    for name, what in (("heuristics", "heuristics"), ("Markov", "1")):
        rows.append((f"{name}, ChannelAttribution", their_best[what], "seconds"))
        rows.append((f"{name}: times faster", their_best[what] / best[name], "ratio"))
    share = misplaced(result["total_conversions"], exact)
    rows.append(("Markov: credit their simulation misplaces", share, "share of conversions"))
    paths = read_paths(frame)
    for order in (2, 3, 4):
        seconds = ours(partial(removal_effects, paths, order))
        rows.append((f"Markov order {order}, patronage, after reading", seconds, "seconds"))
    return rows


def write(rows: list[tuple[str, float, str]]) -> None:
    """Put the figures beside this file."""
    with (HERE / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["measure", "value", "unit"])
        writer.writerows((name, f"{value:.6g}", unit) for name, value, unit in rows)


def main() -> None:
    n_journeys = int(sys.argv[1]) if len(sys.argv) > 1 else FULL
    BUILD.mkdir(parents=True, exist_ok=True)
    rows = [*agreement(), *speed(n_journeys)]
    if n_journeys == FULL:  # a smaller run is a trial, whose times say nothing
        write(rows)
    for name, value, unit in rows:
        print(f"{name:60s} {value:12.6g} {unit}")


if __name__ == "__main__":
    main()

"""What stands beside the score table for the page: runs of the models, figures, drift, truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.errors import PatronageError, SpecError
from patronage.evaluation.counts import decile_table
from patronage.evaluation.reliability import reliability_curve
from patronage.jobs.report_scores import ScoreRows
from patronage.jobs.score_folders import ScoreSet
from patronage.models.lifetime_value import LifetimeValue
from patronage.report.material import ModelRecord, Truth
from patronage.tracking.artifact import Artifact
from patronage.tracking.registry import load_model
from patronage.tracking.run_records import read_csv, run_record, version_record

ROLES = {"lifetime_value": "value", "churn": "churn", "segments": "segments"}
ORDER = tuple(ROLES.values())
TELLING = {"holdout_value_deciles": "value", "holdout_reliability": "churn", "tiers": "segments"}
"""Table that only one kind of training logs, to what its model does."""
SHOWN = frozenset(
    {
        "credit", "intervals", "kpis", "funnel", "retention", "retention_matrix", "revenue",
        "revenue_matrix", "nps_trend", "csat_trend", "by_action",
    }
)  # fmt: skip
"""Tables of the commands that count which the page can show."""
DRIFT = "_drift.json"
READERS: dict[str, Callable[..., Any]] = {
    ".csv": read_csv,
    ".parquet": pd.read_parquet,
    ".json": pd.read_json,
}


def artifacts_of(sets: Sequence[ScoreSet]) -> dict[str, Artifact]:
    """Load the registered models behind score tables, by what they do; those that are there."""
    found: dict[str, Artifact] = {}
    for each in sets:
        for name, version in each.models.items():
            try:
                artifact = load_model(f"{name}/{version}")
            except PatronageError:
                # Scores outlive the store that they came from; the page says what it lacks.
                continue
            role = ROLES.get(artifact.kind)
            if role is not None:
                found.setdefault(role, artifact)
    return found


def records(artifacts: Mapping[str, Artifact], runs: Sequence[str]) -> dict[str, ModelRecord]:
    """Read how the models came to be; a run that a person names takes its model's place.

    Raises
    ------
    RegistryError
        If a named run is not in the store.
    SpecError
        If it is no run that trained or judged a model.
    """
    found = {}
    for role, artifact in sorted(artifacts.items(), key=lambda each: ORDER.index(each[0])):
        try:
            run = version_record(artifact.name, artifact.version)
        except PatronageError:
            continue
        found[role] = ModelRecord(
            artifact.name, artifact.version, run.tags, run.metrics, run.tables, run.documents
        )
    for run_id in runs:
        run = run_record(run_id)
        told = [role for table, role in TELLING.items() if table in run.tables]
        if not told:
            raise SpecError(
                f"--run {run_id}: logged no table of a holdout; name a run of patronage train or "
                "backtest."
            )
        own = found.get(told[0])
        name = run.experiment.rpartition("/")[2]
        tags = run.tags if own is None else {**own.tags, **run.tags}
        found[told[0]] = ModelRecord(
            name, own.version if own else "", tags, run.metrics, run.tables, run.documents
        )
    return found


def truth_since(
    rows: ScoreRows, before: ScoreSet, now: ScoreSet, artifacts: Mapping[str, Artifact]
) -> Truth | None:
    """Hold an earlier score table to what came since; None where it forecast nothing.

    The purchase model of that table forecasts the days between the two, from what the table
    knew of each customer; chances of leaving can be held to what came only where those days are
    the churn model's window.

    Parameters
    ----------
    artifacts
        Of the earlier table's models, by what they do.
    """
    needed = ("frequency", "recency_days", "age_days", "monetary_value")
    if before.as_of is None or now.as_of is None or not rows.has(*needed):
        return None
    if any(name not in before.columns for name in needed):
        return None
    days = (now.as_of - before.as_of).days
    seen = rows.since(before)
    if seen.empty:
        return None
    deciles, forecast = None, float("nan")
    value = artifacts.get("value")
    if value is not None:
        bought = _forecast(value.model, seen, days)
        deciles = decile_table(bought, seen["bought"]).reset_index()
        forecast = float(bought.sum())
    churn = _came_true(seen, artifacts.get("churn"), days)
    if deciles is None and churn is None:
        return None
    actual = float(seen["bought"].sum())
    return Truth(before.as_of, now.as_of, deciles, forecast, actual, churn)


def _forecast(model: LifetimeValue, seen: pd.DataFrame, days: int) -> Any:  # noqa: ANN401 - an array
    history = seen[["frequency", "recency", "T", "monetary_value"]].astype("float64")
    scores = copy(model).predict(history, horizon_days=days)
    return scores["expected_purchases"].to_numpy(dtype=np.float64)


def _came_true(seen: pd.DataFrame, churn: Artifact | None, days: int) -> pd.DataFrame | None:
    if churn is None or "churn_probability" not in seen:
        return None
    known = seen[seen["churn_probability"].notna()]
    if churn.details.get("horizon_days") != days or known.empty:
        return None
    left = (known["bought"] == 0).to_numpy(dtype=np.float64)
    chance = known["churn_probability"].to_numpy(dtype=np.float64)
    return pd.DataFrame(reliability_curve(left, chance))


def figures_in(folders: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Read the tables that commands wrote with --output, by file name.

    A folder of such folders does as well; of two tables of one name the later counts.

    Raises
    ------
    SpecError
        If a folder is not there or holds no table.
    """
    found: dict[str, pd.DataFrame] = {}
    for folder in folders:
        if not folder.is_dir():
            raise SpecError(f"--figures {folder}: no such folder; give one that --output made.")
        paths = [*sorted(folder.glob("*")), *sorted(folder.glob("*/*"))]
        tables = [path for path in paths if path.suffix in READERS and path.stem in SHOWN]
        if not tables:
            raise SpecError(
                f"--figures {folder}: holds no table of the page's; give the --output of "
                "patronage attribute, kpis, funnel, cohorts, satisfaction or decide."
            )
        found |= {path.stem: _table(path, folder) for path in tables}
    return found


def _table(path: Path, folder: Path) -> pd.DataFrame:
    try:
        table: pd.DataFrame = READERS[path.suffix](path)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SpecError(f"--figures {folder}: {path.name} is no table ({reason}).") from None
    return table


def drift_beside(sets: Sequence[ScoreSet]) -> pd.DataFrame | None:
    """Read what scoring found moved in its input and in the scores, the most moved first.

    Returns
    -------
    feature, psi, moved, n (rows compared) and limit (from which psi on a column counts as
    moved); None where scoring wrote nothing. What always moves with the calendar is left out; of
    models that share a column the larger move counts.
    """
    parts = []
    for each in sets:
        path = each.folder / DRIFT
        content = json.loads(path.read_bytes()) if path.is_file() else {}
        for model in content.get("models", {}).values():
            limit = model.get("max_drift")
            beside = {
                "n": content.get("rows"),
                "limit": content.get("warns_over") if limit is None else limit,
            }
            # A model that does not judge all customers compares those that it judges.
            parts += [
                row | beside | {"n": row.get("n_now") or beside["n"]} for row in model["columns"]
            ]
    found = pd.DataFrame(parts)
    if found.empty or not {"column", "psi", "moved", "by_calendar"} <= set(found):
        return None
    found = found[~found["by_calendar"].astype(bool) & found["psi"].notna()]
    found = found.rename(columns={"column": "feature"}).sort_values(
        ["psi", "feature"], ascending=[False, True]
    )
    found = found.drop_duplicates("feature").reset_index(drop=True)
    return found[["feature", "psi", "moved", "n", "limit"]].astype({"limit": "float64"})

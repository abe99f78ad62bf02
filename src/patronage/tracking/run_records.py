"""What a run of MLflow left on record, read back: tags, numbers, tables and documents."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from patronage.errors import RegistryError
from patronage.tracking.registry import find_version
from patronage.tracking.run import STORE, use_store


class RunRecord(NamedTuple):
    """A run, as it was logged.

    Attributes
    ----------
    run_id
    experiment
        Its name, patronage/<name of the model>.
    tags
        Of the run and, where it registered one, of the version over them.
    metrics
    tables
        By name, as `log_results` took them.
    documents
        By name, plain JSON.
    """

    run_id: str
    experiment: str
    tags: dict[str, str]
    metrics: dict[str, float]
    tables: dict[str, pd.DataFrame]
    documents: dict[str, Any]


def use_existing_store(beside: Sequence[Path] = ()) -> bool:
    """Point MLflow at the store that is there, and say whether one is.

    Looked for in this order: MLFLOW_TRACKING_URI, mlflow.db in the working directory, mlflow.db
    in one of the folders `beside`. None is created.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        use_store()
        return True
    for folder in (Path.cwd(), *beside):
        if (folder / STORE).is_file():
            use_store(folder)
            return True
    return False


def read_csv(source: Path | io.StringIO) -> pd.DataFrame:
    """Read a table that was written here: blanks are missing; a channel may be called None."""
    return pd.read_csv(source, keep_default_na=False, na_values=[""])


def version_record(name: str, version: str) -> RunRecord:
    """Read the run that registered a version.

    Raises
    ------
    RegistryError
        If there is no such version or its run is gone.
    """
    found = find_version(f"{name}/{version}")
    record = run_record(str(found.run_id))
    return record._replace(tags=record.tags | dict(found.tags))


def run_record(run_id: str) -> RunRecord:
    """Read a run by its id.

    Raises
    ------
    RegistryError
        If it is not in the store.
    """
    client = mlflow.MlflowClient()
    try:
        run = client.get_run(run_id)
        experiment = client.get_experiment(run.info.experiment_id).name
        tables = {
            Path(path).stem: read_csv(io.StringIO(_text(run_id, path)))
            for path in _files(client, run_id, "tables")
            if path.endswith(".csv")
        }
        documents = {
            Path(path).stem: json.loads(_text(run_id, path))
            for path in _files(client, run_id, None)
            if path.endswith(".json")
        }
    except (MlflowException, OSError) as error:
        raise RegistryError(
            f"run {run_id}: cannot be read at {mlflow.get_tracking_uri()} "
            f"({str(error).splitlines()[0]})."
        ) from None
    tags = {k: str(v) for k, v in run.data.tags.items() if not k.startswith("mlflow.")}
    return RunRecord(run_id, str(experiment), tags, dict(run.data.metrics), tables, documents)


def _files(client: Any, run_id: str, folder: str | None) -> list[str]:  # noqa: ANN401 - untyped
    return sorted(str(each.path) for each in client.list_artifacts(run_id, folder))


def _text(run_id: str, path: str) -> str:
    text: str = mlflow.artifacts.load_text(f"runs:/{run_id}/{path}")
    return text

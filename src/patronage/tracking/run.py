"""One MLflow run a job: where the store is, and what is logged."""

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import mlflow
import pandas as pd

from patronage.errors import SpecError

STORE, ARTIFACTS = "mlflow.db", "mlruns"


def use_store(folder: Path | None = None) -> str:
    """Point MLflow at its store and give the URI.

    Parameters
    ----------
    folder
        Where mlflow.db and the artifacts go, for this process from now on. By default what
        MLFLOW_TRACKING_URI says (always under `mlflow run`), else the working directory.

    Raises
    ------
    SpecError
        If the folder cannot be written.
    """
    # Half a dozen bars for files of a few kilobytes say nothing.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if "MLFLOW_RUN_ID" in os.environ:
        # The first run that starts takes the variable away; the store is to stay.
        _UNDER_MLFLOW_RUN.add(uri)
    if folder is not None and not _UNDER_MLFLOW_RUN:
        uri = _store_in(folder)
    elif not uri or uri in _DEFAULTS:
        # MLflow writes what it is set to into the environment: a default is no user's wish.
        uri = _store_in(Path.cwd())
        _DEFAULTS.add(uri)
    mlflow.set_tracking_uri(uri)
    if uri.startswith("sqlite:///"):
        _create_tables(Path(uri.removeprefix("sqlite:///")))
    return uri


_DEFAULTS: set[str] = set()
_UNDER_MLFLOW_RUN: set[str] = set()
"""The store of the `mlflow run` that this process was started by, if it was."""


def _store_in(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"{folder}: cannot be written, {error.strerror}.") from None
    return f"sqlite:///{folder.resolve() / STORE}"


def _create_tables(store: Path) -> None:
    """Let one process at a time create the store: two at once break its first migration."""
    if store.exists() and store.stat().st_size:
        return
    name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    with Path(tempfile.gettempdir(), f"patronage-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mlflow.MlflowClient().search_experiments(max_results=1)


@contextmanager
def tracked_run(experiment: str, run_name: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Run a job as an MLflow run and give its id; under `mlflow run`, as the run it opened."""
    if "MLFLOW_RUN_ID" in os.environ:
        with mlflow.start_run() as run:
            # `mlflow run` has logged its own parameters under their names already.
            mlflow.log_params({f"spec.{key}": value for key, value in params.items()})
            yield run.info.run_id
        return
    with mlflow.start_run(experiment_id=_experiment(experiment), run_name=run_name) as run:
        mlflow.log_params(dict(params))
        yield run.info.run_id


def _experiment(name: str) -> str:
    """Find or create an experiment; set_experiment would leave its id in the environment."""
    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    uri, place = str(mlflow.get_tracking_uri()), None
    if uri.startswith("sqlite:///"):
        # An explicit place: by default artifacts would go wherever the next process stands.
        place = (Path(uri.removeprefix("sqlite:///")).parent / ARTIFACTS).as_uri()
    return str(client.create_experiment(name, artifact_location=place))


class Picture(Protocol):
    """What can be logged as a picture."""

    @property
    def picture(self) -> str:
        """A file of SVG."""
        ...


def log_results(
    *,
    metrics: Mapping[str, float],
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Picture],
    documents: Mapping[str, Any],
) -> None:
    """Log numbers, tables (CSV, to read, JSON, for MLflow's table view), pictures (SVG), JSON."""
    mlflow.log_metrics({key: float(value) for key, value in metrics.items()})
    for name, table in tables.items():
        mlflow.log_table(table.reset_index(drop=True), f"tables/{name}.json")
        mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
    for name, picture in pictures.items():
        mlflow.log_text(picture.picture, f"pictures/{name}.svg")
    for name, document in documents.items():
        mlflow.log_dict(document, f"{name}.json")


def log_texts(texts: Mapping[str, str]) -> None:
    """Log files of text to the active run."""
    for name, text in texts.items():
        mlflow.log_text(text, name)


def log_tags(tags: Mapping[str, str]) -> None:
    """Tag the active run."""
    mlflow.set_tags(dict(tags))


def git_sha() -> str:
    """Commit that the working directory stands at, "unknown" outside a repository."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="patronage-") as name:
        yield Path(name)

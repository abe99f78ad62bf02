"""Where runs go."""

import os
from pathlib import Path

import mlflow
import pytest

from patronage.tracking import run
from patronage.tracking.run import tracked_run, use_store


def test_every_job_of_a_process_under_mlflow_run_keeps_the_store_that_it_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_UNDER_MLFLOW_RUN", set())
    before = mlflow.get_tracking_uri()
    store = f"sqlite:///{tmp_path / 'own.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    mlflow.set_tracking_uri(store)
    client = mlflow.MlflowClient()
    opened = client.create_run(client.create_experiment("project")).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    seen = []
    for name in ("back-test", "train"):
        assert use_store(tmp_path / "demo") == store
        with tracked_run("clv", name, {"spec": name}) as run_id:
            seen.append(run_id)
    mlflow.set_tracking_uri(before)
    assert "MLFLOW_RUN_ID" not in os.environ
    assert seen[0] == opened != seen[1]
    assert not (tmp_path / "demo").exists()

"""The MLflow registry: register, promote, find and load models by alias or version."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException

from patronage.errors import RegistryError
from patronage.tracking.artifact import Artifact, read_artifact, versions, write_artifact
from patronage.tracking.pyfunc import MODEL_CODE, signature
from patronage.tracking.run import git_sha, scratch_folder, use_store

CHAMPION, CHALLENGER = "champion", "challenger"
_PACKAGES = ("lifetimes", "numpy", "pandas", "scikit-learn", "scipy", "xgboost")
_REFERENCE = re.compile(
    r"^(?:models:/)?(?P<name>[^@/:]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))?$"
)


def register(artifact: Artifact, example: pd.DataFrame, tags: Mapping[str, str]) -> str:
    """Log a model to the active run, register it as challenger and give its version."""
    with scratch_folder() as scratch:
        folder, code = scratch / "model", scratch / "model_code.py"
        manifest_sha256 = write_artifact(artifact, folder)
        code.write_text(MODEL_CODE, encoding="utf-8")
        found = versions()
        logged = mlflow.pyfunc.log_model(
            name=artifact.name,
            python_model=str(code),
            artifacts={"model": str(folder)},
            model_config={"manifest_sha256": manifest_sha256},
            signature=signature(artifact, example),
            input_example=example,
            pip_requirements=[f"patronage=={found['patronage']}"]
            + [f"{package}=={found[package]}" for package in _PACKAGES],
        )
    client = mlflow.MlflowClient()
    with suppress(MlflowException):  # it is there from the second version on
        client.create_registered_model(artifact.name)
    # Tags come with the version: none is ever seen without its record.
    version = client.create_model_version(
        artifact.name,
        source=logged.model_uri,
        run_id=logged.run_id,
        model_id=logged.model_id,
        tags={**tags, "manifest_sha256": manifest_sha256, "git_sha": git_sha()},
    )
    client.set_registered_model_alias(artifact.name, CHALLENGER, str(version.version))
    return str(version.version)


def make_champion(name: str, version: str, tags: Mapping[str, str]) -> None:
    """Give a version the alias champion; it is challenger no longer."""
    client = mlflow.MlflowClient()
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
    client.set_registered_model_alias(name, CHAMPION, version)
    aliases = client.get_registered_model(name).aliases
    if str(aliases.get(CHALLENGER)) == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def load_model(reference: str | Path) -> Artifact:
    """Load a trained model by alias, version or directory.

    Parameters
    ----------
    reference
        "clv" (its champion), "clv@challenger", "clv/3", the same with "models:/" before it, or
        the folder of an artifact.

    Returns
    -------
    The model with its details; `predict` takes one row a customer.

    Raises
    ------
    RegistryError
        If there is no such model, or its files are not what was registered.
    """
    if isinstance(reference, Path) or Path(reference).is_dir():
        return _from_folder(Path(reference))
    use_store()
    found = find_version(reference)
    with scratch_folder() as scratch:
        try:
            local = mlflow.artifacts.download_artifacts(
                f"models:/{found.name}/{found.version}", dst_path=str(scratch)
            )
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"model {found.name} version {found.version}: its files are not to be had "
                f"({_first_line(error)}). A SQLite store holds absolute paths: was it moved?"
            ) from None
        return read_artifact(
            Path(local) / "artifacts" / "model",
            version=str(found.version),
            manifest_sha256=found.tags.get("manifest_sha256"),
        )


def _from_folder(folder: Path) -> Artifact:
    # The folder of a logged MLflow model holds ours two levels down.
    inner = folder / "artifacts" / "model"
    return read_artifact(inner if inner.is_dir() else folder)


def find_version(reference: str) -> Any:  # noqa: ANN401 - MLflow's untyped ModelVersion
    """Find a model version by reference; without alias or version, the champion."""
    match = _REFERENCE.match(reference)
    if match is None:
        raise RegistryError(
            f"{reference}: is neither a folder nor a model; write clv, clv@challenger or clv/3."
        )
    name, version = match["name"], match["version"]
    alias = match["alias"] or CHAMPION
    client = mlflow.MlflowClient()
    try:
        if version is not None:
            return client.get_model_version(name, version)
        return client.get_model_version_by_alias(name, alias)
    except MlflowException:
        raise RegistryError(_not_found(name, version, alias)) from None


def _not_found(name: str, version: str | None, alias: str) -> str:
    client = mlflow.MlflowClient()
    registered = [model.name for model in client.search_registered_models()]
    uri = mlflow.get_tracking_uri()
    if name not in registered:
        there = f"it has {', '.join(registered)}" if registered else "it is empty"
        return (
            f"model {name}: not in the registry at {uri}; {there}. Train it: patronage train SPEC."
        )
    if version is not None:
        known = sorted(int(v.version) for v in client.search_model_versions(f"name='{name}'"))
        return f"model {name}: has no version {version}; it has {', '.join(map(str, known))}."
    remedy = "promote one: patronage promote" if alias == CHAMPION else "train one: patronage train"
    return f"model {name}: no version is {alias} at {uri}; {remedy} {name}."


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

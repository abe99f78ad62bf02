"""A trained model on disk: plain JSON, named bytes, and a manifest that vouches for both.

No pickle: the loader checks every hash and builds only this package's own classes.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pandas as pd

from patronage.errors import DataError, RegistryError
from patronage.models.state import State

FORMAT = 1
MODEL_FILE, MANIFEST_FILE = "model.json", "manifest.json"

_CLASSES = {
    "lifetime_value": ("patronage.models.lifetime_value", "LifetimeValue"),
    "churn": ("patronage.models.score_model", "ScoreModel"),
    "lead": ("patronage.models.score_model", "ScoreModel"),
    "segments": ("patronage.tracking.customer_segments", "CustomerSegments"),
    "uplift": ("patronage.abtest.uplift_by_arm", "UpliftByArm"),
}

_RECORDED = ("lifetimes", "numpy", "pandas", "patronage", "scikit-learn", "scipy", "xgboost")


class Input(NamedTuple):
    """A column that a model takes: text or a number, and whether it may be left out."""

    name: str
    is_text: bool
    is_optional: bool


class Scorer(Protocol):
    """What a model must be able to do to be stored and to score.

    It may also have text_features_ and optional_features_ (lists of names, none by default).
    """

    @property
    def feature_names_(self) -> list[str]:
        """Columns that it takes."""

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Give the model's columns of the score table, a row for each row of features."""

    def to_state(self) -> State:
        """Give everything that predicting again needs."""

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the model again."""


@dataclass(frozen=True)
class Artifact:
    """A model with what is known about it.

    Attributes
    ----------
    name, kind
        Name in the registry, and which family of models it is.
    model
        The fitted estimator.
    details
        JSON-able facts: spec, as_of, horizon_days, fingerprints, metrics of the holdout, versions.
    version
        Version in the registry, "" where it was not loaded from one.
    sha256
        Of the manifest, "" before it is written.
    """

    name: str
    kind: str
    model: Any
    details: Mapping[str, Any]
    version: str = ""
    sha256: str = ""

    @property
    def feature_names(self) -> list[str]:
        """Columns that `predict` takes, beside an optional id."""
        return list(self.model.feature_names_)

    @property
    def id_name(self) -> str:
        """What the id is called: customer_id, or lead_id of leads."""
        return "lead_id" if self.kind == "lead" else "customer_id"

    @property
    def inputs(self) -> list[Input]:
        """Columns that `predict` takes, with their kinds."""
        text = set(getattr(self.model, "text_features_", ()))
        optional = set(getattr(self.model, "optional_features_", ()))
        return [Input(name, name in text, name in optional) for name in self.feature_names]

    def prepared(self, features: pd.DataFrame) -> pd.DataFrame:
        """Bring features into the columns and types of the fit; absent optional ones are missing.

        Raises
        ------
        DataError
            If a column is not there that must be, or holds text where the fit had numbers.
        """
        required = [each.name for each in self.inputs if not each.is_optional]
        absent = [name for name in required if name not in features]
        if absent:
            remedy = "Make them with rfm_summary." if self.kind == "lifetime_value" else ""
            raise DataError(
                f"model {self.name}: column(s) {', '.join(absent)} not found; it was given "
                f"{', '.join(map(str, features.columns))}. {remedy}".strip()
            )
        columns = {}
        for each in self.inputs:
            given = features.get(each.name)
            if given is None:
                given = pd.Series(np.nan, index=features.index, dtype="float64")
            columns[each.name] = given.astype(object) if each.is_text else self._number(given)
        return pd.DataFrame(columns, index=features.index)

    def _number(self, values: pd.Series[Any]) -> pd.Series[Any]:
        try:
            return values.astype("float64")
        except (TypeError, ValueError):
            # Truth values with gaps, numbers as text: the model's own map reads, or refuses, them.
            return values.astype(object)

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Score a frame of features, one row a customer, in the same order.

        Parameters
        ----------
        features : one row a customer, or lead
            The columns of `feature_names` in any order, optional ones where there are any, and
            customer_id (of leads lead_id) where wanted.

        Returns
        -------
        The id (null where none was given) and the model's columns of the score table.

        Raises
        ------
        DataError
            If a feature is missing that must be there, or holds what it cannot.
        """
        prepared = self.prepared(features)
        try:
            scores: pd.DataFrame = self.model.predict(prepared)
        except ValueError as error:
            raise DataError(f"model {self.name}: {' '.join(str(error).split())}") from None
        ids = features.get(self.id_name)
        scores.insert(0, self.id_name, None if ids is None else ids.astype(object).to_numpy())
        return scores


def write_artifact(artifact: Artifact, folder: Path) -> str:
    """Write a model into an empty folder and give the sha256 of its manifest."""
    state: State = artifact.model.to_state()
    content = {
        "format": FORMAT,
        "name": artifact.name,
        "kind": artifact.kind,
        "parameters": state.parameters,
        "details": dict(artifact.details),
        "versions": versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    # Infinity and NaN are no JSON: a model that holds one must not be stored in silence.
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    files = {MODEL_FILE: text.encode(), **state.files}
    for name, content_bytes in files.items():
        (folder / name).write_bytes(content_bytes)
    manifest = {name: _sha256(content_bytes) for name, content_bytes in sorted(files.items())}
    manifest_bytes = json.dumps({"format": FORMAT, "sha256": manifest}, indent=1).encode()
    (folder / MANIFEST_FILE).write_bytes(manifest_bytes)
    return _sha256(manifest_bytes)


def read_artifact(
    folder: Path, *, version: str = "", manifest_sha256: str | None = None
) -> Artifact:
    """Load a model from its folder, after every file is found to be what was written.

    Parameters
    ----------
    manifest_sha256
        What the registry recorded; None where there is no record to compare with.

    Raises
    ------
    RegistryError
        If the folder holds no model, a file is missing, added or changed, or the format or the
        kind is not known to this version.
    """
    files, sha256 = _confirmed_files(folder, manifest_sha256)
    content = json.loads(files.pop(MODEL_FILE))
    kind = content.get("kind")
    if content.get("format") != FORMAT or kind not in _CLASSES:
        raise RegistryError(
            f"{folder}: format {content.get('format')!r}, kind {kind!r}; this version reads format "
            f"{FORMAT} of {', '.join(_CLASSES)}. Train the model again or install its version "
            f"({content.get('versions', {}).get('patronage')})."
        )
    module, name = _CLASSES[kind]
    model = getattr(import_module(module), name).from_state(State(content["parameters"], files))
    return Artifact(content["name"], kind, model, content["details"], version, sha256)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a model."""
    found = {"python": platform.python_version()}
    for package in _RECORDED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def _confirmed_files(folder: Path, manifest_sha256: str | None) -> tuple[dict[str, bytes], str]:
    manifest_path = folder / MANIFEST_FILE
    if not manifest_path.is_file():
        raise RegistryError(
            f"{folder}: holds no {MANIFEST_FILE}, so it is no model of this package."
        )
    manifest_bytes = manifest_path.read_bytes()
    if manifest_sha256 is not None and _sha256(manifest_bytes) != manifest_sha256:
        raise RegistryError(f"{manifest_path}: is not what was registered. {_REMEDY}")
    try:
        expected: dict[str, str] = json.loads(manifest_bytes)["sha256"]
    except (ValueError, KeyError, TypeError):
        raise RegistryError(f"{manifest_path}: cannot be read. {_REMEDY}") from None
    present = {path.name for path in folder.iterdir()} - {MANIFEST_FILE}
    if present != set(expected):
        odd = ", ".join(sorted(present ^ set(expected)))
        raise RegistryError(f"{folder}: {odd} missing from the folder or the manifest. {_REMEDY}")
    files = {name: (folder / name).read_bytes() for name in expected}
    for name, content in files.items():
        if _sha256(content) != expected[name]:
            raise RegistryError(f"{folder / name}: its sha256 is not the manifest's. {_REMEDY}")
    return files, _sha256(manifest_bytes)


_REMEDY = "Do not use these files; fetch the model again or train it anew."


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

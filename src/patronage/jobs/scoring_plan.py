"""What a scoring run is to do, settled before anything is read: models, table, fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from patronage.data.fingerprint import source_fingerprint
from patronage.data.sources import open_source
from patronage.errors import SpecError
from patronage.tracking.artifact import Artifact
from patronage.tracking.registry import load_model
from patronage.tracking.spec import Spec, has_key, parse_spec


@dataclass(frozen=True)
class ScoringPlan:
    """Models with their specs, how to read the input, and what identifies the result."""

    artifacts: tuple[Artifact, ...]
    specs: tuple[Spec, ...]
    source: str
    as_of: date
    reading: Mapping[str, Any]
    fingerprint: str

    @property
    def names(self) -> str:
        """Name of the result: the models' names."""
        return "+".join(artifact.name for artifact in self.artifacts)


def plan_scoring(
    models: Sequence[str],
    source: str,
    *,
    as_of: date,
    reading: Mapping[str, Any] | None,
    overrides: Iterable[str],
) -> ScoringPlan:
    """Load the models and put what the caller says over what they were trained with."""
    artifacts = tuple(load_model(model) for model in models)
    names = [artifact.name for artifact in artifacts]
    if len(set(names)) < len(names):
        raise SpecError(f"models are {', '.join(names)}; name each of them once.")
    specs = _specs(artifacts, list(overrides))
    settings = _settings(specs[0].data.transactions.reading(), dict(reading or {}), source)
    return ScoringPlan(
        artifacts,
        specs,
        source,
        as_of,
        settings,
        _fingerprint(artifacts, specs, source, as_of, settings),
    )


def _specs(artifacts: tuple[Artifact, ...], overrides: list[str]) -> tuple[Spec, ...]:
    """Each model's spec, with the overrides that it has a key for; each must fit one of them."""
    trained = [dict(artifact.details["spec"]) for artifact in artifacts]
    for override in overrides:
        if not override.startswith("model.") or not any(
            has_key(spec, override) for spec in trained
        ):
            known = sorted({f"model.{key}" for spec in trained for key in spec["model"]})
            raise SpecError(f"--set {override}: scoring takes {', '.join(known)}.")
    return tuple(
        parse_spec(
            spec,
            [override for override in overrides if has_key(spec, override)],
            source=f"spec of {artifact.name}",
        )
        for artifact, spec in zip(artifacts, trained, strict=True)
    )


def _settings(trained: dict[str, Any], given: dict[str, Any], source: str) -> dict[str, Any]:
    """Trained settings, but for those given; a trained name counts where the input has it."""
    columns = dict(given.pop("columns", {}))
    if trained["columns"]:
        present = open_source(source).names
        inherited = {
            ours: theirs
            for ours, theirs in trained["columns"].items()
            if theirs in present and theirs not in columns.values()
        }
        columns = {**inherited, **columns}
    return {**trained, **given, "columns": columns}


def _fingerprint(
    artifacts: tuple[Artifact, ...],
    specs: tuple[Spec, ...],
    source: str,
    as_of: date,
    settings: Mapping[str, Any],
) -> str:
    """Give 16 characters: the same for the same models, input content, day and settings."""
    content = {
        "models": [artifact.sha256 for artifact in artifacts],
        "model_settings": [spec.model.model_dump(mode="json") for spec in specs],
        "input": source_fingerprint(source),
        "as_of": as_of.isoformat(),
        "reading": dict(settings),
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

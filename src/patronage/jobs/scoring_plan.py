"""What a scoring run is to do, settled before anything is read: models, table, fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.metadata import version
from typing import Any

from patronage.data.fingerprint import source_fingerprint
from patronage.data.sources import open_source
from patronage.errors import RegistryError, SpecError
from patronage.features.catalogue import feature_fingerprint
from patronage.jobs.best_actions import offers_fingerprint
from patronage.jobs.signals import Signals, read_signals, signal_fingerprints
from patronage.tracking.artifact import Artifact
from patronage.tracking.experiment_specs import OffersSpec
from patronage.tracking.propensity_spec import LeadSpec
from patronage.tracking.registry import load_model
from patronage.tracking.sections import TableSource
from patronage.tracking.segments_spec import SegmentsSpec
from patronage.tracking.spec import Spec, has_key, parse_spec

SETTABLE = (
    "model.annual_discount",
    "model.margin",
    "model.reasons",
    "model.top_share",
    "model.language",
    "model.cuts",
    "model.value_days",
    "data.surveys.source",
    "data.service_contacts.source",
    "gates.max_drift",
)
"""What may be told otherwise at scoring than at training."""

TABLES = ("transactions", "subscriptions", "leads", "labelled")


@dataclass(frozen=True)
class ScoringPlan:
    """Models with their specs, how to read the input, and what identifies the result."""

    artifacts: tuple[Artifact, ...]
    specs: tuple[Spec, ...]
    source: str
    as_of: date | None
    reading: Mapping[str, Any]
    fingerprint: str
    touches: TableSource | None = None
    capacity: int | None = None
    offers: OffersSpec | None = None

    @property
    def table(self) -> str:
        """Which table the models score: transactions, subscriptions, leads or labelled."""
        return table_of(self.specs[0])[0]

    @property
    def day(self) -> date:
        """Last day observed.

        Raises
        ------
        SpecError
            If there is none, and the table has a history that needs one.
        """
        if self.as_of is None:
            raise SpecError(f"score {self.names}: give --as-of, the last day observed.")
        return self.as_of

    @cached_property
    def signals(self) -> Signals | None:
        """Satisfaction and service contacts as of the day, where a model takes them."""
        spec = _with_signals(self.specs)
        return None if spec is None else read_signals(spec.data, self.day)

    @property
    def id_name(self) -> str:
        """What the score table calls its ids."""
        return self.artifacts[0].id_name

    @property
    def names(self) -> str:
        """Name of the result: the models' names."""
        return "+".join(artifact.name for artifact in self.artifacts)


def plan_scoring(  # noqa: PLR0913 - what a scoring run may be told
    models: Sequence[str],
    source: str,
    *,
    as_of: date | None,
    reading: Mapping[str, Any] | None,
    overrides: Iterable[str],
    touches: str | None = None,
    capacity: int | None = None,
    offers: OffersSpec | None = None,
) -> ScoringPlan:
    """Load the models and put what the caller says over what they were trained with.

    Parameters
    ----------
    touches
        For leads: where their touches are, by default where training found them.
    capacity
        For leads: how many to call today.
    offers
        For customers: the catalogue that the next best action of each is chosen from.

    Raises
    ------
    RegistryError
        If a model is not there, or the code no longer makes its features.
    SpecError
        If models of different tables are named together, or something that they cannot use.
    """
    artifacts = tuple(load_model(model) for model in models)
    names = [artifact.name for artifact in artifacts]
    if len(set(names)) < len(names):
        raise SpecError(f"models are {', '.join(names)}; name each of them once.")
    _refuse_same_columns(artifacts)
    specs = _specs(artifacts, list(overrides))
    for artifact in artifacts:
        _refuse_other_features(artifact)
    settings = _reading(specs, dict(reading or {}), source)
    told = _touches(specs, touches)
    limit = _capacity(specs, capacity)
    if offers is not None and artifacts[0].id_name != "customer_id":
        raise SpecError(f"offers {offers.name}: actions are for customers, not for leads.")
    segments = _with_signals(specs)
    fingerprint = _fingerprint(
        artifacts,
        specs,
        {
            "input": source_fingerprint(source),
            "touches": None if told is None else source_fingerprint(told.source),
            **({} if segments is None else {"signals": signal_fingerprints(segments.data)}),
            "capacity": limit,
            **({} if offers is None else {"offers": offers_fingerprint(offers)}),
            "as_of": None if as_of is None else as_of.isoformat(),
            "reading": settings,
        },
    )
    return ScoringPlan(artifacts, specs, source, as_of, settings, fingerprint, told, limit, offers)


def table_of(spec: Spec) -> tuple[str, Any]:
    """Give the name and the section of the table that a spec's model scores."""
    for name in TABLES:
        section = getattr(spec.data, name, None)
        if section is not None:
            return name, section
    raise SpecError(f"spec of {spec.name}: names no table that could be scored.")


def _with_signals(specs: Iterable[Spec]) -> SegmentsSpec | None:
    """Find the spec whose model takes signals of its own tables."""
    for spec in specs:
        if isinstance(spec, SegmentsSpec) and (spec.data.surveys or spec.data.service_contacts):
            return spec
    return None


def _refuse_same_columns(artifacts: Sequence[Artifact]) -> None:
    """Two models of a kind would fill the same columns, the second over the first."""
    first: dict[str, str] = {}
    for artifact in artifacts:
        other = first.setdefault(artifact.kind, artifact.name)
        if other != artifact.name:
            raise SpecError(
                f"models {other} and {artifact.name} are both of kind {artifact.kind} and fill the "
                "same columns; score each by itself."
            )


def _refuse_other_features(artifact: Artifact) -> None:
    trained = artifact.details.get("feature_fingerprint")
    if trained is not None and trained != feature_fingerprint(artifact.feature_names):
        raise RegistryError(
            f"model {artifact.name} version {artifact.version}: its features are defined otherwise "
            "than this version of the package makes them. Train it again."
        )


def _reading(specs: tuple[Spec, ...], given: dict[str, Any], source: str) -> dict[str, Any]:
    """Settle how the models' table is read."""
    found = {spec.name: table_of(spec)[0] for spec in specs}
    if len(found) > 1 and set(found.values()) != {"transactions"}:
        each = ", ".join(f"{name} of {table}" for name, table in found.items())
        raise SpecError(
            f"models {each}: only those of transactions are scored in one table; score each by "
            "itself, patronage report joins tables of one day by customer_id."
        )
    name, section = table_of(specs[0])
    if name != "labelled":
        return _settings(section.reading(), given, source)
    trained = {key: getattr(section, key) for key in ("decimal", "duplicates")}
    unused = [key for key in given if key not in trained]
    if unused:
        raise SpecError(
            f"--{unused[0].replace('_', '-')}: a labelled table is read by its own column names; "
            f"it takes {', '.join(trained)}."
        )
    return {**trained, **given}


def _touches(specs: tuple[Spec, ...], given: str | None) -> TableSource | None:
    trained = getattr(specs[0].data, "touches", None)
    if given is None:
        return trained
    if trained is None:
        raise SpecError(f"--touches {given}: {specs[0].name} was trained without touches.")
    found: TableSource = trained.model_copy(update={"source": given})
    return found


def _capacity(specs: tuple[Spec, ...], given: int | None) -> int | None:
    if not isinstance(specs[0], LeadSpec):
        if given is not None:
            raise SpecError(f"--capacity {given}: {specs[0].name} is no model of leads.")
        return None
    return given if given is not None else specs[0].model.capacity


def _specs(artifacts: tuple[Artifact, ...], overrides: list[str]) -> tuple[Spec, ...]:
    """Each model's spec, with the overrides that it has a key for; each must fit one of them."""
    trained = [dict(artifact.details["spec"]) for artifact in artifacts]
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key not in SETTABLE or not any(has_key(spec, override) for spec in trained):
            known = sorted(
                each for each in SETTABLE if any(has_key(spec, each) for spec in trained)
            )
            takes = (
                f"scoring takes {', '.join(known)}" if known else "it decides nothing in scoring"
            )
            raise SpecError(f"--set {override}: {takes}; for the rest train again.")
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
    settings: Mapping[str, Any],
) -> str:
    """Give 16 characters: the same for the same models, input content, day and settings."""
    content = {
        "models": [(artifact.name, artifact.version, artifact.sha256) for artifact in artifacts],
        "package": version("patronage"),
        "model_settings": [spec.model.model_dump(mode="json") for spec in specs],
        **settings,
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""What a user declares: one TOML file a model, read once and refused where it is not understood.

`--set section.key=value` overrides one value. Below this edge there are plain arguments.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from patronage.errors import SpecError
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.sections import Name, Section, TableSource
from patronage.tracking.segments_spec import SegmentsSpec
from patronage.tracking.uplift_spec import UpliftSpec


class TransactionsData(Section):
    """The tables of a model of purchases."""

    transactions: TableSource


class Snapshot(Section):
    """The last day that a model learns from, and how far it is judged beyond it."""

    as_of: date
    horizon_days: Annotated[int, Field(gt=0, le=36_525)]


class LifetimeValueModel(Section):
    """How value is forecast."""

    purchases: Literal["auto", "bg_nbd", "mbg_nbd"] = "auto"
    value_days: Annotated[float, Field(gt=0, le=36_525)] = 365.25
    annual_discount: Annotated[float, Field(ge=0, lt=10)] = 0.10
    margin: Annotated[float, Field(gt=0)] = 1.0


class LifetimeValueGates(Section):
    """What a lifetime-value model must reach on its holdout, and how far input may drift."""

    max_bias: Annotated[float, Field(gt=0)] = 0.25
    max_drift: Annotated[float, Field(gt=0)] | None = None


class LifetimeValueSpec(Section):
    """A model of what customers will buy and be worth."""

    name: Name
    kind: Literal["lifetime_value"]
    data: TransactionsData
    snapshot: Snapshot
    model: LifetimeValueModel = LifetimeValueModel()
    gates: LifetimeValueGates = LifetimeValueGates()


Spec = LifetimeValueSpec | ChurnSpec | LeadSpec | SegmentsSpec | UpliftSpec

_KINDS: dict[str, type[Section]] = {
    "lifetime_value": LifetimeValueSpec,
    "churn": ChurnSpec,
    "lead": LeadSpec,
    "segments": SegmentsSpec,
    "uplift": UpliftSpec,
}

# Tables of which a model has one: naming another with --set puts it in the place of the file's.
_ALTERNATIVES = ("transactions", "subscriptions", "labelled", "leads")
_ONE_TABLE = ("lifetime_value", "churn", "lead")


def read_spec(path: str | Path, overrides: Iterable[str] = ()) -> Spec:
    """Read a spec file and put overrides of the form section.key=value over it.

    Raises
    ------
    SpecError
        If the file is missing or no TOML, or holds an unknown key (the nearest right one is
        named) or a value that does not fit.
    """
    return parse_spec(read_toml(path), overrides, source=str(path))


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file, or say in one line why not."""
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(
            f"{path}: no such file. Give the path of a spec, such as models/clv.toml."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as text ({error}).") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: is no valid TOML: {error}.") from None


def parse_spec(content: Mapping[str, Any], overrides: Iterable[str] = (), *, source: str) -> Spec:
    """Check a spec that is a mapping already; `source` is named in messages."""
    return parse_section(content, overrides, kinds=_KINDS, source=source)  # type: ignore[return-value]


def parse_section(
    content: Mapping[str, Any],
    overrides: Iterable[str],
    *,
    kinds: Mapping[str, type[Section]],
    source: str,
) -> Section:
    """Put overrides over a mapping and check it against the section that its kind names."""
    values = _overridden(content, overrides)
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        known = ", ".join(sorted(kinds))
        raise SpecError(f"{source}: kind is {kind!r}; it must be one of {known}.")
    try:
        return TypeAdapter(kinds[kind]).validate_python(values)
    except ValidationError as error:
        raise SpecError(f"{source}: {_first_problem(error, kinds[kind])}") from None


def has_key(content: Mapping[str, Any], override: str) -> bool:
    """Say whether the key of an override stands in a (full) spec."""
    place: Any = content
    for key in override.partition("=")[0].strip().split("."):
        if not isinstance(place, Mapping) or key not in place:
            return False
        place = place[key]
    return True


def _overridden(content: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    values = _copied(content)
    for override in overrides:
        path, equals, text = override.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise SpecError(f"--set {override}: write it as section.key=value.")
        place = values
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise SpecError(f"--set {override}: {key} is a value, not a section.")
        place[keys[-1]] = _value(text.strip())
        _replace_alternatives(values, keys)
    return values


def _replace_alternatives(values: dict[str, Any], keys: list[str]) -> None:
    """Take out what a table named by an override stands in for."""
    labelled_uplift = values.get("kind") == "uplift" and keys[:2] == ["data", "labelled"]
    if values.get("kind") not in _ONE_TABLE and not labelled_uplift:
        return
    if keys[0] != "data" or len(keys) < 3 or keys[1] not in _ALTERNATIVES:  # noqa: PLR2004 - data.table.key
        return
    beside = ("leads", "touches") if keys[1] == "leads" else (keys[1],)
    values["data"] = {name: table for name, table in values["data"].items() if name in beside}
    if keys[1] == "labelled":
        values.pop("snapshot", None)


def _copied(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copied(value) if isinstance(value, Mapping) else value
        for key, value in content.items()
    }


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML can say
    """Read as TOML where it is TOML (numbers, dates, lists), else as the text that it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _first_problem(error: ValidationError, model: type[Section]) -> str:
    """One line for the first problem, with the nearest right key where one is misspelt."""
    problems = error.errors()
    # A misspelt key usually shows up twice: as unknown and as missing. The first says more.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _KINDS)
    if first["type"] == "extra_forbidden":
        known = _keys_at(model, first["loc"][:-1])
        near = get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? It" if near else "it"
        return f"{where} is not a key; {hint} knows {', '.join(known)}."
    if first["type"] == "missing":
        return f"{where} is missing."
    if first["type"] in _REMEDIES:
        return f"{where} is {first['input']!r}; {_REMEDIES[first['type']]}."
    if isinstance(first["input"], Mapping):
        return f"{where} {_lowered(first['msg'])}.".strip()
    return f"{where} is {first['input']!r}; {_lowered(first['msg'])}."


_REMEDIES = {
    "date_type": "write a date as YYYY-MM-DD",
    "date_parsing": "write a date as YYYY-MM-DD",
    "date_from_datetime_parsing": "write a date as YYYY-MM-DD",
    "date_from_datetime_inexact": "write a date as YYYY-MM-DD",
    "model_type": "it is a section: set one of its keys, as section.key=value",
    "string_pattern_mismatch": "use letters, digits, dots, dashes and underscores",
    "string_too_short": "it must not be empty",
}
"""What to do, where pydantic says only what is wrong."""


def _lowered(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field is not None else None
        # A table that may be left out is a union with None.
        for kind in get_args(inner) or (inner,):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return list(model.model_fields)

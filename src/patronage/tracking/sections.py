"""Tables of a spec that more than one kind of model has."""

from difflib import get_close_matches
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Of a model in the registry."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One name or several."""


class Section(BaseModel):
    """A table of a spec: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )


class TableSource(Section):
    """Where a table is, what its columns are called and what to do with its odd rows."""

    source: Annotated[str, Field(min_length=1)] | list[str]
    columns: dict[str, str] = {}
    timezone: str = "UTC"
    returns: Literal["net", "drop", "fail"] = "fail"
    missing_ids: Literal["drop", "fail"] = "fail"
    duplicates: Literal["keep", "drop", "fail"] = "keep"
    date_format: str | None = None
    decimal: Literal[".", ","] = "."

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            near = get_close_matches(timezone, sorted(available_timezones()), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"is no IANA time zone such as Europe/London{hint}")
        return timezone

    def reading(self) -> dict[str, Any]:
        """Arguments of `read_table` but for the source."""
        return self.model_dump(include=set(TableSource.model_fields) - {"source"})


class LeadsSource(TableSource):
    """Leads, and which of their columns a model must not learn from."""

    drop: Names = ()


class LabelledSource(Section):
    """A table that has features and the outcome already.

    Attributes
    ----------
    source, decimal
        As of any table.
    id
        Column that says whom a row is about; rows of one id are never split over folds.
    label
        Column of the outcome.
    positive
        Its value that is the outcome; not needed for yes and no, true and false, 1 and 0, nor
        for the usual words, such as lost and churned, won and converted.
    undecided
        Its values that say that nothing is decided yet, such as "open"; these rows are left out.
        An empty list counts them as without the outcome.
    time_order
        Column that grows with time; "-" before its name where it falls.
    drop
        Columns that a model must not learn from.
    missing
        Texts that stand for nothing, such as "Select" or "n/a".
    duplicates
        What becomes of rows that repeat another in all columns.
    value
        For leads: column with what the deal is worth, currency units.
    judge_share
        Share of the rows that judges, the newest where there is a time_order.
    """

    source: Annotated[str, Field(min_length=1)] | list[str]
    id: str | None = None
    label: str
    positive: str | None = None
    undecided: Names | None = None
    time_order: str | None = None
    drop: Names = ()
    missing: Names = ()
    duplicates: Literal["keep", "drop", "fail"] = "keep"
    decimal: Literal[".", ","] = "."
    value: str | None = None
    judge_share: Annotated[float, Field(gt=0, lt=1)] = 0.2

    @field_validator("positive", mode="before")
    @classmethod
    def _as_text(cls, positive: object) -> object:
        return str(positive) if isinstance(positive, bool) else positive

"""The catalogue of actions that a spec declares, with what earlier campaigns measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.read import read_table
from patronage.decisions.actions import Action
from patronage.decisions.eligibility import FrequencyCap
from patronage.decisions.offers import Offers, make_offers
from patronage.errors import SpecError
from patronage.tracking.experiment_specs import ActionSection, CapSection, OffersSpec

MEASURED = ("effect", "low", "high", "measured_in")
"""Columns of measured.csv that a decision needs, beside action; level is 95% where it has none."""
LEVEL = "level"
MONEY = ("gain_per_customer", "gain_low", "gain_high")
DAYS = "window_days"


def offers_of(spec: OffersSpec, customers: pd.DataFrame, *, as_of: date | None) -> Offers:
    """Work out what each action of a spec would change for each customer.

    Parameters
    ----------
    as_of
        Day of the decision where the spec does not say.
    """
    choice = spec.choice
    return make_offers(
        customers,
        _measured([_action(action) for action in spec.actions], spec.data.measured),
        budget=choice.budget,
        value=choice.value,
        risk=choice.risk,
        contacts=_contacts(spec),
        as_of=choice.as_of or as_of,
        cap=_cap(choice.cap),
    )


def _action(section: ActionSection) -> Action:
    given = section.model_dump(exclude={"cap"})
    return Action(**given, cap=_cap(section.cap))


def _cap(section: CapSection | None) -> FrequencyCap | None:
    return None if section is None else FrequencyCap(section.contacts, section.days)


def _measured(actions: Sequence[Action], path: str | None) -> list[Action]:
    """Put effects that a campaign measured in the place of those that the spec assumes."""
    if path is None:
        return list(actions)
    try:
        table = pd.read_csv(path, dtype={"action": str, "measured_in": str}).set_index("action")
        wanted = [*MEASURED, *(name for name in (LEVEL, DAYS, *MONEY) if name in table)]
        found = {str(name): row for name, row in table[wanted].iterrows()}
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SpecError(
            f"data.measured {path}: cannot be read ({reason}); give measured.csv of "
            "patronage evaluate-campaign."
        ) from None
    return [
        _replaced(action, _effect(found[action.name], f"data.measured {path}"))
        if action.name in found
        else action
        for action in actions
    ]


def _replaced(action: Action, measured: dict[str, Any]) -> Action:
    """Take what was measured; an uplift model's effects stay, with the money shown beside them."""
    if action.uplift is None:
        return replace(action, save_rate=None, **measured)
    return replace(action, **{name: measured[name] for name in (DAYS, *MONEY) if name in measured})


def _effect(row: Any, source: str) -> dict[str, Any]:  # noqa: ANN401 - a row of mixed types
    """Read an effect with its interval; without one it counts as measured."""
    try:
        effect, low, high = (float(row[name]) for name in ("effect", "low", "high"))
        level = float(row.get(LEVEL, Action.level))
        beside = {name: float(row[name]) for name in (DAYS, *MONEY) if name in row}
    except (TypeError, ValueError) as error:
        raise SpecError(f"{source}: {error}; all but action and measured_in are numbers.") from None
    if not np.isfinite(effect):
        raise SpecError(f"{source}: the effect of {row.name} is missing.")
    known = np.isfinite([low, high]).all()
    ends = {"low": low, "high": high, "level": level} if known else {}
    also: dict[str, Any] = {name: value for name, value in beside.items() if np.isfinite(value)}
    if DAYS in also:
        also[DAYS] = int(also[DAYS])
    return {"effect": effect, "measured_in": str(row["measured_in"]), **ends, **also}


def _contacts(spec: OffersSpec) -> pd.DataFrame | None:
    if spec.data.contacts is None:
        return None
    source = spec.data.contacts
    touches = read_table(source.source, "touches", **source.reading())
    frame = touches if isinstance(touches, pd.DataFrame) else touches.df()
    if "campaign" not in frame and any(action.cap is not None for action in spec.actions):
        raise SpecError(
            "data.contacts: no column campaign, and the cap of an action counts the contacts whose "
            'campaign is its name. Map it with columns = { campaign = "..." }, or cap all contacts '
            "alike with choice.cap."
        )
    return frame.rename(columns={"unit_id": "customer_id", "campaign": "action"})

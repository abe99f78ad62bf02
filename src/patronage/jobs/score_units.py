"""Score subscribers, leads and labelled tables: read, describe, score, rank, write in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from patronage.data.columns import ACCOUNT_SCORE_COLUMNS, LEAD_SCORE_COLUMNS, SCORE_COLUMNS
from patronage.data.labelled import read_flat_table
from patronage.data.read import read_table
from patronage.errors import DataError, ReadinessError
from patronage.features.engagement import TouchLevels
from patronage.features.subscriptions import subscription_snapshot
from patronage.jobs.best_actions import add_actions, refuse_unknown_columns
from patronage.jobs.chances import NOT_ELIGIBLE
from patronage.jobs.churn import as_frame
from patronage.jobs.leads import describe_leads, read_leads
from patronage.jobs.monitor import watch
from patronage.jobs.publish import ACCOUNTS, ScoreFolder
from patronage.jobs.score_table import declared_table, knowing_all, model_columns
from patronage.jobs.scoring_plan import ScoringPlan, table_of
from patronage.models.score_model import VALUE, ScoreModel
from patronage.tracking.propensity_spec import LeadSpec
from patronage.tracking.sections import LabelledSource, LeadsSource

ROWS_A_PART = 200_000


def score_units(plan: ScoringPlan, target: ScoreFolder) -> list[str]:
    """Score what a plan's table holds and publish it.

    Returns
    -------
    Lines on what moved since training.

    Raises
    ------
    PatronageError
        If the input breaks its contract, holds nobody or drifted past a limit; what was published
        before stays.
    """
    ids, features = _DESCRIBE[plan.table](plan)
    if not len(features) and plan.table == "labelled":
        raise ReadinessError(f"{plan.source}: holds column names and no row.")
    if not len(features):
        raise ReadinessError(f"{plan.source}: nobody to score; there is no row of the day.")
    watched = watch(plan.artifacts, plan.specs, features, target.folder)
    columns = _in_parts(knowing_all(plan, features), features)
    is_lead = plan.id_name == "lead_id"
    if is_lead:
        columns |= ranked(columns, features, plan)
    if plan.offers is not None:
        refuse_unknown_columns(plan.offers, columns)
    known = LEAD_SCORE_COLUMNS if is_lead else SCORE_COLUMNS
    table = declared_table(_id_array(ids), columns, known, plan.id_name)
    n_parts = -(-len(features) // ROWS_A_PART)
    for part in range(n_parts):
        target.write_part(table.slice(part * ROWS_A_PART, ROWS_A_PART), part, n_parts)
    if is_lead and "account_id" in features:
        target.write_beside(ACCOUNTS, accounts(ids, columns, features, plan))
    lines = finish_with_actions(target, n_parts, plan)
    return [*watched.lines(), *_left_without(columns, plan), *lines]


def _left_without(columns: dict[str, Any], plan: ScoringPlan) -> list[str]:
    """Say how many leads are older than any that the model learnt from."""
    spec = plan.specs[0]
    n_without = int((np.asarray(columns["flags"], dtype=object) == NOT_ELIGIBLE).sum())
    if not n_without or not isinstance(spec, LeadSpec) or spec.snapshot is None:
        return []
    line = (
        f"{n_without:,} of {len(columns['flags']):,} leads are over {spec.snapshot.oldest} days "
        f"old and get no chance ({NOT_ELIGIBLE}): {spec.name} learnt from none as old; train it "
        "with more ages_days, or with step_days for all open leads"
    )
    return [line]


def finish_with_actions(target: ScoreFolder, n_parts: int, plan: ScoringPlan) -> list[str]:
    """Choose everybody's action where there is a catalogue, publish, and say what was chosen."""
    lines: list[str] = []
    if plan.offers is not None:
        lines = add_actions(target, n_parts, plan.offers, as_of=plan.as_of)
    target.finish(n_parts)
    return lines


def _in_parts(plan: ScoringPlan, features: pd.DataFrame) -> dict[str, Any]:
    """Score so many rows at a time, which bounds what reasons take."""
    parts = [
        model_columns(plan, features.iloc[at : at + ROWS_A_PART])
        for at in range(0, len(features), ROWS_A_PART)
    ]
    return {
        name: np.concatenate([np.asarray(part[name], dtype=object) for part in parts])
        if len(parts) > 1
        else parts[0][name]
        for name in parts[0]
    }


def _subscribers(plan: ScoringPlan) -> tuple[NDArray[Any], pd.DataFrame]:
    table = read_table(plan.source, "subscriptions", **plan.reading)
    frame = as_frame(subscription_snapshot(table, as_of=plan.day), by=("customer_id",))
    return frame["customer_id"].to_numpy(), frame.drop(columns="customer_id")


def _leads(plan: ScoringPlan) -> tuple[NDArray[Any], pd.DataFrame]:
    table = LeadsSource(source=plan.source, **dict(plan.reading))
    details = plan.artifacts[0].details
    found = read_leads(table, plan.touches)
    levels = TouchLevels.from_dict(details["touch_levels"])
    frame = describe_leads(found, plan.day, levels)
    return frame["lead_id"].to_numpy(), frame.drop(columns=["lead_id", "cutoff"])


def _labelled(plan: ScoringPlan) -> tuple[NDArray[Any], pd.DataFrame]:
    """Read a table of the columns of the fit, in any order, with the outcome or without."""
    table: LabelledSource = table_of(plan.specs[0])[1]
    artifact = plan.artifacts[0]
    model: ScoreModel = artifact.model
    facts = artifact.details["labelled"]
    reading = dict(plan.reading)
    if table.id is None and reading["duplicates"] == "drop":
        # A row's number is all that says whom its score is of: none may go before they are counted.
        reading["duplicates"] = "keep"
    flat = read_flat_table(
        plan.source,
        text=[] if table.id is None else [table.id],
        numbers=[*facts["numbers"], *([] if table.value is None else [table.value])],
        missing=table.missing,
        **reading,
    )
    frame = flat.frame
    have = [str(name) for name in frame.columns]
    wanted = [*(name for name in model.feature_names_ if name != VALUE or not model.has_value)]
    wanted += [name for name in (table.id, table.value) if name is not None]
    lacking = [name for name in wanted if name not in have]
    if lacking:
        raise DataError(
            f"{flat.source}: column(s) {', '.join(lacking)} of the trained table not found; it has "
            f"{', '.join(have)}."
        )
    features = frame[[name for name in wanted if name not in (table.id, table.value)]]
    if table.value is not None:
        features = features.assign(**{VALUE: frame[table.value]})
    if table.id is None:
        # Nobody is named: the row's number, from 1, tells where a score belongs.
        return np.arange(1, len(frame) + 1), features
    blank = int(frame[table.id].isna().sum())
    if blank:
        raise DataError(
            f"{flat.source}: {blank:,} of {len(frame):,} rows have no {table.id}, so nobody would "
            "know whom their scores are of; fill it in, or leave these rows out."
        )
    return frame[table.id].to_numpy(dtype=object), features


_DESCRIBE = {"subscriptions": _subscribers, "leads": _leads, "labelled": _labelled}


def ranked(columns: dict[str, Any], features: pd.DataFrame, plan: ScoringPlan) -> dict[str, Any]:
    """Rank leads by expected value, then probability, and mark those that fit into a day.

    A lead of unknown value ranks as if it were worth the median; without any value the
    probability ranks.
    """
    probability = np.asarray(columns["conversion_probability"], dtype=np.float64)
    order = np.lexsort((-probability, -_likely_worth(probability, features)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    # Those that the model does not judge have no chance, come last, and get no place.
    judged = np.isfinite(probability)
    places = rank.astype(object)
    places[~judged] = None
    found: dict[str, Any] = {"rank": places}
    if plan.capacity is not None:
        found["call_today"] = (judged & (rank <= plan.capacity)).astype(np.int64)
    if "account_id" in features:
        ids = features["account_id"].astype(object)
        found["account_id"] = ids.where(ids.notna(), None).map(_text, na_action="ignore").to_numpy()
    return found


def _likely_worth(probability: NDArray[np.float64], features: pd.DataFrame) -> NDArray[np.float64]:
    """Give what ranks: probability x value, of unknown value the median; 0 where none is known."""
    value = np.asarray(features.get(VALUE, np.nan), dtype=np.float64) * np.ones(len(probability))
    known = np.isfinite(value)
    middle = float(np.median(value[known])) if known.any() else 0.0
    return probability * np.where(known, value, middle)


def accounts(
    ids: NDArray[Any], columns: dict[str, Any], features: pd.DataFrame, plan: ScoringPlan
) -> pa.Table:
    """Roll leads up to accounts: the chance that at least one buys, the value, whom to call.

    They rank as their leads do: one whose leads are of unknown value is not worth nothing.
    """
    probability = np.asarray(columns["conversion_probability"], dtype=np.float64)
    account = features["account_id"].astype(object)
    leads = pd.DataFrame(
        {
            "account_id": account.map(_text, na_action="ignore").to_numpy(object),
            "lead_id": ids,
            "probability": probability,
            "value": np.asarray(columns["expected_value"], dtype=np.float64),
            "worth": _likely_worth(probability, features),
            "rank": columns["rank"],
        }
    )
    judged = leads["account_id"].notna() & leads["probability"].notna()
    leads = leads[judged].sort_values("rank", kind="stable")
    leads["none_buys"] = np.log1p(-leads["probability"])
    groups = leads.groupby("account_id", sort=False)
    table = groups.agg(
        leads=("lead_id", "size"),
        none_buys=("none_buys", "sum"),
        expected_value=("value", lambda values: values.sum(min_count=1)),
        worth=("worth", "sum"),
        first_lead_id=("lead_id", "first"),
    )
    chance = -np.expm1(table["none_buys"].to_numpy(np.float64))
    order = np.lexsort((-chance, -table["worth"].to_numpy(np.float64)))
    table = table.assign(conversion_probability=chance).iloc[order]
    found = {
        "as_of": [plan.as_of] * len(table),
        "leads": table["leads"].to_numpy(),
        "conversion_probability": table["conversion_probability"].to_numpy(),
        "expected_value": table["expected_value"].to_numpy(np.float64),
        "rank": np.arange(1, len(table) + 1),
        "first_lead_id": [_text(name) for name in table["first_lead_id"]],
    }
    names = pa.array([str(name) for name in table.index], type=pa.string())
    return declared_table(names, found, ACCOUNT_SCORE_COLUMNS, "account_id")


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _id_array(ids: NDArray[Any]) -> pa.Array:
    return pa.array(ids, from_pandas=True)

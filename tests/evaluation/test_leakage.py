"""Leaks are named with their evidence, honest columns are left in peace."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from patronage.data.labelled import read_flat_table
from patronage.evaluation.leakage import suspected_leaks
from patronage.models.quick import out_of_fold_scores


@pytest.fixture
def honest() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(4)
    y = (random.random(3000) < 0.3).astype(float)
    table = pd.DataFrame(
        {"visits": random.poisson(2 + 2 * y), "city": random.choice(["a", "b", None], 3000)}
    )
    return table, y


def test_honest_columns_raise_no_suspicion(honest) -> None:
    table, y = honest
    assert suspected_leaks(table, y, fit=out_of_fold_scores) == []


def test_a_column_filled_for_one_class_only_is_a_leak(honest) -> None:
    table, y = honest
    random = np.random.default_rng(1)
    filled = (y == 1) & (random.random(len(y)) < 0.3)
    (found,) = suspected_leaks(table.assign(invoice=np.where(filled, "sent", None)), y)
    assert (found.field, found.is_leak) == ("invoice", True)
    assert any("0.0% of the others" in reason for reason in found.reasons)


def test_a_number_that_knows_the_outcome_is_a_leak_whatever_its_direction(honest) -> None:
    table, y = honest
    random = np.random.default_rng(1)
    # Far from zero on both sides for the outcome: no line separates it.
    knows = np.where(y == 1, random.choice([-9, 9], len(y)), 0) + random.normal(size=len(y))
    (found,) = suspected_leaks(table.assign(knows=knows), y)
    assert (found.field, found.is_leak) == ("knows", True)
    assert found.auc > 0.99


def test_levels_that_decide_few_rows_make_a_suspect_and_no_leak(honest) -> None:
    table, y = honest
    source = np.where(np.cumsum(y) * y <= 80, np.where(y == 1, "fair", "web"), "web")
    (found,) = suspected_leaks(table.assign(source=source), y)
    assert (found.field, found.is_leak) == ("source", False)
    assert "100.0% of 80 rows of 'fair' have the outcome" in found.reasons[0]


def test_the_order_of_rows_decides_nothing_when_none_are_sampled(honest) -> None:
    table, y = honest
    knows = table.assign(knows=y)
    order = np.random.default_rng(2).permutation(len(y))
    shuffled = suspected_leaks(knows.iloc[order], y[order])
    assert [e.field for e in shuffled] == [e.field for e in suspected_leaks(knows, y)] == ["knows"]


@pytest.mark.shared_data
@pytest.mark.slow
def test_tags_of_x_education_are_named_and_the_clean_columns_are_not(shared_data: Path) -> None:
    path = shared_data / "x_education_leads" / "Lead_Scoring.csv.gz"
    table = read_flat_table(path).frame.drop(columns=["Prospect ID", "Lead Number"])
    y = table.pop("Converted").to_numpy(float)
    found = suspected_leaks(table, y, fit=out_of_fold_scores)
    assert [each.field for each in found if each.is_leak] == ["Tags"]
    assert "Lead Quality" in [each.field for each in found if not each.is_leak]
    after = ["Tags", "Lead Quality", "Lead Profile", "Last Activity", "Last Notable Activity"]
    after += [name for name in table if name.startswith("Asymmetrique")]
    clean = suspected_leaks(table.drop(columns=after), y, fit=out_of_fold_scores)
    assert not any(each.is_leak for each in clean)


@pytest.mark.shared_data
def test_what_is_known_of_a_deal_alone_is_a_leak_of_olists_leads(shared_data: Path) -> None:
    folder = shared_data / "olist_marketing_funnel"
    leads = read_flat_table(folder / "olist_marketing_qualified_leads_dataset.csv").frame
    deals = read_flat_table(folder / "olist_closed_deals_dataset.csv").frame
    y = leads["mql_id"].isin(deals["mql_id"]).to_numpy(float)
    joined = leads[["mql_id", "origin"]].merge(deals, on="mql_id", how="left")
    found = suspected_leaks(joined[["origin", "business_segment", "lead_type"]], y)
    assert {each.field for each in found if each.is_leak} == {"business_segment", "lead_type"}

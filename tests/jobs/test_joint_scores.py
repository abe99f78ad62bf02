"""Several models over one table of customers, and those that cannot stand in one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.abtest.uplift import Uplift
from patronage.abtest.uplift_by_arm import UpliftByArm
from patronage.cli import app
from patronage.data.read import read_table
from patronage.features.snapshot import snapshot
from patronage.models.lifetime_value import LifetimeValue
from patronage.models.propensity import Propensity
from patronage.models.score_model import ScoreModel
from patronage.tracking.artifact import Artifact, write_artifact
from patronage.tracking.spec import parse_spec

DAY = "2023-12-31"
ORDERS = {"transactions": {"source": "orders.csv"}}
WINDOW = {"as_of": DAY, "horizon_days": 90}
SPECS = {
    "clv": {"kind": "lifetime_value", "data": ORDERS, "snapshot": WINDOW},
    "churn": {"kind": "churn", "data": ORDERS, "snapshot": WINDOW | {"eligible_days": 200}},
    "uplift": {
        "kind": "uplift",
        "data": ORDERS | {"assignments": {"source": "arms.csv"}},
        "snapshot": WINDOW,
    },
    "leaving": {"kind": "churn", "data": {"subscriptions": {"source": "a.csv"}},
                "snapshot": WINDOW},
    "flat": {"kind": "churn", "data": {"labelled": {"source": "a.csv", "label": "left"}}},
}  # fmt: skip
USED = ["frequency", "recency_days"]


def score(*models: str, code: int = 0) -> Result:
    names = [str(Path("models") / name) for name in models]
    options = ["--input", "orders.csv", "--as-of", DAY, "--output", "scores"]
    result = CliRunner().invoke(app, ["score", *names, *options], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def table() -> pd.DataFrame:
    latest = json.loads(Path("scores/latest.json").read_text())
    parts = sorted((Path("scores") / latest["folder"]).glob("part-*.parquet"))
    return pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)


@pytest.fixture(scope="module")
def features(orders: pd.DataFrame) -> pd.DataFrame:
    """Of the shop's customers, forecast columns' history among them."""
    found: pd.DataFrame = snapshot(read_table(orders), as_of=DAY)
    return found


@pytest.fixture
def models(workplace: Path, orders_csv: Path, features: pd.DataFrame) -> Callable[[str], None]:
    """Put models of a spec, quickly fitted, where `score` finds them."""
    random = np.random.default_rng(0)
    outcome = random.random(len(features)) < 0.3

    def model_of(name: str) -> object:
        quick = Propensity(learner="logistic", n_folds=2, random_state=0)
        if name == "clv":
            return LifetimeValue(purchases="bg_nbd").fit(features)
        if name == "uplift":
            treated = random.integers(0, 2, len(features))
            mail = Uplift(learner="t", base=quick, n_folds=2, n_boot=5)
            return UpliftByArm({"mail": mail.fit(features[USED], outcome, treated)},
                               dict.fromkeys(USED, False))  # fmt: skip
        fitted = quick.fit(features[USED], outcome)
        return ScoreModel(fitted, outcome="churn", reasons="none").remember(features[USED])

    def put(name: str) -> None:
        spec = parse_spec({"name": name, **SPECS[name]}, source="test")
        details = {"spec": spec.model_dump(mode="json")}
        artifact = Artifact(name, spec.kind, model_of(name), details)
        write_artifact(artifact, workplace / "models" / name)

    return put


def test_value_churn_and_uplift_stand_in_one_table_as_each_stands_alone(
    models: Callable[[str], None],
) -> None:
    alone = {}
    models("clv")
    for name in ("churn", "uplift"):
        models(name)
        score(name)
        alone[name] = table().set_index("customer_id").sort_index()
    score("clv", "churn", "uplift")
    together = table().set_index("customer_id").sort_index()
    for name, own in alone.items():
        shared = own.drop(columns="flags")
        pd.testing.assert_frame_equal(together[shared.columns], shared, obj=name)
    assert {"lifetime_value", "churn_probability", "uplift_mail"} <= set(together.columns)
    gone = together["recency_days"] >= 200
    assert gone.any()
    assert together.loc[gone, "churn_probability"].isna().all()
    assert together.loc[gone, "lifetime_value"].notna().all()
    assert together.loc[gone, "flags"].str.startswith("not_eligible").all()


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["leaving"], "models clv of transactions, leaving of subscriptions: only those of"),
        (["flat"], "flat of labelled: only those of transactions are scored in one table"),
        (["churn", "leaving"], "models churn and leaving are both of kind churn and fill the same"),
    ],
)
def test_models_of_different_tables_or_one_kind_are_refused_in_a_line(
    models: Callable[[str], None], others: list[str], said: str
) -> None:
    for name in ("clv", *others):
        models(name)
    refused = score("clv", *others, code=2)
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not Path("scores").exists()

"""Churn and leads answer wherever MLflow runs them, with the numbers of our own loader.

Unseen categories and absent optional columns are among the rows, for every way in.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import mlflow
import numpy as np
import pandas as pd
import pytest

from patronage.data.read import read_table
from patronage.features.snapshot import snapshot
from patronage.jobs.promote import promote_model
from patronage.jobs.train import train_model
from patronage.tracking.registry import load_model
from patronage.tracking.run import STORE
from patronage.tracking.spec import parse_spec

pytestmark = pytest.mark.slow
Answer = Callable[[str, str], pd.DataFrame]
QUICK = {"n_estimators": 30, "learner": "xgboost", "monotone": False, "reasons": "all"}


class Served(NamedTuple):
    name: str
    address: str
    environment: dict[str, str]
    rows: pd.DataFrame
    expected: pd.DataFrame


def churn(orders: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """Of orders with channels: one customer of an unseen one."""
    rng = np.random.default_rng(4)
    channels = rng.choice(["web", "shop", None], len(orders))
    orders.assign(channel=channels).to_csv("orders.csv", index=False)
    spec = {
        "data": {"transactions": {"source": "orders.csv"}},
        "snapshot": {"as_of": "2023-09-30", "horizon_days": 90, "step_days": 60},
    }
    relation = snapshot(read_table("orders.csv"), as_of="2023-09-30")
    rows = relation.order("customer_id").limit(4).df().drop(columns="eligible")
    rows["last_channel"] = ["web", "kiosk", None, "shop"]
    return spec, rows


def leads(_: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """Of a flat table with text and blanks: one lead of an unseen origin."""
    rng = np.random.default_rng(5)
    n = 1_500
    table = pd.DataFrame(
        {
            "lead": [f"{number:05d}" for number in range(n)],
            "Origin [ad]": rng.choice(["mail", "fair", None], n),
            "pages, seen": np.where(rng.random(n) < 0.2, np.nan, rng.poisson(4, n)),
        }
    )
    chance = 1 / (1 + np.exp(3 - table["pages, seen"].fillna(2) / 2))
    table.assign(won=np.where(rng.random(n) < chance, "yes", "no")).to_csv("leads.csv", index=False)
    spec = {"data": {"labelled": {"source": "leads.csv", "label": "won", "id": "lead"}}}
    rows = table[:4].rename(columns={"lead": "lead_id"})
    rows["Origin [ad]"] = ["mail", "billboard", None, "fair"]
    return spec, rows


@pytest.fixture(scope="module", params=[(churn, "churn"), (leads, "lead")], ids=["churn", "leads"])
def served(
    request: pytest.FixtureRequest,
    empty_store: Path,
    orders: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
    mlflow_environment: Callable[[Path], dict[str, str]],
    serve: Callable[[dict[str, str], str], AbstractContextManager[str]],
) -> Iterator[Served]:
    make, kind = request.param
    name, folder = make.__name__, tmp_path_factory.mktemp("served")
    shutil.copy(empty_store, folder / STORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        spec, rows = make(orders)
        # The signature takes doubles: a frame of whole numbers is refused, JSON and CSV are not.
        rows = rows.astype(dict.fromkeys(rows.select_dtypes("number").columns, "float64"))
        content = {"name": name, "kind": kind, "model": QUICK, **spec}
        train_model(parse_spec(content, source="test"), store_folder=folder, force=True)
        promote_model(name, force=True)
        expected = load_model(f"{name}@champion").predict(rows)
    environment = mlflow_environment(folder)
    with serve(environment, name) as address:
        yield Served(name, address, environment, rows, expected)
    mlflow.set_tracking_uri(None)


def as_json(rows: pd.DataFrame) -> str:
    """Gaps as null, every digit kept."""
    plain = rows.astype(object).where(rows.notna(), None)
    return json.dumps({"dataframe_split": plain.to_dict(orient="split")})


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found.columns) == list(expected.columns)
    for column in expected:
        if pd.api.types.is_numeric_dtype(expected[column].dtype):
            np.testing.assert_allclose(found[column].astype(float), expected[column], rtol=1e-12)
        else:
            told = expected[column].astype(object).where(expected[column].notna(), None)
            assert found[column].astype(object).where(found[column].notna(), None).tolist() == (
                told.tolist()
            )


@pytest.fixture
def answer(served: Served, ask: Callable[[str, str, str], str]) -> Answer:
    def table(body: str, kind: str) -> pd.DataFrame:
        return pd.DataFrame(json.loads(ask(served.address, body, kind))["predictions"])

    return table


def test_the_unseen_category_is_flagged_in_the_row_that_holds_it(served: Served) -> None:
    assert served.expected["flags"].str.contains("unseen_category").tolist() == [
        False, True, False, False,
    ]  # fmt: skip
    assert served.expected.filter(like="reasons_against").notna().any(axis=None)


def test_serve_answers_json_and_csv_with_our_own_numbers(served: Served, answer: Answer) -> None:
    assert_same(answer(as_json(served.rows), "application/json"), served.expected)
    assert_same(answer(served.rows.to_csv(index=False), "text/csv"), served.expected)


def test_absent_optional_columns_count_as_missing_wherever_the_model_runs(
    served: Served, answer: Answer
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", served.environment["MLFLOW_TRACKING_URI"])
        mlflow.set_tracking_uri(served.environment["MLFLOW_TRACKING_URI"])
        ours = load_model(f"{served.name}@champion")
        optional = [each.name for each in ours.inputs if each.is_optional]
        assert optional
        fewer = served.rows.drop(columns=optional[:1])
        expected = ours.predict(fewer)
        loaded = mlflow.pyfunc.load_model(f"models:/{served.name}@champion").predict(fewer)
    blanked = served.rows.assign(**{optional[0]: None})
    assert_same(ours.predict(blanked), expected)
    assert_same(loaded, expected)
    assert_same(answer(as_json(fewer), "application/json"), expected)
    assert_same(answer(fewer.to_csv(index=False), "text/csv"), expected)


def test_models_predict_answers_json_with_our_own_numbers(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(as_json(served.rows))
    done = subprocess.run(
        [
            "mlflow", "models", "predict", "-m", f"models:/{served.name}@champion",
            "-i", str(tmp_path / "in.json"), "-t", "json", "--env-manager", "local",
        ],
        env=served.environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = next(line for line in done.stdout.splitlines() if line.startswith('{"predictions"'))
    assert_same(pd.DataFrame(json.loads(answer)["predictions"]), served.expected)

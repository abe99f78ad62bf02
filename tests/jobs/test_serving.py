"""The registered model answers wherever MLflow runs it, with the numbers of our own loader."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from patronage.tracking.registry import load_model
from patronage.tracking.run import STORE

ROOT = Path(__file__).parents[2]
Serve = Callable[[dict[str, str], str], AbstractContextManager[str]]
Ask = Callable[[str, str, str], str]
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["007", "8", "<script>"],
        "frequency": [2.0, 0.0, 40.0],
        "recency": [120.0, 0.0, 300.0],
        "T": [200.0, 30.0, 301.0],
        "monetary_value": [35.5, 0.0, 12.25],
    }
)


@pytest.fixture(scope="module")
def environment(
    promoted: Path, mlflow_environment: Callable[[Path], dict[str, str]]
) -> dict[str, str]:
    return mlflow_environment(promoted)


@pytest.fixture(scope="module")
def expected(promoted: Path) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(promoted)
        return load_model("clv@champion").predict(CUSTOMERS)


def assert_same(answer: str, expected: pd.DataFrame) -> None:
    found = pd.DataFrame(json.loads(answer)["predictions"])
    assert list(found.columns) == list(expected.columns)
    assert found["customer_id"].tolist() == expected["customer_id"].tolist()
    for column in expected.columns[1:]:
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-12)


@pytest.mark.slow
def test_models_predict_answers_json(
    environment: dict[str, str], expected: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "in.json").write_text(
        json.dumps({"dataframe_split": CUSTOMERS.to_dict(orient="split")})
    )
    done = subprocess.run(
        [
            "mlflow", "models", "predict", "-m", "models:/clv@champion",
            "-i", str(tmp_path / "in.json"), "-t", "json", "--env-manager", "local",
        ],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = next(line for line in done.stdout.splitlines() if line.startswith('{"predictions"'))
    assert_same(answer, expected)


@pytest.fixture(scope="module")
def server(environment: dict[str, str], serve: Serve) -> Iterator[str]:
    with serve(environment, "clv") as address:
        yield address


@pytest.mark.slow
def test_models_serve_answers_json_and_csv(server: str, ask: Ask, expected: pd.DataFrame) -> None:
    split = json.dumps({"dataframe_split": CUSTOMERS.to_dict(orient="split")})
    assert_same(ask(server, split, "application/json"), expected)
    assert_same(ask(server, CUSTOMERS.to_csv(index=False), "text/csv"), expected)


@pytest.mark.slow
def test_models_serve_does_without_ids(server: str, ask: Ask, expected: pd.DataFrame) -> None:
    nameless = CUSTOMERS.drop(columns="customer_id").to_dict(orient="records")
    answer = ask(server, json.dumps({"dataframe_records": nameless}), "application/json")
    assert_same(answer, expected.assign(customer_id=None))


@pytest.mark.slow
def test_mlflow_run_trains_from_the_project(
    environment: dict[str, str], promoted: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "my.toml"
    text = (ROOT / "models" / "clv.toml").read_text()
    text = text.replace("horizon_days = 273", "horizon_days = 90")
    text = text.replace("1997-09-30", "2023-09-30")
    spec.write_text(text.replace('"cdnow"', f'"{promoted / "orders.csv"}"'))
    store = f"sqlite:///{tmp_path / STORE}"
    done = subprocess.run(
        ["mlflow", "run", str(ROOT), "-e", "train", "-P", f"spec={spec}", "--env-manager", "local"],
        env={**environment, "MLFLOW_TRACKING_URI": store}, cwd=tmp_path, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        trained = load_model("clv@challenger")
    assert trained.details["as_of"] == "2023-09-30"

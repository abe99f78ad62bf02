"""A tracking store for each test, and orders of customers whose truth is known."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from patronage.jobs.promote import promote_model
from patronage.jobs.train import train_model
from patronage.tracking.run import STORE, use_store
from patronage.tracking.spec import read_spec

SPEC = Path(__file__).parents[2] / "models" / "clv.toml"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the tables once: it takes longer than most tests."""
    folder = tmp_path_factory.mktemp("store")
    use_store(folder)
    return folder / STORE


@pytest.fixture
def workplace(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory with a store of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / STORE)
    yield tmp_path
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def orders() -> pd.DataFrame:
    """Two years of orders of 600 customers who buy at their own rate until they leave."""
    random = np.random.default_rng(20)
    rows = []
    for customer in range(600):
        rate, spend = random.gamma(1.0, 0.03), random.gamma(6.0, 6.0)
        day, life = int(random.integers(0, 400)), random.exponential(300)
        first = day
        while day < min(730, first + life):
            amount = round(spend * random.gamma(8.0, 1 / 8.0) + 0.01, 2)
            rows.append(
                (f"{customer:05d}", pd.Timestamp("2022-01-01") + pd.Timedelta(days=day), amount)
            )
            day += 1 + int(random.exponential(1 / rate))
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])


@pytest.fixture
def orders_csv(orders: pd.DataFrame, workplace: Path) -> Path:
    """The same orders as a file in the working directory, ids with leading zeros."""
    path = workplace / "orders.csv"
    orders.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def promoted(
    empty_store: Path, orders: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with a promoted clv, made once; copies of it find the same artifacts."""
    folder = tmp_path_factory.mktemp("promoted")
    shutil.copy(empty_store, folder)
    orders.to_csv(folder / "orders.csv", index=False)
    overrides = ["data.transactions.source=orders.csv", "gates.max_bias=0.9"]
    overrides += ["snapshot.as_of=2023-09-30", "snapshot.horizon_days=90"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        train_model(read_spec(SPEC, overrides))
        promote_model("clv")
    return folder


@pytest.fixture(scope="session")
def mlflow_environment() -> Callable[[Path], dict[str, str]]:
    """What MLflow's commands need to find the store of a folder, and to load without pickle."""
    return lambda folder: {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / STORE}",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@pytest.fixture(scope="session")
def serve() -> Callable[[dict[str, str], str], AbstractContextManager[str]]:
    """Serve the champion of a name on a free port while a test runs; gives the address."""

    @contextmanager
    def running(environment: dict[str, str], name: str) -> Iterator[str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = ["mlflow", "models", "serve", "-m", f"models:/{name}@champion", "-p", str(port)]
        process = subprocess.Popen(
            [*command, "--env-manager", "local"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the server stopped"
                time.sleep(0.3)
        yield address
        os.killpg(process.pid, 15)
        process.wait()

    return running


@pytest.fixture(scope="session")
def ask() -> Callable[[str, str, str], str]:
    """Send rows of a kind to a served model, and get its answer."""

    def answer_to(address: str, body: str, kind: str) -> str:
        request = urllib.request.Request(
            f"{address}/invocations", body.encode(), {"Content-Type": kind}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    return answer_to

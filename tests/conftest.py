"""What more than one room's tests need: the real data, Spark, and a fair share for each worker."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before numpy loads: workers share the cores, so threads of one only wait for another's.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def share_of(nodeid: str) -> str:
    """What one worker runs as a whole: one Spark for all its tests, or a file, or a notebook."""
    file, _, name = nodeid.partition("::")
    # One of Spark's tests needs the models that the documents train.
    if "spark" in name or file.endswith("test_docs.py"):
        return "spark"
    return nodeid if file.endswith("test_notebooks.py") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadfile deal out such shares."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - not there without xdist

    class Shares(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share_of(nodeid)

    return Shares(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left with it at the end."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    slow |= {item.path for item in items if item.path.parent == ROOT / "tests" / "jobs"}
    items.sort(key=lambda item: (share_of(item.nodeid) != "spark", item.path not in slow))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that the project must work without."""
    folder = Path(os.environ.get("PATRONAGE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set PATRONAGE_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Two local cores, in UTC."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java not found")
    sql = pytest.importorskip("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()

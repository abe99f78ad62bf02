"""What more than one room's tests need: the real data beside the project, and Spark."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


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

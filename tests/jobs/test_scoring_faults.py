"""Scoring that is killed, doubled, starved or fed rubbish leaves nothing half done."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.data.owners import owner_mark
from patronage.data.write import clear_abandoned
from patronage.errors import SpecError
from patronage.jobs.publish import MemoryLimit, scratch_beside
from patronage.models.lifetime_value import LifetimeValue
from patronage.tracking.artifact import Artifact, write_artifact
from patronage.tracking.spec import parse_spec

SPEC = {
    "name": "clv",
    "kind": "lifetime_value",
    "data": {"transactions": {"source": "orders.parquet", "returns": "net"}},
    "snapshot": {"as_of": "2023-12-31", "horizon_days": 90},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder, and a million orders of 340,000 customers: seven parts."""
    from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("scoring")
    weekly = load_cdnow_summary_data_with_monetary_value()
    model = LifetimeValue(purchases="bg_nbd").fit(weekly, time_unit="weeks")
    details = {"spec": parse_spec(SPEC, source="test").model_dump(mode="json")}
    write_artifact(Artifact("clv", "lifetime_value", model, details), folder / "model")
    duckdb.sql(f"""
        copy (select 'C' || lpad((hash(i) % 340000)::varchar, 6, '0') as customer_id,
                     date '2023-12-31' - (hash(i, 1) % 700)::int as ordered_at,
                     (1 + hash(i, 2) % 9900 / 100)::decimal(12, 2) as amount
              from range(1000000) t(i)) to '{folder / "orders.parquet"}' (format parquet)
    """)
    return folder


def arguments(place: Path, output: Path, **changed: str) -> list[str]:
    options = {
        "input": str(place / "orders.parquet"), "as-of": "2023-12-31", "output": str(output),
        "memory-limit": "750MB",
    }  # fmt: skip
    options |= {name.replace("_", "-"): value for name, value in changed.items()}
    pairs = [text for name, value in options.items() for text in (f"--{name}", value)]
    return ["score", str(place / "model"), *pairs]


def command(place: Path, output: Path, **changed: str) -> list[str]:
    """For a process that is killed, or runs beside another."""
    return [sys.executable, "-m", "patronage.cli", *arguments(place, output, **changed)]


def score(place: Path, output: Path, **changed: str) -> Result:
    """Score in this process: one of its own loads for longer than it scores."""
    return CliRunner().invoke(app, arguments(place, output, **changed), catch_exceptions=False)


def files(output: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file()
    }


PEAK = "peak.txt"


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> dict[str, bytes]:
    """What a run of its own wrote; where the system tells, its most memory lies beside."""
    output = place / "undisturbed"
    code = (
        "import sys; from pathlib import Path; from patronage.cli import app;"
        "app(sys.argv[2:], standalone_mode=False); status = Path('/proc/self/status');"
        "peak = status.read_text().split('VmHWM:')[1].split()[0] if status.is_file() else '';"
        "Path(sys.argv[1]).write_text(peak)"
    )
    alone = [sys.executable, "-c", code, str(place / PEAK), *arguments(place, output)]
    subprocess.run(alone, check=True, capture_output=True)
    return files(output)


def wait_for_a_part(output: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(3_000):
        if list(output.glob("clv/*/*/part-*.parquet")) or process.poll() is not None:
            return
        time.sleep(0.02)
    raise AssertionError("no part was written within a minute")


def test_a_killed_run_resumes_to_the_same_bytes(
    place: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = subprocess.Popen(command(place, tmp_path / "out"))
    wait_for_a_part(tmp_path / "out", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = files(tmp_path / "out")
    assert not any(name.endswith("_SUCCESS") or name == "latest.json" for name in left)
    done_before = {name for name in left if name.endswith(".parquet") and "/part-" in name}
    stamps = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done_before}
    assert score(place, tmp_path / "out").exit_code == 0
    assert files(tmp_path / "out") == undisturbed
    assert {n: (tmp_path / "out" / n).stat().st_mtime_ns for n in done_before} == stamps


def test_two_scorers_at_once_do_each_other_no_harm(
    place: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    limits = ("750MB", "4GB")
    both = [command(place, tmp_path / "out", memory_limit=limit) for limit in limits]
    running = [subprocess.Popen(each) for each in both]
    assert [process.wait() for process in running] == [0, 0]
    assert files(tmp_path / "out") == undisturbed


def test_the_parts_hold_every_customer_once(undisturbed: dict[str, bytes], place: Path) -> None:
    manifest = next(
        json.loads(content) for name, content in undisturbed.items() if "_manifest" in name
    )
    assert len(manifest["files"]) == 7
    (ids,) = duckdb.sql(
        f"select count(*), count(distinct customer_id) from '{place}/undisturbed/clv/*/*/*.parquet'"
    ).fetchall()
    (truth,) = duckdb.sql(
        f"select count(distinct customer_id) from '{place}/orders.parquet'"
    ).fetchall()
    assert ids == (manifest["rows"], manifest["rows"]) == (truth[0], truth[0])


def test_a_published_folder_that_lost_a_part_is_scored_again(
    place: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(place / "undisturbed", output)
    next(output.glob("clv/*/*/part-00002-*")).unlink()
    assert score(place, output).exit_code == 0
    assert files(output) == undisturbed


@pytest.mark.filterwarnings("always")
def test_a_day_beyond_the_orders_is_scored_with_a_warning(place: Path, tmp_path: Path) -> None:
    few = tmp_path / "orders.csv"
    few.write_text("customer_id,ordered_at,amount\n1,2023-01-01,5\n1,2023-02-01,5\n")
    done = score(place, tmp_path / "out", input=str(few))
    assert done.exit_code == 0
    assert "the orders end 2023-02-01, 333 days before 2023-12-31" in done.stderr
    assert len(pd.read_parquet(next((tmp_path / "out").glob("clv/*/*")))) == 1


def test_an_output_that_is_a_file_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = score(place, tmp_path / "out")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "cannot be written" in done.stderr
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("override", ["model.purchases=bg_nbd", "snapshot.as_of=2023-01-01"])
def test_what_scoring_cannot_change_is_refused(place: Path, tmp_path: Path, override: str) -> None:
    done = score(place, tmp_path / "out", set=override)
    assert done.exit_code == 2
    takes = "gates.max_drift, model.annual_discount, model.margin, model.value_days; for the rest"
    assert f"scoring takes {takes}" in done.stderr


def test_a_broken_input_changes_nothing_that_was_published(
    place: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(place / "undisturbed", output)
    broken = tmp_path / "orders.csv"
    broken.write_text("customer_id,ordered_at,amount\n1,2023-01-01,5\n2,soon,5\n")
    done = score(place, output, input=str(broken))
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "orders.csv: 1 of 2 rows" in done.stderr
    assert "soon" in done.stderr
    assert files(output) == undisturbed
    assert not [path for path in output.iterdir() if path.name.startswith(".")]


def test_a_day_before_the_first_order_has_nobody_to_score(place: Path, tmp_path: Path) -> None:
    done = score(place, tmp_path / "out", as_of="2001-01-01")
    assert done.exit_code == 2
    assert "no order on or before 2001-01-01, so nobody to score; the first is of 20" in done.stderr
    assert not files(tmp_path / "out")


@pytest.mark.parametrize("text", ["2", "lots", "100MB", "-2GB", "2TB"])
def test_a_memory_limit_that_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="write 2GB or 750MB, at least 750MB"):
        MemoryLimit.parse(text)


def test_what_killed_runs_left_goes_and_what_others_are_at_stays(tmp_path: Path) -> None:
    output = tmp_path / "out"
    folder = output / "clv" / "2023-12-31" / "abc"
    folder.mkdir(parents=True)
    host = socket.gethostname()
    # A container that starts again has the name and often the number of the one before.
    dead = [f"~{host}~{os.getpid()}~00000000-0~", f"~{host}~4194305~00000000-0~"]
    alive = [owner_mark(), f"~{host}-b~4194305~00000000-0~"]
    for mark in (*dead, *alive):
        (output / f".scratch{mark}").mkdir()
        (folder / f".part.parquet.{mark}.tmp").write_text("half")
    with scratch_beside(output):
        left = {path.name for path in output.glob(".scratch~*")}
        assert len(left) == 3
        assert {f".scratch{mark}" for mark in alive} < left
    clear_abandoned(folder)
    assert {path.name for path in folder.glob(".*.tmp")} == {
        f".part.parquet.{mark}.tmp" for mark in alive
    }


def test_scoring_stays_within_its_memory(place: Path, undisturbed: dict[str, bytes]) -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("no /proc to read the peak from")
    assert int((place / PEAK).read_text()) * 1024 < 750e6

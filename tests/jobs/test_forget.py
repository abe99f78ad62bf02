"""A customer who asks to be forgotten is in no score table any more, and comes back in none."""

import hashlib
import json
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.errors import DataError
from patronage.jobs import forget as room
from patronage.jobs.forget import forget
from patronage.jobs.forgotten import LIST, Forgotten, without_forgotten
from patronage.tracking.run import STORE


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def scores(promoted: Path, orders_csv: Path) -> Path:
    """Two days of scores."""
    shutil.copy(promoted / STORE, orders_csv.parent)
    for day in ("2023-10-31", "2023-12-31"):
        scored(day)
    return orders_csv.parent / "scores"


def scored(day: str) -> str:
    return patronage(
        "score", "clv", "--input", "orders.csv", "--as-of", day, "--output", "scores"
    ).output


def everything(scores: Path) -> pd.DataFrame:
    files = sorted(scores.glob("*/*/*/*.parquet"))
    return pd.concat([pq.read_table(path).to_pandas() for path in files], ignore_index=True)


def test_a_forgotten_customer_is_in_no_table_and_all_others_stay(scores: Path) -> None:
    before = everything(scores)
    units = pq.read_schema(next(scores.glob("*/*/*/*.parquet"))).field("lifetime_value").metadata
    said = patronage("forget", "00007", "--scores", "scores").output
    after = everything(scores)
    assert "2 rows taken out of 2 score tables" in said
    assert "00007" not in said
    others = before[before["customer_id"] != "00007"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, others)
    path = next(scores.glob("*/*/*/*.parquet"))
    assert pq.read_schema(path).field("lifetime_value").metadata == units


def test_manifests_and_latest_say_what_is_there(scores: Path) -> None:
    n_before = json.loads((scores / "latest.json").read_bytes())["rows"]
    forget("00007", scores)
    for path in scores.glob("*/*/*/_manifest.json"):
        manifest = json.loads(path.read_bytes())
        for name, digest in manifest["files"].items():
            assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest
        assert manifest["rows"] == len(pd.read_parquet(path.parent))
    assert json.loads((scores / "latest.json").read_bytes())["rows"] == n_before - 1
    assert not list(scores.glob("*/*/*/_forgetting"))


def test_scoring_again_finds_the_tables_done_and_brings_nobody_back(scores: Path) -> None:
    forget("00007", scores)
    assert "were scored before" in scored("2023-12-31")
    assert "customers scored" in scored("2023-11-30")
    table = everything(scores)
    assert table["as_of"].nunique() == 3
    assert "00007" not in set(table["customer_id"])


def test_the_list_holds_no_id(scores: Path) -> None:
    forget("00007", scores)
    assert "00007" not in (scores / LIST).read_text()
    assert Forgotten.of(scores).has("00007")
    forget("00008", scores)
    assert Forgotten.of(scores).has("00007")
    assert Forgotten.of(scores).has("00008")


def test_an_id_that_no_table_holds_is_kept_out_all_the_same(scores: Path) -> None:
    tables = {path: path.read_bytes() for path in scores.rglob("*/*") if path.is_file()}
    said = patronage("forget", "7", "--scores", "scores").output
    assert "no table holds that id as it is written here; it is on the list from now on" in said
    assert Forgotten.of(scores).has("7")
    assert {path: path.read_bytes() for path in scores.rglob("*/*") if path.is_file()} == tables
    with pytest.raises(DataError, match="holds no score table"):
        forget("7", scores / "elsewhere")
    with pytest.raises(DataError, match="the id is empty"):
        forget(" ", scores)
    shutil.rmtree(scores / "clv")
    forget("00008", scores)
    assert Forgotten.of(scores).has("00008")


def small(output: Path, ids: list[str]) -> Path:
    """Leave one part of a score table behind."""
    folder = output / "clv" / "2024-01-01" / "f"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"customer_id": ids}), folder / "part-00000-of-00001.parquet")
    return folder


def test_of_many_who_are_forgotten_at_once_none_is_lost(tmp_path: Path) -> None:
    ids = [f"{place:03d}" for place in range(12)]
    folder = small(tmp_path, ids)
    with ThreadPoolExecutor(6) as workers:
        done = list(workers.map(lambda each: forget(each, tmp_path), ids[:10]))
    assert [run.rows for run in done] == [1] * 10
    assert all(Forgotten.of(tmp_path).has(each) for each in ids[:10])
    assert pd.read_parquet(folder)["customer_id"].tolist() == ids[10:]


def test_what_killed_runs_left_goes_and_what_others_hold_is_named(tmp_path: Path) -> None:
    folder = small(tmp_path, ["a", "b"])
    host = socket.gethostname()
    # No process has this number: it is over the highest that Linux gives.
    killed = tmp_path / f".scratch~{host}~99999999~{'0' * 8}-1~"
    elsewhere = tmp_path / f".scratch~elsewhere~1~{'0' * 8}-1~"
    for scratch in (killed, elsewhere):
        scratch.mkdir()
        (scratch / "orders.parquet").write_bytes(b"a")
    empty = tmp_path / "clv" / "2024-02-01" / "g"
    empty.mkdir(parents=True)
    draft = empty / f".part-00000.parquet.~{host}~99999999~{'0' * 8}-2~.tmp"
    draft.write_bytes(b"a")
    done = forget("a", tmp_path)
    assert (done.rows, done.left) == (1, (elsewhere.name,))
    assert not killed.exists()
    assert not draft.exists()
    assert pd.read_parquet(folder)["customer_id"].tolist() == ["b"]


def test_a_run_that_was_killed_is_ended_by_the_next(
    scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path, output: Path) -> None:
        raise KeyboardInterrupt("killed")

    with monkeypatch.context() as patch:
        patch.setattr(room, "_settle", killed)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            forget("00007", scores)
    assert list(scores.glob("*/*/*/_forgetting"))
    forget("00007", scores)
    manifests = [json.loads(path.read_bytes()) for path in scores.glob("*/*/*/_manifest.json")]
    folders = [path.parent for path in scores.glob("*/*/*/_manifest.json")]
    for manifest, folder in zip(manifests, folders, strict=True):
        assert manifest["rows"] == len(pd.read_parquet(folder))
    assert "00007" not in set(everything(scores)["customer_id"])


def test_numbers_are_found_as_they_are_written_and_accounts_lose_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "leads" / "2024-01-01" / "f"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"lead_id": [7, 70], "rank": [1, 2]}), folder / "part.parquet")
    accounts = pa.table({"account_id": ["x", "y"], "first_lead_id": ["7", "70"]})
    pq.write_table(accounts, folder / "_accounts.parquet")
    assert forget("7", tmp_path).rows == 1
    assert pq.read_table(folder / "part.parquet")["lead_id"].to_pylist() == [70]
    assert pq.read_table(folder / "_accounts.parquet")["first_lead_id"].to_pylist() == [None, "70"]


@given(ids=st.lists(st.one_of(st.text(max_size=5), st.text("0123", min_size=1)), max_size=20))
def test_whoever_is_on_the_list_is_left_out_of_a_new_table(
    ids: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = tmp_path_factory.mktemp("scores")
    forgotten = Forgotten.of(output)
    for each in ids[::2]:
        forgotten = forgotten.with_id(each)
    forgotten.write(output)
    table = pa.table({"customer_id": pa.array(ids, pa.string())})
    left = without_forgotten(table, output, "customer_id")["customer_id"].to_pylist()
    assert left == [each for each in ids if each not in set(ids[::2])]

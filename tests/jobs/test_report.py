"""From score folders to the page, as a person runs it, and what is refused."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.errors import DataError, SpecError
from patronage.jobs.report import Sources, gather
from patronage.tracking.run import STORE


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def leave(
    output: Path, names: str, day: str, columns: dict[str, object], version: str = "1"
) -> Path:
    """Leave a finished score table of two parts behind."""
    table = pa.table(columns)
    folder = output / names / day / f"{version:0>16}"
    folder.mkdir(parents=True)
    half = len(table) // 2
    files = {}
    for place, part in enumerate((table.slice(0, half), table.slice(half))):
        name = f"part-{place:05d}-of-00002.parquet"
        pq.write_table(part, folder / name)
        files[name] = ""
    manifest = {"as_of": day, "files": files, "rows": len(table), "fingerprint": folder.name}
    models = dict.fromkeys(names.split("+"), version)
    (folder / "_manifest.json").write_text(json.dumps(manifest | {"models": models}))
    (folder / "_SUCCESS").touch()
    return folder


def clv(ids: list[object], value: list[float | None], day: str) -> dict[str, object]:
    n = len(ids)
    return {
        "customer_id": ids,
        "as_of": [date.fromisoformat(day)] * n,
        "frequency": [1] * n,
        "recency_days": [10] * n,
        "age_days": [100] * n,
        "monetary_value": [20.0] * n,
        "probability_alive": [0.9] * n,
        "lifetime_value": value,
        "lifetime_value_low": [0.0] * n,
        "lifetime_value_high": [2 * (x or 0) for x in value],
    }


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a tracking store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("ids", [["007", "7", "a'b", "d"], [7, 8, 9, 10]])
def test_value_is_added_up_and_customers_without_one_left_out(
    nowhere: Path, ids: list[object]
) -> None:
    leave(nowhere / "scores", "clv", "2024-06-30", clv(ids, [60.0, 30.0, 10.0, None], "2024-06-30"))
    found = gather(Sources(nowhere / "scores"))
    assert found.n_customers == 4
    assert found.value is not None
    assert (found.value.total, found.value.n, found.value.median) == (100.0, 3, 30.0)
    # Each interval is (0, 2 x value): its spread is value / 1.28, and the total's their root sum.
    assert found.value.high - 100 == pytest.approx(np.sqrt(60**2 + 30**2 + 10**2))
    assert found.value.tenths["n"].tolist() == [1, 1, 1]


def test_a_tenth_of_customers_who_most_likely_buy_nothing_has_the_interval_of_their_count(
    nowhere: Path,
) -> None:
    # All ends are 0: what each brings is told by none of them, but 0.04 purchases are expected
    # of each. 100 such customers with 5.00 to come bring 500 +- 1.28 x root(100 x 25 / 0.04).
    day, n = "2024-06-30", 100
    columns = clv(list(range(n)), [5.0] * n, day)
    columns |= {"lifetime_value_high": [0.0] * n, "expected_purchases": [0.04] * n}
    leave(nowhere / "scores", "clv", day, columns)
    value = gather(Sources(nowhere / "scores")).value
    assert value is not None
    simulated = 125.0 * np.random.default_rng(0).poisson(0.04, (4_000, n)).sum(axis=1)
    low, high = np.quantile(simulated, [0.1, 0.9])
    assert value.high == pytest.approx(500 + 1.2815515655 * np.sqrt(n * 25 / 0.04))
    assert (value.low, value.high) == pytest.approx((low, high), abs=125.0)  # one purchase
    tenth = value.tenths.iloc[-1]
    assert tenth["high"] - tenth["value"] == pytest.approx(1.2815515655 * np.sqrt(10 * 25 / 0.04))


def test_tables_of_one_day_are_read_together(nowhere: Path) -> None:
    output, day = nowhere / "scores", "2024-06-30"
    leave(output, "clv", day, clv(["a", "b", "c"], [50.0, 40.0, 1.0], day))
    churn = {"customer_id": ["c", "a"], "churn_probability": [0.9, 0.75],
             "churn_reasons": ["x", "silent for 3 days; usually buys every 1 day"]}  # fmt: skip
    leave(output, "churn", day, churn)
    latest = {"folder": f"clv/{day}/{'1':0>16}"}
    (output / "latest.json").write_text(json.dumps(latest))
    risk = gather(Sources(output)).risk
    assert risk is not None
    assert (risk.n, risk.is_churn) == (2, True)
    assert risk.value_at_risk == pytest.approx(0.9 * 1 + 0.75 * 50)
    assert risk.value_at_risk == pytest.approx(risk.bands["value_at_risk"].sum())
    assert risk.warned["value_at_risk"].tolist() == pytest.approx([0.75 * 50])
    assert risk.warned["customer_id"].tolist() == ["a"]
    assert risk.bands[["band", "customers", "value"]].to_numpy().tolist() == [[3, 1, 50], [4, 1, 1]]
    # Intervals of (0, 2 x value) have a spread of value / 1.28 each.
    assert risk.bands["spread"].tolist() == pytest.approx([50 / 1.2815515655, 1 / 1.2815515655])


def test_an_earlier_table_tells_who_moved_who_came_and_who_went(nowhere: Path) -> None:
    output = nowhere / "scores"
    before = {"customer_id": ["a", "b", "c"], "stage": ["new", "new", "lost"]}
    after = {"customer_id": ["a", "b", "d"], "stage": ["active", "new", "new"]}
    leave(output, "segments", "2024-03-31", before)
    leave(output, "segments", "2024-06-30", after, version="2")
    moves = gather(Sources(output)).moves["stage"]
    table = moves.table.set_index(["before", "after"])["customers"].to_dict()
    assert table == {
        ("new", "active"): 1, ("new", "new"): 1, ("lost", "(not there)"): 1,
        ("(not there)", "new"): 1,
    }  # fmt: skip
    assert (moves.before, moves.after, moves.same_model) == (
        date(2024, 3, 31), date(2024, 6, 30), False,
    )  # fmt: skip


def test_owners_come_from_a_table_of_customers(nowhere: Path) -> None:
    day = "2024-06-30"
    columns = clv([7, 8, 9], [90.0, 5.0, 1.0], day) | {"churn_probability": [0.9, 0.9, 0.9]}
    leave(nowhere / "scores", "clv+churn", day, columns)
    Path("owners.csv").write_text("Kunde,Betreuer\n7,Li Wei\n8,Ada\n")
    mapped = ["--columns", "customer_id=Kunde", "--columns", "owner=Betreuer"]
    page = ["--output", "out/page.html", "--customers", "owners.csv", *mapped]
    patronage("report", "--scores", "scores", *page)
    html = Path("out/page.html").read_text(encoding="utf-8")
    assert "Li Wei" in html
    assert "Ada" not in html


def test_a_first_run_needs_neither_store_nor_figures(nowhere: Path) -> None:
    leave(nowhere / "scores", "clv", "2024-06-30", clv(["a"], [5.0], "2024-06-30"))
    said = patronage("report", "--scores", "scores", "--output", "p.html", "--language", "zh")
    assert said.output == "p.html\n"
    assert "截至2024年6月30日" in Path("p.html").read_text(encoding="utf-8")
    assert not (nowhere / STORE).exists()


def test_scores_of_registered_models_say_how_they_were_judged(
    promoted: Path, orders_csv: Path, orders: pd.DataFrame
) -> None:
    shutil.copy(promoted / STORE, orders_csv.parent)
    scoring = ["score", "clv", "--input", "orders.csv", "--output", "scores", "--as-of"]
    patronage(*scoring, "2023-06-30")
    patronage(*scoring, "2023-12-31")
    found = gather(Sources(Path("scores")))
    record = found.models["value"]
    assert (record.name, record.version, record.as_of) == ("clv", "1", "2023-09-30")
    assert len(record.tables["holdout_value_deciles"]) == 10
    assert found.truth is not None
    # What came between the two days, counted by hand among those seen by the first.
    days = orders.assign(day=orders["ordered_at"].dt.normalize())
    days = days.drop_duplicates(["customer_id", "day"])
    old = set(days.loc[days["day"] <= "2023-06-30", "customer_id"])
    between = days[(days["day"] > "2023-06-30") & days["customer_id"].isin(old)]
    assert found.truth.actual == len(between)
    assert found.truth.forecast == pytest.approx(len(between), rel=0.3)

    assert record.documents["data_report"]["rows_kept"] == len(orders)


def test_value_is_told_as_scoring_was_told_to_count_it(promoted: Path, orders_csv: Path) -> None:
    shutil.copy(promoted / STORE, orders_csv.parent)
    told = ["--set", "model.value_days=180", "--set", "model.margin=0.3"]
    scoring = ["score", "clv", "--input", "orders.csv", "--output", "scores"]
    patronage(*scoring, "--as-of", "2023-12-31", *told)
    value = gather(Sources(Path("scores"))).value
    assert value is not None
    assert (value.days, value.margin, value.annual_discount) == (180, 0.3, 0.1)
    # A table that is older than this record is told as its model was trained.
    (path,) = Path("scores").glob("*/*/*/_manifest.json")
    manifest = json.loads(path.read_bytes())
    del manifest["value"]
    path.write_text(json.dumps(manifest))
    value = gather(Sources(Path("scores"))).value
    assert value is not None
    assert (value.days, value.margin) == (365.25, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scores", "nothing"], "holds no finished score table"),
        (["--figures", "nothing"], "no such folder"),
        (["--figures", "scores"], "holds no table of the page's"),
        (["--run", "abc"], "there is no tracking store"),
        (["--link", "https://example.org"], "name a file beside the page"),
        (["--customers", "owners.csv"], "no column owner"),
        (["--columns", "owner"], "write it as ours=theirs"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    nowhere: Path, arguments: list[str], message: str
) -> None:
    leave(nowhere / "scores", "clv", "2024-06-30", clv(["a"], [5.0], "2024-06-30"))
    Path("owners.csv").write_text("customer_id\na\n")
    given = arguments if "--scores" in arguments else ["--scores", "scores", *arguments]
    said = patronage("report", *given, "--output", "p.html", code=2).output
    assert said.count("\n") == 1
    assert pd.Series([said]).str.contains(message).all()
    assert not Path("p.html").exists()


def test_scores_of_leads_alone_are_no_page_about_customers(nowhere: Path) -> None:
    leave(nowhere / "scores", "leads", "2024-06-30", {"lead_id": ["a", "b"]})
    with pytest.raises(DataError, match="its score tables have lead_id, no customer_id"):
        gather(Sources(nowhere / "scores"))


def test_a_lost_part_is_named(nowhere: Path) -> None:
    folder = leave(nowhere / "scores", "clv", "2024-06-30", clv(["a"], [5.0], "2024-06-30"))
    (folder / "part-00001-of-00002.parquet").unlink()
    with pytest.raises(DataError, match="1 of 2 parts are gone, first part-00001"):
        gather(Sources(nowhere / "scores"))


def test_figures_in_every_format_are_read(nowhere: Path) -> None:
    leave(nowhere / "scores", "clv", "2024-06-30", clv(["a"], [5.0], "2024-06-30"))
    credit = pd.DataFrame({"channel": ["web", "shop"], "last": [3.0, 1.0]})
    for kind in ("csv", "parquet", "json"):
        folder = nowhere / kind
        folder.mkdir()
        if kind == "csv":
            credit.to_csv(folder / "credit.csv", index=False)
        elif kind == "json":
            credit.to_json(folder / "credit.json", orient="records")
        else:
            credit.to_parquet(folder / "credit.parquet")
        found = gather(Sources(nowhere / "scores", figures=[folder])).figures["credit"]
        pd.testing.assert_frame_equal(found, credit, check_dtype=False)
    (nowhere / "broken").mkdir()
    (nowhere / "broken" / "credit.json").write_text("{")
    with pytest.raises(SpecError, match=r"--figures .*broken: credit.json is no table"):
        gather(Sources(nowhere / "scores", figures=[nowhere / "broken"]))


def test_what_moved_in_the_input_is_read_from_beside_the_scores(nowhere: Path) -> None:
    folder = leave(nowhere / "scores", "clv", "2024-06-30", clv(["a"], [5.0], "2024-06-30"))
    rows = [("recency_days", 0.1, False, False), ("frequency", 0.4, True, False)]
    rows += [("age_days", 9.0, False, True), ("plan", None, False, False)]
    names = ("column", "psi", "moved", "by_calendar")
    columns = [dict(zip(names, row, strict=True)) for row in rows]
    models: dict[str, dict[str, object]] = {
        "clv": {"columns": columns},
        "churn": {"columns": columns[:1]},
    }
    models["churn"]["max_drift"] = 0.2
    told = {"rows": 7, "warns_over": 0.25, "models": models}
    (folder / "_drift.json").write_text(json.dumps(told))
    drift = gather(Sources(nowhere / "scores")).drift
    assert drift is not None
    assert drift.to_numpy().tolist() == [
        ["frequency", 0.4, True, 7, 0.25], ["recency_days", 0.1, False, 7, 0.25],
    ]  # fmt: skip


def test_a_value_below_zero_keeps_its_interval_and_is_not_at_risk(nowhere: Path) -> None:
    day = "2024-06-30"
    columns = clv(["a", "b", "c"], [50.0, 10.0, -40.0], day)
    columns |= {"lifetime_value_low": [0.0, 0.0, -80.0], "lifetime_value_high": [100.0, 20.0, 0.0],
                "churn_probability": [0.8, 0.9, 0.5], "tier": ["A", "B", "C"]}  # fmt: skip
    leave(nowhere / "scores", "clv", day, columns)
    found = gather(Sources(nowhere / "scores"))
    assert found.value is not None
    assert found.risk is not None
    assert (found.value.n_below, found.value.below) == (1, -40.0)
    last = found.value.tenths.iloc[-1]
    assert (last["low"], last["high"]) == pytest.approx((-80.0, 0.0))
    # What is at risk is what could be lost: the list's sum is part of the whole.
    assert found.risk.value_at_risk == pytest.approx(0.8 * 50 + 0.9 * 10)
    assert found.risk.found_at_risk <= found.risk.value_at_risk
    assert found.risk.mean_risk == pytest.approx(2.2 / 3)
    # A share of a total with losses in it says nothing.
    assert "value" not in found.groups["tier"]


def test_nobody_of_no_value_is_called_valuable(nowhere: Path) -> None:
    day = "2024-06-30"
    columns = clv(["a", "b"], [0.0, -3.0], day) | {"churn_probability": [0.9, 0.9]}
    leave(nowhere / "scores", "clv", day, columns)
    risk = gather(Sources(nowhere / "scores")).risk
    assert risk is not None
    assert (risk.n_found, risk.min_value) == (0, 0.0)

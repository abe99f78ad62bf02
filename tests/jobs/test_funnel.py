"""Funnels from files by the command, against printed examples, a plain loop and real leads."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.marketing.intervals import wilson

STEPS = ("visit", "sign up", "trial", "deal")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["funnel", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def spec(text: str) -> str:
    Path("funnel.toml").write_text(f'kind = "funnel"\n{text}', encoding="utf-8")
    return "funnel.toml"


def written(kind: str = "csv") -> pd.DataFrame:
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[kind]
    table = read(Path("out") / f"funnel.{kind}")
    return table.assign(group=table["group"].astype(object).fillna(""))


@pytest.fixture
def guide(workplace: Path) -> str:
    """The example of marketing guides, 10,000 > 2,000 > 500 > 80, with units as strings."""
    events = [
        (f"{unit:06d}", f"2026-01-{1 + number:02d}", step)
        for number, (step, n) in enumerate(zip(STEPS, (10_000, 2_000, 500, 80), strict=True))
        for unit in range(n)
    ]
    table = pd.DataFrame(events, columns=["User ID", "When?", "Stage"])
    table.to_csv(workplace / "events.csv", index=False)
    return spec(
        '[data.steps]\nsource = "events.csv"\n'
        'columns = { unit_id = "User ID", reached_at = "When?", step = "Stage" }\n'
        '[funnel]\norder = ["visit", "sign up", "trial", "deal"]\nwindow_days = 7\n'
        "[snapshot]\nas_of = 2026-02-01\n"
    )


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_the_guides_funnel_comes_out_as_printed_in_every_format(guide: str, kind: str) -> None:
    shown = run(guide, "--output", "out", "--format", kind).output
    table = written(kind)
    assert table["units"].to_list() == [10_000, 2_000, 500, 80]
    assert table["from_previous"].to_list() == [1.0, 0.2, 0.25, 0.16]
    assert table["from_first"].to_list() == [1.0, 0.2, 0.05, 0.008]
    assert "10000" in shown
    assert (Path("out") / "funnel.svg").stat().st_size > 2_000


def test_who_stopped_is_listed_by_the_id_that_was_given(guide: str) -> None:
    after_trial = ["--output", "out", "--set", 'funnel.drop_off_after="trial"', "--set"]
    run(guide, *after_trial, "funnel.drop_off_closed=true")
    listed = pd.read_csv("out/drop_off.csv", dtype=str)
    assert sorted(listed["unit_id"]) == [f"{unit:06d}" for unit in range(80, 500)]
    assert set(listed["window_open"]) == {"False"}
    assert set(listed["entered_day"]) == {"2026-01-01"}


def test_who_can_finish_no_more_is_not_listed_to_act_on(guide: str) -> None:
    said = run(guide, "--output", "out").output
    assert "drop_off: 9,920 of 9,920 units are not listed, their window is over" in said
    assert pd.read_csv("out/drop_off.csv").empty
    run(guide, "--output", "out", "--set", "snapshot.as_of=2026-01-08")
    listed = pd.read_csv("out/drop_off.csv")
    assert set(listed["window_open"]) == {True}
    assert len(listed) == 9_920


def test_a_column_a_step_gives_the_same_funnel_as_a_row_a_step(guide: str) -> None:
    run(guide, "--output", "out")
    events = written()
    long = pd.read_csv("events.csv", dtype=str)
    long.set_index(["User ID", "Stage"])["When?"].unstack().to_csv("wide.csv")  # noqa: PD010 - text
    parts = "".join(
        f'[[data.steps]]\nsource = "wide.csv"\nstep = "{step}"\n'
        f'columns = {{ unit_id = "User ID", reached_at = "{step}" }}\n'
        for step in STEPS
    )
    wide = spec(
        f'{parts}[funnel]\norder = ["visit", "sign up", "trial", "deal"]\nwindow_days = 7\n'
        "[snapshot]\nas_of = 2026-02-01\n"
    )
    run(wide, "--output", "out")
    pd.testing.assert_frame_equal(written(), events)


def test_files_that_end_on_different_days_are_told(workplace: Path) -> None:
    leads = pd.DataFrame({"unit_id": ["a", "b"], "reached_at": ["2026-01-01", "2026-03-01"]})
    leads.to_csv(workplace / "leads.csv", index=False)
    leads[:1].to_csv(workplace / "deals.csv", index=False)
    parts = "".join(
        f'[[data.steps]]\nsource = "{step}s.csv"\nstep = "{step}"\n' for step in ("lead", "deal")
    )
    both = spec(f'{parts}[funnel]\norder = ["lead", "deal"]\nwindow_days = 7\n')
    ends = "last rows: leads.csv 2026-03-01, deals.csv 2026-01-01; where a table was read on"
    assert ends in run(both).output
    # Two columns of one file were read on one day, whatever their last dates.
    leads.assign(won_at=["2026-01-02", None]).to_csv(workplace / "deals.csv", index=False)
    one = parts.replace("leads.csv", "deals.csv").replace(
        'step = "deal"', 'step = "deal"\ncolumns = { reached_at = "won_at" }'
    )
    alone = spec(f'{one}[funnel]\norder = ["lead", "deal"]\nwindow_days = 7\n')
    assert "last rows" not in run(alone).output
    spec(f'{parts}[funnel]\norder = ["lead", "deal"]\nwindow_days = 7\n')
    assert "last rows" not in run(both, "--set", "snapshot.as_of=2026-01-01").output


def test_units_whose_window_is_open_are_counted_apart(guide: str) -> None:
    run(guide, "--output", "out", "--set", "snapshot.as_of=2026-01-04")
    table = written()
    assert table["units"].to_list() == [0, 0, 0, 0]
    assert set(table["n_left_out"]) == {10_000}
    assert table["from_first"].isna().all()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ('funnel.order=["home", "cart"]', r"none of home, cart is a step; there are 'deal', "),
        ("funnel.by=origin", "funnel.by is 'origin', which no table of data.steps has"),
        ("funnel.window=3", "funnel.window is not a key; did you mean window_days"),
        ("data.steps.source=absent.csv", "absent.csv: no such file"),
        ("kind=kpis", "kind is 'kpis'; it must be one of funnel"),
        ("funnel.drop_off_after=deal", "after is 'deal'; use a step before the last"),
        ("snapshot.as_of=soon", "snapshot.as_of is 'soon'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(guide: str, override: str, message: str) -> None:
    result = run(guide, "--set", override, "--output", "out", code=2)
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_made_is_one_line(guide: str) -> None:
    Path("out").write_text("a file")
    assert "--output out: " in run(guide, "--output", "out", code=2).stderr


@pytest.mark.shared_data
def test_olist_leads_become_deals_at_the_rate_of_a_plain_count(
    shared_data: Path, workplace: Path
) -> None:
    folder = shared_data / "olist_marketing_funnel"
    leads = folder / "olist_marketing_qualified_leads_dataset.csv"
    deals = folder / "olist_closed_deals_dataset.csv"
    run(
        spec(
            f'[[data.steps]]\nsource = "{leads}"\nstep = "MQL"\n'
            'columns = { unit_id = "mql_id", reached_at = "first_contact_date" }\n'
            f'[[data.steps]]\nsource = "{deals}"\nstep = "deal"\n'
            'columns = { unit_id = "mql_id", reached_at = "won_date" }\n'
            '[funnel]\norder = ["MQL", "deal"]\nwindow_days = 180\nby = "origin"\n'
            "[snapshot]\nas_of = 2018-11-14\n"
        ),
        "--output",
        "out",
    )
    table = written().set_index(["group", "step"])
    both = pd.read_csv(leads, parse_dates=["first_contact_date"]).merge(
        pd.read_csv(deals, parse_dates=["won_date"]), on="mql_id", how="left"
    )
    days = (both["won_date"].dt.normalize() - both["first_contact_date"]).dt.days
    mature = both["first_contact_date"] <= pd.Timestamp("2018-11-14") - pd.Timedelta(days=180)
    won = days.between(0, 180)
    assert (~mature).sum() > 0
    assert table.loc[("", "MQL"), "n_left_out"] == (~mature).sum()
    assert table.loc[("", "deal"), "units"] == (mature & won).sum()
    for origin, own in both[mature].groupby(both["origin"].fillna("(missing)")):
        row = table.loc[(origin, "deal")]
        bounds = wilson(won[own.index].sum(), len(own))
        low, high = float(bounds.low), float(bounds.high)
        assert row["from_first"] == pytest.approx(won[own.index].mean(), rel=1e-12)
        assert (row["from_first_low"], row["from_first_high"]) == pytest.approx((low, high))

"""Published and hand-worked credits, and what odd tables give."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from patronage.attribution.compare import MODELS, attribute, check_conserved, compare_models
from patronage.attribution.markov import removal_effects
from patronage.attribution.paths import read_paths
from patronage.errors import DataError, SpecError

PATH_DATA = {
    "conversions": "total_conversions",
    "value": "total_conversion_value",
    "nulls": "total_null",
}

# ChannelAttribution's PathData: first, last and linear as ChannelAttribution 2.2.5 gives them;
# removal effect, Markov credit and value from an independent solution of the absorbing chain.
PUBLISHED = """
alpha 6308 8447 7574.7185937512 .55839949 5344.94768209 18799.17062619
beta 2831 989 2083.5001445891 .26403854 2527.35216652 9687.80921609
delta 1 5 1.725 .00048200 4.61361831 13.91838400
epsilon 99 531 272.1704377205 .06263858 599.57065046 2348.65382519
eta 3164 4167 3539.9511571006 .34902633 3340.84740150 12991.73666670
gamma 165 92 121.0416390203 .01787997 171.14544269 719.23674635
iota 4606 3355 3857.0962210178 .40583500 3884.61470188 14978.43728840
kappa 74 230 137.9640779223 .02866339 274.36325595 1136.09253815
lambda 902 1207 1035.2575722855 .13402212 1282.84722339 5142.72029701
mi 2 2 2.2222222222 .00017995 1.72242456 5.44450886
theta 1606 653 1022.8013939042 .20601046 1971.91287989 7511.04847544
zeta 27 107 136.5515404664 .03981052 381.06255276 1468.70301484
"""


@pytest.fixture(scope="module")
def path_data(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "channelattribution_pathdata" / "PathData.csv")


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    rows = [line.split() for line in PUBLISHED.split("\n") if line]
    names = ["channel", "first", "last", "linear", "removal_effect", "markov", "markov_value"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(**{name: table[name].astype(float) for name in names[1:]})


@pytest.mark.shared_data
@pytest.mark.parametrize("model", ["first", "last", "linear", "markov"])
def test_credit_on_path_data_is_the_published(
    path_data: pd.DataFrame, published: pd.DataFrame, model: str
) -> None:
    given = attribute(path_data, model, columns=PATH_DATA)
    assert given["channel"].to_list() == published["channel"].to_list()
    np.testing.assert_allclose(given["credit"], published[model], rtol=1e-6)
    assert given["credit"].sum() == pytest.approx(19_785, rel=1e-12)
    assert given["value"].sum() == pytest.approx(74_802.97, abs=0.005)


@pytest.mark.shared_data
def test_markov_value_and_removal_effect_on_path_data_are_the_published(
    path_data: pd.DataFrame, published: pd.DataFrame
) -> None:
    given = attribute(path_data, columns=PATH_DATA)
    np.testing.assert_allclose(given["value"], published["markov_value"], rtol=1e-6)
    # Published with eight decimals.
    np.testing.assert_allclose(given["removal_effect"], published["removal_effect"], atol=6e-9)
    whole = removal_effects(read_paths(path_data, columns=PATH_DATA))
    assert whole.rate == pytest.approx(0.22384514, abs=6e-9)
    assert whole.value_per_journey == pytest.approx(0.84631192, abs=6e-9)


@pytest.mark.shared_data
@pytest.mark.parametrize("order", [2, 3, 4])
def test_higher_orders_on_path_data_give_out_what_there_was(
    path_data: pd.DataFrame, order: int
) -> None:
    given = attribute(path_data, order=order, columns=PATH_DATA)
    assert given["credit"].sum() == pytest.approx(19_785, rel=1e-9)
    assert given["removal_effect"].between(0, 1).all()


@pytest.fixture
def mailing() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": ["google", "mailing", "google > mailing"],
            "conversions": [2, 1, 1],
            "nulls": [1, 0, 0],
        }
    )


def credit(frame: Any, model: str = "markov", **options: Any) -> dict[str, float]:
    given = attribute(frame, model, **options)
    return dict(zip(given["channel"], given["credit"], strict=True))


def test_markov_and_shapley_on_google_and_mailing(mailing: pd.DataFrame) -> None:
    markov = attribute(mailing)
    np.testing.assert_allclose(markov["removal_effect"], [0.75, 0.5], rtol=1e-12)
    np.testing.assert_allclose(markov["credit"], [2.4, 1.6], rtol=1e-12)
    assert credit(mailing, "shapley") == pytest.approx({"google": 2.5, "mailing": 1.5})


def test_markov_on_three_channels_worked_by_hand() -> None:
    frame = pd.DataFrame(
        {"path": ["C1>C2>C3", "C1", "C2>C3"], "conversions": [1, 0, 0], "nulls": [0, 1, 1]}
    )
    given = attribute(frame)
    np.testing.assert_allclose(given["removal_effect"], [0.5, 1, 1], rtol=1e-12)
    np.testing.assert_allclose(given["credit"], [0.2, 0.4, 0.4], rtol=1e-12)


def test_time_decay_shares_a_deal_as_guides_print_it() -> None:
    deal = pd.DataFrame(
        {
            "path": ["a > b > c > d > e"],
            "days_before": ["38 > 33 > 26 > 8 > 0"],
            "conversions": [1],
            "value": [12_000],
        }
    )
    given = attribute(deal, "time_decay", half_life_days=7)
    np.testing.assert_allclose(given["value"], [175.2, 287.4, 574.9, 3417.0, 7545.4], atol=0.05)


@pytest.mark.parametrize(
    ("path", "shares"),
    [
        ("a", [1]),
        ("a > b", [0.5, 0.5]),
        ("a > b > c", [0.4, 0.2, 0.4]),
        ("a > b > c > d", [0.4, 0.1, 0.1, 0.4]),
    ],
)
def test_u_shape_by_length_of_the_journey(path: str, shares: list[float]) -> None:
    frame = pd.DataFrame({"path": [path], "conversions": [1]})
    np.testing.assert_allclose(attribute(frame, "u_shaped")["credit"], shares)


@pytest.mark.parametrize(
    ("path", "stage", "shares"),
    [
        ("a > b > c > d > e", 3, [0.3, 0.05, 0.3, 0.05, 0.3]),
        ("a > b > c", 3, [0.3, 0.1, 0.6]),
        ("a > b", 2, [1 / 3, 2 / 3]),
        ("a", 1, [1]),
        ("a > b > c", None, [0.45, 0.1, 0.45]),
        ("a > b > c > d > e", "2 > 4", [0.225, 0.225, 0.1, 0.225, 0.225]),
    ],
)
def test_w_shape_by_place_of_the_stage(
    path: str, stage: int | str | None, shares: list[float]
) -> None:
    frame = pd.DataFrame({"path": [path], "conversions": [1], "stage": [stage]})
    np.testing.assert_allclose(attribute(frame, "w_shaped")["credit"], shares)


def test_custom_weights_go_where_they_say() -> None:
    frame = pd.DataFrame({"path": ["a > b > c > d", "a"], "conversions": [10, 1]})
    weights = {"first": 0.5, "middle": 0.2, "last": 0.3}
    expected = {"a": 6.0, "b": 1.0, "c": 1.0, "d": 3.0}
    assert credit(frame, "custom", weights=weights) == pytest.approx(expected)
    assert credit(frame, "custom", weights={"middle": 1.0}) == pytest.approx(
        {"a": 1.0, "b": 5.0, "c": 5.0, "d": 0.0}
    )


def test_last_non_direct_passes_over_direct_unless_there_is_nothing_else() -> None:
    frame = pd.DataFrame({"path": ["a > Direct > b > (direct)", "Direct"], "conversions": [2, 3]})
    expected = {"(direct)": 0, "Direct": 3, "a": 0, "b": 2}
    assert credit(frame, "last_non_direct") == expected
    assert credit(frame, "last_non_direct", direct="b")["(direct)"] == 2


@pytest.mark.parametrize("model", [name for name in MODELS if name != "custom"])
def test_names_of_any_kind_survive(model: str) -> None:
    names = ["Paid Search", "邮件 > 推送", "ünï-cødé", "007", "a/b, c"]
    frame = pd.DataFrame(
        {
            "Pfad": [" | ".join(names), names[0], names[1]],
            "n": [3, 1, 0],
            "lost": [1, 5, 2],
            "t": ["9 | 7 | 5 | 3 | 0", "0", "1"],
            "opp": [2, 1, None],
        }
    )
    columns = {"path": "Pfad", "conversions": "n", "nulls": "lost"}
    columns |= {"days_before": "t", "stage": "opp"}
    given = attribute(frame, model, columns=columns, separator="|")
    assert given["channel"].to_list() == sorted(names)
    assert given["credit"].sum() == pytest.approx(4)
    assert not given.isna().any().any()


def test_no_conversions_give_no_credit_and_no_nan() -> None:
    frame = pd.DataFrame({"path": ["a > b", "c"], "conversions": [0, 0], "nulls": [3, 1]})
    for model in ("first", "linear", "u_shaped", "markov", "shapley"):
        given = attribute(frame, model)
        assert given["credit"].to_list() == [0, 0, 0]
        assert given["value"].to_list() == [0, 0, 0]


def test_no_nulls_and_a_single_channel_give_it_everything() -> None:
    frame = pd.DataFrame({"path": ["a", "a > a"], "conversions": [1, 2], "value": [5.0, 7.0]})
    for order in (1, 2, 3, 4):
        given = attribute(frame, order=order)
        assert given.to_dict("list") == {
            "channel": ["a"],
            "credit": [3.0],
            "value": [12.0],
            "removal_effect": [1.0],
        }


def test_rows_without_weight_keep_their_channels_at_nothing() -> None:
    frame = pd.DataFrame({"path": ["a", "b > c"], "conversions": [1, 0], "nulls": [1, 0]})
    for order in (1, 2):
        assert credit(frame, order=order) == {"a": 1, "b": 0, "c": 0}


def test_an_empty_table_gives_an_empty_table() -> None:
    frame = pd.DataFrame(
        {"path": pd.Series([], dtype=str), "conversions": pd.Series([], dtype=int)}
    )
    for model in ("first", "last_non_direct", "linear", "u_shaped", "markov", "shapley"):
        given = attribute(frame, model)
        assert given.shape[0] == 0
        assert list(given.columns[:3]) == ["channel", "credit", "value"]


@pytest.mark.parametrize("order", [1, 2])
def test_every_engine_gives_the_same(mailing: pd.DataFrame, order: int) -> None:
    frame = pd.concat([mailing.assign(value=[4.5, None, 1.0]).fillna({"value": 2.0})] * 2)
    expected = attribute(frame, order=order)
    polars = pl.from_pandas(frame)
    relation = duckdb.connect().from_arrow(polars.to_arrow())
    assert isinstance(attribute(polars, order=order), pl.DataFrame)
    assert isinstance(attribute(polars.to_arrow(), order=order), pa.Table)
    for given in (
        attribute(polars, order=order).to_pandas(),
        attribute(polars.lazy(), order=order).to_pandas(),
        attribute(polars.to_arrow(), order=order).to_pandas(),
        attribute(relation, order=order),
    ):
        pd.testing.assert_frame_equal(given, expected, rtol=1e-12)


@pytest.mark.spark
def test_spark_gives_the_same(mailing: pd.DataFrame, spark: Any) -> None:
    rows = mailing.astype({"path": object}).to_numpy().tolist()
    frame = spark.createDataFrame(rows, ["path", "conversions", "nulls"])
    pd.testing.assert_frame_equal(attribute(frame), attribute(mailing))


def test_models_stand_side_by_side_where_the_columns_allow_them(mailing: pd.DataFrame) -> None:
    given = compare_models(mailing)
    assert list(given.columns) == [
        "channel", "first", "last", "last_non_direct", "linear", "u_shaped", "markov", "shapley",
    ]  # fmt: skip
    timed = mailing.assign(days_before=["1", "0", "3 > 1"], stage=[1, 1, 2], value=[9, 2, 4])
    values = compare_models(timed, of="value", weights={"first": 1.0})
    assert set(values.columns) == {"channel", *MODELS}
    np.testing.assert_allclose(values.drop(columns="channel").sum(), 15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "markow"}, "model is 'markow'; did you mean markov"),
        ({"order": 5}, "order is 5; pass 1 to 4"),
        ({"order": 0}, "order is 0; pass 1 to 4"),
        ({"half_life": 3}, "half_life is no option .* did you mean half_life_days"),
        ({"model": "time_decay", "half_life_days": 0}, "half_life_days is 0"),
        ({"model": "custom"}, "weights is missing"),
        ({"model": "custom", "weights": {"first": 0.7}}, "add to 0.7"),
        ({"model": "custom", "weights": {"frist": 1.0}}, "weights names 'frist'"),
        ({"model": "shapley", "game": "odds"}, "game is 'odds'"),
        ({"columns": {"paths": "path"}}, "names 'paths'.* did you mean path"),
        ({"separator": ""}, "separator is empty"),
    ],
)
def test_a_wrong_argument_is_named(
    mailing: pd.DataFrame, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        attribute(mailing, **options)


def test_wrong_arguments_of_the_comparison_are_named(mailing: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="of is 'money'"):
        compare_models(mailing, of="money")
    with pytest.raises(SpecError, match="models is empty"):
        compare_models(mailing, [])


@pytest.mark.parametrize(
    ("model", "column"), [("time_decay", "days_before"), ("w_shaped", "stage")]
)
def test_a_model_without_its_column_says_so(mailing: pd.DataFrame, model: str, column: str) -> None:
    with pytest.raises(DataError, match=rf"column\(s\) {column} not found"):
        attribute(mailing, model)


def test_markov_refuses_negative_value_and_the_rules_take_it(mailing: pd.DataFrame) -> None:
    refunded = mailing.assign(value=[5.0, -2.0, 1.0])
    assert attribute(refunded, "last")["value"].to_list() == [5.0, -1.0]
    with pytest.raises(DataError, match=r"1 of 3 rows have negative value, first -2\. Net refunds"):
        attribute(refunded)


def test_credit_that_does_not_add_up_raises() -> None:
    with pytest.raises(ArithmeticError, match=r"linear: 3\.0 was given out of 4\.0"):
        check_conserved("linear", np.array([1.0, 2.0]), np.array([4.0]))
    with pytest.raises(ArithmeticError, match="linear"):
        check_conserved("linear", np.array([np.nan]), np.array([4.0]))

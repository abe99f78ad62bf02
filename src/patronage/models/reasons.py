"""Why a customer scores as it does, in words of the business, in English and Chinese.

A reason is a source field that moved the customer's log-odds, with its value and the usual one.
Log-odds are split before calibration, which keeps the order and the signs; they add up to the
model's margin, and `Propensity.contributions` checks that they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.features.catalogue import as_named, describe, reads_like
from patronage.models.peers import Peers
from patronage.models.propensity import Propensity

Which = Literal["none", "top", "all"]
Language = Literal["en", "zh"]
Objects = NDArray[np.object_]
Side = Literal["for", "against"]
COLUMNS = {
    "row": "int64",
    "side": "object",
    "rank": "int64",
    "group": "object",
    "feature": "object",
    "contribution": "float64",
    "text_en": "object",
    "text_zh": "object",
}
LEAST = 0.01
TOP_SHARE = 0.05
FOR, AGAINST = 1, 2
OF_THE_DAY = "season"
"""Group of the columns that set no customer apart from another."""


class Meaning(NamedTuple):
    """What a column says.

    Attributes
    ----------
    group : columns of one group make one reason
    en, zh : in words
    unit : "days", "currency", "count", "share", "ratio" or "level"
    reads : 1 where more of it reads like the outcome, -1 where less does, 0 where neither
    """

    group: str
    en: str
    zh: str
    unit: str
    reads: int = 0


class Template(NamedTuple):
    """Words for one column, with {value}, {usual} and, where it is asked for, {own}.

    Attributes
    ----------
    en, zh
    own
        Column that holds the customer's own usual value; without it there the generic words are
        used.
    """

    en: str
    zh: str
    own: str | None = None


TEMPLATES = {
    "recency_days": Template(
        "silent for {value}; usually buys every {own}",
        "已沉默{value}; 通常每{own}购买一次",
        "gap_mean",
    ),
    "gap_last": Template(
        "last two purchases {value} apart; usually {own}",
        "最近两次购买间隔{value}; 通常为{own}",
        "gap_mean",
    ),
    "gap_recent_mean": Template(
        "lately buys every {value}; over all its time every {own}",
        "近期每{value}购买一次; 长期平均{own}",
        "gap_mean",
    ),
    "silence_over_gap": Template(
        "silent for {value} times its usual gap; others {usual} times",
        "沉默时长为平均间隔的{value}倍; 一般为{usual}倍",
    ),
    "purchase_trend": Template(
        "purchases of the last 90 days against the 90 before: {value}, from -1 (none now) to 1 "
        "(none before); usually {usual}",
        "近90天购买趋势: {value}, 从-1(近期没有)到1(此前没有); 通常为{usual}",
    ),
    "spend_trend": Template(
        "spend of the last 90 days against the 90 before: {value}, from -1 (none now) to 1 "
        "(none before); usually {usual}",
        "近90天消费趋势: {value}, 从-1(近期没有)到1(此前没有); 通常为{usual}",
    ),
}
GENERIC = Template("{meaning}: {value}; usually {usual}", "{meaning}: {value}; 通常为{usual}")
NAMED = Template("{meaning} is {value}; usually {usual}", "{meaning}为{value}; 通常为{usual}")
UNKNOWN = Template("{meaning} not known; usually {usual}", "{meaning}未知; 通常为{usual}")


def catalogue_meaning(name: str, outcome: str | None = None) -> Meaning:
    """Look a column up in the list of declared features; any other means what its name says.

    Without an outcome no column reads like one.

    Examples
    --------
    >>> catalogue_meaning("recency_days").group, catalogue_meaning("industry").en
    ('recency', 'industry')
    """
    found = describe(name)
    reads = 0 if outcome is None else reads_like(name, outcome=outcome)
    return Meaning(found.group, found.meaning, found.meaning_zh, found.unit, reads)


def named_meaning(name: str) -> Meaning:
    """Take a column of the caller's own table for what its name says, whatever is declared."""
    found = as_named(name)
    return Meaning(found.group, found.meaning, found.meaning_zh, found.unit)


def _template(name: str, meaning: Meaning) -> Template | None:
    """Give the words for a declared column; another of the same name has none."""
    return None if meaning.en == name else TEMPLATES.get(name)


def shown(value: object, unit: str, language: Language = "en") -> str:
    """Write a value as its unit asks.

    Examples
    --------
    >>> shown(64.0, "days"), shown(64.0, "days", "zh"), shown(0.125, "share"), shown(2.5, "count")
    ('64 days', '64天', '12%', '2.5')
    >>> shown(1234.5, "currency"), shown("ad", "level"), shown(1.0, "days"), shown(3.14159, "ratio")
    ('1,234.50', 'ad', '1 day', '3.1')
    >>> shown(-0.04, "ratio")
    '0'
    """
    if isinstance(value, bool | np.bool_):
        return {"en": ("no", "yes"), "zh": ("否", "是")}[language][int(value)]
    if not isinstance(value, int | float | np.number):
        return str(value)
    number = float(value)
    if unit == "share":
        return f"{number:.0%}"
    if unit == "currency":
        return f"{number:,.2f}"
    digits = 0 if abs(number) >= 10 and unit == "days" else 1  # noqa: PLR2004 - a tenth of a day is dust
    # Adding zero takes the sign off what rounds to nothing.
    text = f"{round(number, digits) + 0.0:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if unit != "days":
        return text
    return f"{text}天" if language == "zh" else f"{text} day{'' if text == '1' else 's'}"


def explain(  # noqa: PLR0913 - each is a choice of the caller's
    model: Propensity,
    X: pd.DataFrame,
    *,
    reasons: Which = "top",
    share: float = TOP_SHARE,
    above: float | None = None,
    n: int = 3,
    meaning: Callable[[str], Meaning] = catalogue_meaning,
    peers: Peers | None = None,
) -> pd.DataFrame:
    """Give the strongest reasons for and against each row.

    Parameters
    ----------
    model
        Fitted.
    X : shape (n_rows, n_columns)
    reasons
        "all" rows, the "top" share by probability, or "none".
    share
        Of the rows that "top" explains.
    above
        For "top": explain rows of at least this probability, in place of a share, so that the
        choice does not hang on which rows are passed together.
    n
        Most reasons a side.
    meaning
        From a column's name to what it says.
    peers
        Customers who buy about as often: rows are then set beside those of their band, in what
        a column moves and in what is usual, and not beside the average of all.

    Returns
    -------
    One row a reason: row (position in X), side ("for", "against" the outcome), rank (1 the
    strongest), group, feature (of the group, that which moved most), contribution (log-odds
    before calibration, of the group), text_en, text_zh. Groups that moved less than .01 are
    left out, and so are values that read like the usual one, or like the other side: the next
    reason takes their place.

    References
    ----------
    Lundberg et al. (2020), "From local explanations to global understanding with explainable AI
    for trees", Nature Machine Intelligence 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"recency_days": rng.integers(0, 90, 400), "gap_mean": 12.0})
    >>> model = Propensity(random_state=0).fit(X, rng.random(400) < X["recency_days"] / 100)
    >>> found = explain(model, X.assign(recency_days=64)[:1], reasons="all")
    >>> found.loc[0, "text_en"]
    'silent for 64 days; usually buys every 12 days'
    """
    if reasons not in ("none", "top", "all"):
        raise ValueError(f"reasons={reasons!r}; choose none, top or all.")
    rows = _explained_rows(model, X, reasons, share, above)
    if not len(rows):
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(COLUMNS)
    picked = model.features_.align(X, absent="missing").iloc[rows]
    moved, _ = model.contributions(picked)
    meanings = {name: meaning(name) for name in moved.columns}
    if peers is None:
        usual = {each.name: _objects([each.usual] * len(rows)) for each in model.features_.columns}
    else:
        bands = peers.bands(picked)
        moved = moved - peers.mean_of(bands, moved.columns)
        usual = {name: _objects(values)[bands] for name, values in peers.usual.items()}
    tells = np.column_stack(
        [_tells(picked, name, meanings[name], usual[name]) for name in moved.columns]
    )
    chosen = _strongest(moved, tells, [meanings[name].group for name in moved.columns], n)
    languages: tuple[Language, ...] = ("en", "zh")
    for language in languages:
        chosen[f"text_{language}"] = _texts(chosen, picked, meanings, usual, language)
    chosen["row"] = rows[chosen["row"]]
    return chosen[list(COLUMNS)].astype(COLUMNS)


def joined(
    found: pd.DataFrame,
    n_rows: int,
    *,
    side: Side = "for",
    language: Language = "en",
    separator: str = " | ",
) -> pd.Series[str]:
    """Put the reasons of a side into one text a row, strongest first; None where none were made.

    Parameters
    ----------
    found
        From `explain`.
    n_rows
        Of the frame that was explained.
    side, language, separator

    Examples
    --------
    >>> found = pd.DataFrame({"row": [1, 1], "side": "for", "rank": [2, 1],
    ...                       "text_en": ["b", "a"]})
    >>> joined(found, 2).tolist()
    [None, 'a | b']
    """
    mine = found[found["side"] == side].sort_values("rank", kind="stable")
    result = np.full(n_rows, None, dtype=object)
    for row, text in zip(mine["row"].tolist(), mine[f"text_{language}"].tolist(), strict=True):
        result[row] = text if result[row] is None else f"{result[row]}{separator}{text}"
    return pd.Series(result, dtype=object)


def _objects(values: Sequence[object]) -> Objects:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _explained_rows(
    model: Propensity, X: pd.DataFrame, reasons: Which, share: float, above: float | None
) -> NDArray[np.intp]:
    if reasons == "none" or not len(X):
        return np.zeros(0, dtype=np.intp)
    if reasons == "all":
        return np.arange(len(X))
    if not 0 < share <= 1:
        raise ValueError(f"share={share}; it must lie above 0 and be at most 1.")
    chance = model.predict_proba(model.encode(X, absent="missing"))[:, 1]
    if above is not None:
        return np.flatnonzero(chance >= above)
    n_top = int(np.ceil(share * len(chance)))
    return np.sort(np.argsort(-chance, kind="stable")[:n_top])


def _strongest(
    moved: pd.DataFrame, tells: NDArray[np.int8], groups: Sequence[str], n: int
) -> pd.DataFrame:
    """Rank the groups of each row on both sides, each with the telling column that moved most.

    Parameters
    ----------
    moved : shape (n_rows, n_columns), log-odds
    tells : shape (n_rows, n_columns), from `_tells`
    groups : of the columns
    n : most a side
    """
    values = moved.to_numpy()
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    columns_of = [np.flatnonzero(codes == code) for code in range(len(names))]
    totals = np.column_stack([values[:, own].sum(axis=1) for own in columns_of])
    found = []
    for side, sign, readable in (("for", 1.0, FOR), ("against", -1.0, AGAINST)):
        said = (tells & readable != 0) & (sign * values > 0)
        sayable = np.column_stack([said[:, own].any(axis=1) for own in columns_of])
        strengths = np.where(sayable, sign * totals, -np.inf)
        order = np.argsort(-strengths, axis=1, kind="stable")[:, :n]
        for rank, group in enumerate(order.T, start=1):
            strength = strengths[np.arange(len(totals)), group]
            rows = np.flatnonzero(strength > LEAST)
            inside = (codes == group[rows, None]) & said[rows]
            feature = np.where(inside, sign * values[rows], -np.inf).argmax(axis=1)
            found.append(
                pd.DataFrame(
                    {
                        "row": rows,
                        "side": side,
                        "rank": rank,
                        "group": names[group[rows]],
                        "feature": moved.columns.to_numpy()[feature],
                        "contribution": sign * strength[rows],
                    }
                )
            )
    return pd.concat(found, ignore_index=True)


def _tells(picked: pd.DataFrame, name: str, meaning: Meaning, usual: Objects) -> NDArray[np.int8]:
    """Tell on which sides each row's value may stand: FOR, AGAINST, both added up, or 0.

    On neither where it reads like what the words of the column set beside it, or is the same for
    all who are scored on a day; on one where it reads like that side.
    """
    values = picked[name]
    # A column of the caller's own means what it is called, whatever that is.
    if meaning.group == OF_THE_DAY and meaning.en != name:
        return np.zeros(len(values), dtype=np.int8)
    template = _template(name, meaning)
    beside: pd.Series[Any] = pd.Series(usual, index=values.index, dtype=object)
    if template is not None and template.own in picked.columns:
        own = picked[template.own]
        beside = own.astype(object).where(own.notna(), beside)
    above = _above(values, beside)
    sides = np.full(len(values), FOR | AGAINST, dtype=np.int8)
    if meaning.reads:
        sides[meaning.reads * above > 0] = FOR
        sides[meaning.reads * above < 0] = AGAINST
    sides[~_read_otherwise(values, beside, above, meaning.unit)] = 0
    return sides


def _above(values: pd.Series[Any], beside: pd.Series[Any]) -> NDArray[np.float64]:
    """Give how far numbers lie above those beside them; NaN for what is no number."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return np.full(len(values), np.nan)
    other = pd.to_numeric(beside, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.asarray(values.to_numpy(np.float64, na_value=np.nan) - other, dtype=np.float64)


def _read_otherwise(
    values: pd.Series[Any], beside: pd.Series[Any], above: NDArray[np.float64], unit: str
) -> NDArray[np.bool_]:
    # Not known, where nobody's is, sets no one apart.
    differs = values.notna().to_numpy() | beside.notna().to_numpy()
    near = values.notna().to_numpy() & beside.notna().to_numpy()
    # Rounding makes no two numbers equal that are further apart; writing them all is slow.
    near &= ~(np.abs(above) > 1.0)
    at = np.flatnonzero(near)
    pairs = list(zip(values.iloc[at].tolist(), beside.iloc[at].tolist(), strict=True))
    written = {pair: shown(pair[0], unit) != _beside(*pair, unit) for pair in dict.fromkeys(pairs)}
    differs[at] = [written[pair] for pair in pairs]
    return differs


def _beside(value: object, usual: object, unit: str, language: Language = "en") -> str:
    """Write the usual value as one of the kind beside it: truth values were learnt as numbers."""
    if isinstance(value, bool | np.bool_) and isinstance(usual, int | float):
        usual = usual >= 0.5  # noqa: PLR2004 - the median of truth values
    return "-" if usual is None else shown(usual, unit, language)


def _texts(
    chosen: pd.DataFrame,
    picked: pd.DataFrame,
    meanings: Mapping[str, Meaning],
    usual: Mapping[str, Objects],
    language: Language,
) -> Objects:
    """Write each reason, once for equal values of a column."""
    texts = np.full(len(chosen), "", dtype=object)
    rows = chosen["row"].to_numpy()
    for feature, at in chosen.groupby("feature").indices.items():
        name = str(feature)
        template = _template(name, meanings[name])
        own = template.own if template else None
        values = picked[name].iloc[rows[at]].tolist()
        owns: list[Any] = [None] * len(values)
        if own is not None and own in picked.columns:
            owns = picked[own].iloc[rows[at]].tolist()
        told = list(zip(values, owns, usual[name][rows[at]].tolist(), strict=True))
        words = {each: _words(each, name, meanings[name], language) for each in dict.fromkeys(told)}
        texts[at] = [words[each] for each in told]
    return texts


def _words(told: tuple[Any, Any, Any], name: str, meaning: Meaning, language: Language) -> str:
    """Write a value, beside the customer's own usual one or the usual one of others."""
    value, own, usual = told
    template = _template(name, meaning)
    if pd.isna(value):
        template = UNKNOWN
    elif template is None or (template.own is not None and pd.isna(own)):
        # A declared column has a phrase for a meaning, another one only its own name.
        template = NAMED if meaning.en == name else GENERIC
    words, about = (template.en, meaning.en) if language == "en" else (template.zh, meaning.zh)
    return words.format(
        meaning=about,
        value=shown(value, meaning.unit, language),
        usual=_beside(value, usual, meaning.unit, language),
        own=None if own is None else shown(own, meaning.unit, language),
    )

"""Which product next: what others who bought the same also bought.

Counts of customers, nothing more: simple, quick, and explained in a sentence. Judge it against
plain popularity before you use it, since where everybody buys the same it cannot do better.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from patronage.data.units import Day, to_date, to_day
from patronage.errors import DataError, ReadinessError, SpecError

CHUNK = 2_000
MOST_HELD = 100


class HintScore(NamedTuple):
    """How hints fared in the days after.

    Attributes
    ----------
    customers
        Who bought something new to them, and had bought before.
    hit_rate, popularity_hit_rate
        Share of them that bought one of their hints, and one of as many best sellers.
    gain, low, high
        Difference of the two with its 95% interval (paired, over customers).
    """

    customers: int
    hit_rate: float
    popularity_hit_rate: float
    gain: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Say whether hints are worth using."""
        figures = f"{self.hit_rate:.1%} against {self.popularity_hit_rate:.1%} of best sellers"
        if self.low > 0:
            return f"hints beat best sellers: {figures}"
        if self.high < 0:
            return f"hints lose to best sellers, show those: {figures}"
        return f"hints are not shown to beat best sellers: {figures}"


class NextProduct:
    """Item-to-item hints from what customers bought together.

    Parameters
    ----------
    min_support
        Fewest customers who bought both products of a pair.
    min_lift
        Pairs below this are bought together no more than by chance.
    partners
        Most pairs kept for a product, those of highest confidence.

    Attributes
    ----------
    pairs_
        product, with_product, customers (who bought both), support (their share of all),
        confidence (of those with `product`, who bought the other too), lift (confidence over the
        other's share of all customers).
    popularity_ : customers by product, most first

    References
    ----------
    Linden, Smith and York (2003), "Amazon.com recommendations: item-to-item collaborative
    filtering", IEEE Internet Computing 7(1), 76-80; Brin, Motwani and Silverstein (1997),
    "Beyond market baskets", SIGMOD.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": [1, 1, 2, 2, 3, 4],
    ...                        "product": ["tea", "cup", "tea", "cup", "tea", "pan"]})
    >>> model = NextProduct(min_support=2).fit(bought)
    >>> model.pairs_[["product", "with_product", "customers", "lift"]].round(2)
      product with_product  customers  lift
    0     cup          tea          2  1.33
    1     tea          cup          2  1.33
    >>> model.hints(bought, top=1)[["customer_id", "product", "because"]]
       customer_id product because
    0            3     cup     tea
    """

    def __init__(self, *, min_support: int = 5, min_lift: float = 1.0, partners: int = 50) -> None:
        if min_support < 1 or not min_lift >= 0:
            raise SpecError(f"min_support {min_support} is at least 1, min_lift {min_lift} 0.")
        self.min_support = min_support
        self.min_lift = min_lift
        self.partners = partners

    def fit(self, transactions: pd.DataFrame) -> NextProduct:
        """Count who bought what together.

        Parameters
        ----------
        transactions
            customer_id, product; lines without a product are left out, refunds (amount below
            zero) too.

        Raises
        ------
        DataError
            If a column is not there.
        ReadinessError
            If no line names a product.
        """
        bought = _bought(transactions)
        who, _ = pd.factorize(bought["customer_id"])
        what, names = pd.factorize(bought["product"], sort=True)
        n = int(who.max()) + 1
        matrix: Any = csr_array(
            (np.ones(len(what)), (who, what)),
            shape=(n, len(names)),
        )
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        both = (matrix.T @ matrix).tocoo()
        first, second = both.coords
        keep = (first != second) & (both.data >= self.min_support)
        first, second, together = first[keep], second[keep], both.data[keep]
        pairs = pd.DataFrame(
            {
                "product": np.asarray(names)[first],
                "with_product": np.asarray(names)[second],
                "customers": together.astype(np.int64),
                "support": together / n,
                "confidence": together / counts[first],
                "lift": together * n / (counts[first] * counts[second]),
            }
        )
        self.pairs_ = (
            pairs[pairs["lift"] >= self.min_lift]
            .sort_values(["product", "confidence", "with_product"], ascending=[True, False, True])
            .groupby("product", sort=False)
            .head(self.partners)
            .reset_index(drop=True)
        )
        popular = pd.Series(counts.astype(np.int64), index=pd.Index(names, name="product"))
        self.popularity_ = popular.sort_values(ascending=False, kind="stable").rename("customers")
        return self

    def hints(self, transactions: pd.DataFrame, *, top: int = 3) -> pd.DataFrame:
        """Give each customer products that they have not bought and others like them have.

        A product's score is the highest confidence among the pairs that lead to it.

        Returns
        -------
        customer_id, rank, product, because (the product that it goes with), confidence, lift.
        Customers without a hint have no row.
        """
        bought = _bought(transactions)
        who, ids = pd.factorize(bought["customer_id"])
        names = self.popularity_.index
        place = names.get_indexer(pd.Index(bought["product"]))
        known = place >= 0
        who, place = who[known], place[known]
        pairs = self.pairs_
        origin = names.get_indexer(pd.Index(pairs["product"]))
        target = names.get_indexer(pd.Index(pairs["with_product"]))
        order = np.argsort(origin, kind="stable")
        starts = np.searchsorted(origin[order], np.arange(len(names) + 1))
        found = [
            self._of(who[part], place[part], (order, starts, target), top)
            for part in _chunks(who, len(ids))
        ]
        rows = pd.concat(found, ignore_index=True) if found else _no_rows()
        listed = pairs.iloc[rows["pair"].to_numpy(dtype=np.intp)]
        return pd.DataFrame(
            {
                "customer_id": np.asarray(ids)[rows["who"].to_numpy(dtype=np.intp)],
                "rank": rows["rank"].to_numpy(dtype=np.int64),
                "product": listed["with_product"].to_numpy(),
                "because": listed["product"].to_numpy(),
                "confidence": listed["confidence"].to_numpy(),
                "lift": listed["lift"].to_numpy(),
            }
        )

    def _of(
        self,
        who: NDArray[np.intp],
        place: NDArray[np.intp],
        index: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
        top: int,
    ) -> pd.DataFrame:
        """Hints of some customers: pairs that start from what they have."""
        order, starts, target = index
        n_pairs = starts[place + 1] - starts[place]
        owner = np.repeat(who, n_pairs)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
        pair = order[np.repeat(starts[place], n_pairs) + offset]
        rows = pd.DataFrame({"who": owner, "pair": pair, "target": target[pair]})
        held = pd.MultiIndex.from_arrays([who, place])
        rows = rows[~pd.MultiIndex.from_arrays([rows["who"], rows["target"]]).isin(held)]
        rows = rows.assign(score=self.pairs_["confidence"].to_numpy()[rows["pair"]])
        rows = rows.sort_values(["who", "score", "target"], ascending=[True, False, True])
        rows = rows.drop_duplicates(["who", "target"])
        rows = rows.assign(rank=rows.groupby("who").cumcount() + 1)
        return rows[rows["rank"] <= top]


def judge_hints(
    transactions: pd.DataFrame,
    *,
    as_of: Day,
    horizon_days: int,
    top: int = 3,
    min_support: int = 5,
) -> HintScore:
    """Learn until a day and see who bought a hint after it, beside best sellers.

    Both lists leave out what a customer has already. Judged are customers with a purchase up to
    `as_of` who bought a product new to them in the days after; where there are too few pairs,
    best sellers fill a customer's list.

    Parameters
    ----------
    transactions
        customer_id, day, product.
    as_of, horizon_days
        The split, and how long it looks ahead.
    top
        Hints a customer.
    min_support
        As in `NextProduct`.

    Raises
    ------
    ReadinessError
        If nobody can be judged.
    """
    last = to_day(as_of)
    day = transactions["day"]
    parts = transactions[day <= last], transactions[(day > last) & (day <= last + horizon_days)]
    nobody = ReadinessError(
        f"transactions: nobody who bought until {to_date(last)} bought a new product in the "
        f"{horizon_days} days after; choose another as_of or a longer horizon."
    )
    if min(map(len, parts)) == 0:
        raise nobody
    before, after = map(_bought, parts)
    model = NextProduct(min_support=min_support).fit(before)
    new = _minus(after[after["customer_id"].isin(before["customer_id"])], before)
    if new.empty:
        raise nobody
    judged = pd.Index(new["customer_id"].unique())
    sellers = _best_sellers(model.popularity_.index, judged, before, top)
    own = before[before["customer_id"].isin(judged)]
    listed = model.hints(own, top=top)[["customer_id", "rank", "product"]]
    # Best sellers behind the hints of those who have too few.
    filled = pd.concat([listed, sellers.assign(rank=sellers["rank"] + top)])
    filled = filled.sort_values(["customer_id", "rank"]).drop_duplicates(["customer_id", "product"])
    filled = filled[filled.groupby("customer_id").cumcount() < top]
    ours, theirs = _hits(filled, new, judged), _hits(sellers, new, judged)
    difference = ours - theirs
    gain = float(difference.mean())
    reach = 1.959964 * float(difference.std()) / float(np.sqrt(len(judged)))
    return HintScore(
        len(judged), float(ours.mean()), float(theirs.mean()), gain, gain - reach, gain + reach
    )


def _best_sellers(
    names: pd.Index[Any], judged: pd.Index[Any], held: pd.DataFrame, top: int
) -> pd.DataFrame:
    """List best sellers that each customer does not have: customer_id, product, rank."""
    first = pd.DataFrame({"product": names[: top + MOST_HELD]})
    every = pd.DataFrame({"customer_id": judged}).merge(first, how="cross")
    found = _minus(every, held)
    found = found.assign(rank=found.groupby("customer_id").cumcount() + 1)
    return found[found["rank"] <= top]


def _minus(rows: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Rows whose customer and product are not among those held."""
    pairs = pd.MultiIndex.from_frame(rows[["customer_id", "product"]])
    owned = pd.MultiIndex.from_frame(held[["customer_id", "product"]])
    return rows[~pairs.isin(owned)]


def _hits(listed: pd.DataFrame, new: pd.DataFrame, judged: pd.Index[Any]) -> NDArray[np.float64]:
    """1 for each customer who bought something listed, else 0."""
    found = listed.merge(new, on=["customer_id", "product"])["customer_id"]
    return np.asarray(judged.isin(found), dtype=np.float64)


def _bought(transactions: pd.DataFrame) -> pd.DataFrame:
    """Distinct customers and products."""
    absent = [name for name in ("customer_id", "product") if name not in transactions.columns]
    if absent:
        raise DataError(
            f"transactions: column(s) {', '.join(absent)} not found; hints need who bought what. "
            "Map your names in the spec."
        )
    rows = transactions
    if "amount" in rows:
        rows = rows[rows["amount"] >= 0]
    rows = rows[["customer_id", "product"]].dropna().drop_duplicates()
    if rows.empty:
        raise ReadinessError("transactions: no line names a product; hints need some.")
    return rows


def _chunks(who: NDArray[np.intp], n: int) -> list[NDArray[np.intp]]:
    """Rows of so many customers at a time, to bound memory."""
    order = np.argsort(who, kind="stable")
    edges = np.searchsorted(who[order], np.arange(0, n + CHUNK, CHUNK))
    parts = np.split(order, edges[1:-1])
    return [part for part in parts if len(part)]


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"who": [], "pair": [], "rank": []})

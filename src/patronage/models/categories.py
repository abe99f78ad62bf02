"""Turn a frame of numbers and words into one float32 matrix, by a map learnt in fitting.

Trees and the logistic regression read the same matrix: numbers as they are, the levels of a
text column as codes by count, missing values as NaN. Levels that were rare in fitting share one
code, and a level that fitting never saw takes that code (or NaN where nothing was rare), so a
new level never raises; it is counted instead.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kind = Literal["number", "level", "empty"]
MAX_LEVELS = 100
MAX_RARE = 5_000
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_TRUTH = {"true": 1.0, "false": 0.0}
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "boolean", "decimal"})
_TIMES = frozenset({"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"})


@dataclass(frozen=True)
class Column:
    """What fitting learnt about one column.

    Attributes
    ----------
    name
    kind
        "number", "level" (text, categories), or "empty": nothing but missing values in fitting.
    levels
        Kept levels, the most frequent first; a level's code is its place here.
    rare
        Levels met in fitting but too rare for a code of their own; they share len(levels). None
        where there were too many to list (ids, free text): then nothing counts as unseen.
    low, high
        Range of the numbers in fitting, None where the column has none.
    usual
        Median of the numbers, or the most frequent level.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    rare: tuple[str, ...] | None = ()
    low: float | None = None
    high: float | None = None
    usual: float | str | None = None

    @property
    def has_rare(self) -> bool:
        """Whether there is a shared code for rare levels."""
        return self.rare is None or len(self.rare) > 0


@dataclass(frozen=True)
class Encoded:
    """A frame as numbers, with what was odd about it.

    Attributes
    ----------
    matrix : float32, shape (n_rows, n_columns)
    index
        Of the frame, so that results can be put back beside it.
    unseen, out_of_range : bool, shape (n_rows,)
        Rows with at least one level, or one number, outside what fitting saw.
    n_missing, n_unseen, n_out_of_range
        Rows by column name, columns without any left out.
    """

    matrix: NDArray[np.float32]
    index: pd.Index[Any]
    unseen: NDArray[np.bool_]
    out_of_range: NDArray[np.bool_]
    n_missing: dict[str, int] = field(default_factory=dict)
    n_unseen: dict[str, int] = field(default_factory=dict)
    n_out_of_range: dict[str, int] = field(default_factory=dict)


def level_name(value: object) -> str | None:
    """Name a level the same whatever type it comes as; blank text is no level.

    Examples
    --------
    >>> level_name(3.0), level_name("3"), level_name(True), level_name(" ")
    ('3', '3', 'True', None)
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value)
    return text if text.strip() else None


def _by_unique(
    values: pd.Series[Any], meaning: Callable[[Any], Any]
) -> tuple[NDArray[np.intp], list[Any]]:
    """Give each row's place among the distinct values, and what each of those means.

    The last meaning is None: missing rows have place -1, which picks it.
    """
    places, distinct = pd.factorize(values)
    return places, [*(meaning(value) for value in distinct), None]


def _as_number(value: object) -> float | None:
    """Read a number or a truth value; NaN where there is nothing, None where it is neither."""
    text = str(value).strip().lower()
    if not text:
        return np.nan
    try:
        return _TRUTH[text] if text in _TRUTH else float(text)
    except ValueError:
        return None


def _numbers(values: pd.Series[Any], name: str) -> NDArray[np.float64]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = np.asarray(
            values.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan), np.float64
        )
    else:
        places, meanings = _by_unique(values, _as_number)
        wrong = {place for place, number in enumerate(meanings[:-1]) if number is None}
        if wrong:
            bad = np.isin(places, list(wrong))
            first = ", ".join(repr(value) for value in values[bad].unique()[:3])
            raise ValueError(
                f"column {name!r}: {int(bad.sum()):,} of {len(values):,} rows are no number, "
                f"first {first}; it held numbers when the model was fitted."
            )
        meanings[-1] = np.nan
        numbers = np.asarray(meanings, dtype=np.float64)[places]
    # The matrix is of single precision, in which a larger number would be infinite.
    beyond = np.abs(numbers) > _FLOAT32_MAX
    if beyond.any():
        raise ValueError(
            f"column {name!r}: {int(beyond.sum()):,} of {len(values):,} rows are infinite or "
            f"beyond {_FLOAT32_MAX:.1e}, first {numbers[beyond][0]:g}; leave them missing or cap "
            "them."
        )
    return numbers


def _kind(values: pd.Series[Any], name: str) -> Kind:
    if pd.api.types.is_complex_dtype(values.dtype):
        raise ValueError(f"Complex data not supported: column {name!r}.")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number" if values.notna().any() else "empty"
    found = pd.api.types.infer_dtype(values, skipna=True)
    if found in _TIMES:
        raise ValueError(
            f"column {name!r} holds times; turn it into days before the day of the snapshot."
        )
    if values.isna().all():
        return "empty"
    return "number" if found in _NUMBERS else "level"


def _learn_levels(values: pd.Series[Any], name: str, fewest: int) -> Column:
    places, names = _by_unique(values, level_name)
    counts = np.bincount(places[places >= 0], minlength=len(names) - 1)
    total: Counter[str] = Counter()
    for level, count in zip(names[:-1], counts, strict=True):
        if level is not None:
            total[level] += int(count)
    # By count, then by name: the order must not hang on the order of the rows.
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    kept = tuple(level for level, count in ranked[:MAX_LEVELS] if count >= fewest)
    if not ranked:
        return Column(name, "empty")
    rare = tuple(level for level, _ in ranked[len(kept) :])
    listed = rare if len(rare) <= MAX_RARE else None
    return Column(name, "level", kept, listed, usual=ranked[0][0])


def _learn_column(values: pd.Series[Any], name: str, fewest: int) -> Column:
    kind = _kind(values, name)
    if kind == "empty":
        return Column(name, "empty")
    if kind == "level":
        return _learn_levels(values, name, fewest)
    numbers = _numbers(values, name)
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return Column(name, "empty")
    return Column(
        name,
        "number",
        low=float(present.min()),
        high=float(present.max()),
        usual=float(np.median(present)),
    )


@dataclass(frozen=True)
class FeatureMap:
    """How each column of a frame becomes a column of the matrix."""

    columns: tuple[Column, ...]

    @classmethod
    def learn(cls, frame: pd.DataFrame) -> FeatureMap:
        """Learn kinds, levels and ranges from the rows that a model is fitted on.

        A level is kept when it has at least one row in 500 (never fewer than 2, never more than
        20 rows asked) and is among the 100 most frequent.

        Raises
        ------
        ValueError
            For repeated column names, times, complex numbers, and such as are infinite or too
            large for single precision.

        Examples
        --------
        >>> frame = pd.DataFrame({"visits": [1, 5, None], "origin": ["ad", "ad", "shop"]})
        >>> [column.kind for column in FeatureMap.learn(frame).columns]
        ['number', 'level']
        """
        names = [str(name) for name in frame.columns]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ValueError(f"column(s) {', '.join(map(repr, twice))} occur more than once.")
        fewest = int(np.clip(len(frame) // 500, 2, 20))
        return cls(
            tuple(
                _learn_column(frame.iloc[:, place], name, fewest)
                for place, name in enumerate(names)
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order of the matrix."""
        return tuple(column.name for column in self.columns)

    def align(
        self, frame: pd.DataFrame, *, absent: Literal["raise", "missing"] | Collection[str]
    ) -> pd.DataFrame:
        """Pick the map's columns by name, in its order; others are left out.

        Parameters
        ----------
        frame
        absent
            What to do where a column is not there: "raise"; "missing" fills any with missing
            values; a list of names fills these alone.

        Raises
        ------
        ValueError
            Naming the columns that are not there and the nearest names that are.
        """
        held: dict[str, Hashable] = {str(name): name for name in frame.columns}
        lacking = [name for name in self.names if name not in held]
        fillable = self.names if absent == "missing" else () if absent == "raise" else absent
        wrong = [name for name in lacking if name not in fillable]
        if wrong or len(lacking) == len(self.names):
            raise ValueError(_not_found(wrong or lacking, list(held)))
        if not lacking and [str(name) for name in frame.columns] == list(self.names):
            return frame
        picked = frame[[held[name] for name in self.names if name in held]]
        picked = picked.set_axis([name for name in self.names if name in held], axis="columns")
        return picked.reindex(columns=list(self.names)) if lacking else picked

    def encode(
        self,
        frame: pd.DataFrame,
        *,
        absent: Literal["raise", "missing"] | Collection[str] = "raise",
    ) -> Encoded:
        """Make the matrix, and count what is missing, unseen or out of range.

        Raises
        ------
        ValueError
            Where columns are not there, or a column of numbers holds text, infinity or what is
            too large for single precision.
        """
        frame = self.align(frame, absent=absent)
        n_rows = len(frame)
        encoded = Encoded(
            np.empty((n_rows, len(self.columns)), dtype=np.float32),
            frame.index,
            np.zeros(n_rows, dtype=np.bool_),
            np.zeros(n_rows, dtype=np.bool_),
        )
        for place, column in enumerate(self.columns):
            codes, unseen, outside = _encode_column(frame.iloc[:, place], column)
            encoded.matrix[:, place] = codes
            np.logical_or(encoded.unseen, unseen, out=encoded.unseen)
            np.logical_or(encoded.out_of_range, outside, out=encoded.out_of_range)
            missing = np.isnan(codes) & ~unseen
            for counts, rows in (
                (encoded.n_missing, missing),
                (encoded.n_unseen, unseen),
                (encoded.n_out_of_range, outside),
            ):
                if np.any(rows):
                    counts[column.name] = int(rows.sum())
        return encoded

    def to_dict(self) -> list[dict[str, Any]]:
        """List the columns as JSON takes them."""
        return [
            asdict(column)
            | {
                "levels": list(column.levels),
                "rare": None if column.rare is None else list(column.rare),
            }
            for column in self.columns
        ]

    @classmethod
    def from_dict(cls, columns: list[Mapping[str, Any]]) -> FeatureMap:
        """Undo `to_dict`."""
        return cls(
            tuple(
                Column(
                    **{
                        **column,
                        "levels": tuple(column["levels"]),
                        "rare": None if column["rare"] is None else tuple(column["rare"]),
                    }
                )
                for column in columns
            )
        )


def _not_found(wrong: list[str], held: list[str]) -> str:
    nearest = []
    lower = {name.lower(): name for name in held}
    for name in wrong[:3]:
        close = difflib.get_close_matches(name.lower(), list(lower), n=1)
        nearest.append(f"{name!r}" + (f" (nearest {lower[close[0]]!r})" if close else ""))
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""  # noqa: PLR2004 - as shown above
    return (
        f"X: {len(wrong)} column(s) of the fitted model not found: {', '.join(nearest)}{more}; "
        "rename them, or have absent ones filled as missing with align(X, absent=[...])."
    )


_Rows = NDArray[np.bool_]


def _encode_column(values: pd.Series[Any], column: Column) -> tuple[NDArray[Any], _Rows, _Rows]:
    nowhere = np.zeros(len(values), dtype=np.bool_)
    if column.kind == "empty":
        return np.full(len(values), np.nan), nowhere, nowhere
    if column.low is not None and column.high is not None:
        if values.isna().all():
            return np.full(len(values), np.nan), nowhere, nowhere
        numbers = _numbers(values, column.name)
        outside = (numbers < column.low) | (numbers > column.high)
        return numbers, nowhere, outside
    code = {level: float(place) for place, level in enumerate(column.levels)}
    other = float(len(column.levels)) if column.has_rare else np.nan
    places, names = _by_unique(values, level_name)
    codes = np.array(
        [np.nan if name is None else code.get(name, other) for name in names], dtype=np.float64
    )
    return codes[places], _unseen(names, places, column), nowhere


def _unseen(names: list[str | None], places: NDArray[np.intp], column: Column) -> _Rows:
    if column.rare is None:
        return np.zeros(len(places), dtype=np.bool_)
    known = {*column.levels, *column.rare}
    new = np.array([name is not None and name not in known for name in names], dtype=np.bool_)
    return new[places]

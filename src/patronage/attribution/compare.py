"""Credit of channels by one model, or by all of them side by side.

Every model shares the same conversions and the same value; that each gives out exactly what there
was is checked at every call. All of them describe who took part in journeys: attributed credit is
not the effect of a channel, which only an experiment tells.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, TypedDict, Unpack

import narwhals.stable.v2 as nw
import numpy as np

from patronage.attribution import markov, rules, shapley
from patronage.attribution.paths import FloatArray, IntArray, Paths, column_names, read_paths
from patronage.errors import SpecError

CONSERVED = 1e-6
"""Most that credit may differ from what there was to give, relative."""

NOTHING = 1e-300
"""Room for amounts so small that half of them is not a number."""


class ModelOptions(TypedDict, total=False):
    """What single models need, by keyword.

    Attributes
    ----------
    half_life_days
        time_decay; 7 days.
    weights
        custom; parts of "first", "stage", "middle" and "last" that add to one.
    direct
        last_non_direct; names that mean a direct visit, ("direct", "(direct)").
    game
        shapley; "conversions" (an equal split over distinct channels, exact) or "rate".
    n_orders
        shapley of the rate game with more than 12 channels, which is sampled.
    seed
        Of what is drawn: those orders, and the journeys of intervals.
    """

    half_life_days: float
    weights: Mapping[str, float]
    direct: Collection[str]
    game: str
    n_orders: int
    seed: int


@dataclass(frozen=True)
class Settings:
    """`ModelOptions` with their defaults, and the order of Markov."""

    order: int = 1
    half_life_days: float = 7.0
    weights: Mapping[str, float] | None = None
    direct: Collection[str] = rules.DIRECT
    game: str = "conversions"
    n_orders: int = 2_000
    seed: int = 0


@dataclass(frozen=True)
class Credit:
    """What one model gives each channel, shape (n_channels,) each.

    Attributes
    ----------
    credit, value
        Conversions, and currency units.
    more
        Columns that only this model has, such as removal_effect.
    """

    credit: FloatArray
    value: FloatArray
    more: Mapping[str, FloatArray | list[str]]


def _custom(paths: Paths, settings: Settings) -> FloatArray:
    if settings.weights is None:
        raise SpecError(
            'weights is missing, which model="custom" needs; pass parts that add to 1, such as '
            'weights={"first": 0.5, "middle": 0.2, "last": 0.3}.'
        )
    return rules.positions(paths, settings.weights)


Rule = Callable[[Paths, Settings], FloatArray | IntArray]

RULES: Mapping[str, Rule] = {
    "first": lambda paths, _: rules.first(paths),
    "last": lambda paths, _: rules.last(paths),
    "last_non_direct": lambda paths, settings: rules.last_non_direct(paths, settings.direct),
    "linear": lambda paths, _: rules.linear(paths),
    "u_shaped": lambda paths, _: rules.positions(paths, rules.U_SHAPE),
    "w_shaped": lambda paths, _: rules.positions(paths, rules.W_SHAPE),
    "time_decay": lambda paths, settings: rules.time_decay(paths, settings.half_life_days),
    "custom": _custom,
}

MODELS = (*(name for name in RULES if name != "custom"), "markov", "shapley", "custom")

NEEDS = {"time_decay": "days_before", "w_shaped": "stage"}
"""Columns of the path table without which a model cannot be."""


def attribute(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    model: str = "markov",
    order: int = 1,
    *,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    **options: Unpack[ModelOptions],
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Share conversions and their value among the channels of journeys.

    Parameters
    ----------
    journeys
        A path table: path ("a > b"), conversions, and where there are any value (of all these
        conversions, in currency units) and nulls (journeys that did not convert). time_decay also
        needs days_before ("7 > 0"), w_shaped needs stage (the touch, counted from one, at which
        an opportunity was created). A pandas, polars or pyarrow frame, a DuckDB relation or a
        PySpark DataFrame; `patronage.attribution.journeys` makes one from touches.
    model
        first, last, last_non_direct, linear, u_shaped (40/20/40), w_shaped (30/30/10/30),
        time_decay, markov, shapley or custom.
    order : 1 to 4
        How many channels back the states of Markov look.
    columns
        Names in the table, by ours: ``{"conversions": "total_conversions"}``.
    separator
        What stands between channels; blanks around it don't count.
    **options
        See `ModelOptions`.

    Returns
    -------
    The same kind of frame (pandas for DuckDB and PySpark), one row a channel in the order of
    their names: channel, credit (conversions) and value (0 where the table has none); for markov
    removal_effect (the part of conversions lost without the channel), for the rate game of
    shapley method ("exact" or "sampled") and standard_error (of the sampling, on credit).

    Raises
    ------
    DataError
        If the table lacks a column or holds what it cannot hold.
    SpecError
        If there is no such model or option.

    Examples
    --------
    >>> import pandas as pd
    >>> journeys = pd.DataFrame({"path": ["google", "mailing", "google > mailing"],
    ...                          "conversions": [2, 1, 1], "nulls": [1, 0, 0]})
    >>> attribute(journeys)
       channel  credit  value  removal_effect
    0   google     2.4    0.0            0.75
    1  mailing     1.6    0.0            0.50
    >>> attribute(journeys, "linear")
       channel  credit  value
    0   google     2.5    0.0
    1  mailing     1.5    0.0
    """
    settings = settings_of(order, options)
    _known([model])
    paths = read_paths(journeys, columns=columns, separator=separator, extras=extras_for([model]))
    given = credit_by(paths, model, settings)
    table = {"channel": list(paths.channels), "credit": given.credit, "value": given.value}
    return like(journeys, {**table, **given.more})


def compare_models(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    models: Sequence[str] | None = None,
    order: int = 1,
    *,
    of: str = "credit",
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    **options: Unpack[ModelOptions],
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Credit by several models, one column a model.

    Parameters
    ----------
    journeys, order, columns, separator, **options
        As `attribute` takes them.
    models
        Names; all that the table has the columns for (and custom where weights are given) unless
        they are named.
    of
        "credit" or "value".

    Returns
    -------
    The same kind of frame (pandas for DuckDB and PySpark): channel, and each model's credit.

    Examples
    --------
    >>> import pandas as pd
    >>> journeys = pd.DataFrame({"path": ["a > b", "b"], "conversions": [2, 1], "nulls": [1, 3]})
    >>> compare_models(journeys, ["first", "last", "linear"])
      channel  first  last  linear
    0       a    2.0   0.0     1.0
    1       b    1.0   3.0     2.0
    """
    if of not in ("credit", "value"):
        raise SpecError(f'of is {of!r}; pass "credit" or "value".')
    settings = settings_of(order, options)
    names = models_for(journeys, models, settings, columns)
    paths = read_paths(journeys, columns=columns, separator=separator, extras=extras_for(names))
    credits_ = {name: credit_by(paths, name, settings) for name in names}
    return like(
        journeys,
        {"channel": list(paths.channels)}
        | {name: getattr(given, of) for name, given in credits_.items()},
    )


def settings_of(order: int, options: ModelOptions) -> Settings:
    """Options with their defaults.

    Raises
    ------
    SpecError
        If there is no such option, with the nearest one.
    """
    known = [field.name for field in fields(Settings)]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
            raise SpecError(f"{name} is no option of an attribution model; {hint}")
    settings = Settings(order=order, **options)
    if settings.game not in ("conversions", "rate"):
        raise SpecError(f'game is {settings.game!r}; pass "conversions" or "rate".')
    if isinstance(settings.direct, str):
        return Settings(**{**vars(settings), "direct": (settings.direct,)})
    return settings


def models_for(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    models: Sequence[str] | None,
    settings: Settings,
    columns: Mapping[str, str] | None,
) -> list[str]:
    """Models that were named, or all that the columns of the table allow."""
    if models is not None:
        names = [models] if isinstance(models, str) else list(models)
        _known(names)
        return names
    has = column_names(journeys, columns)
    allowed = [name for name in MODELS if NEEDS.get(name, "path") in has]
    return [name for name in allowed if name != "custom" or settings.weights is not None]


def extras_for(models: Collection[str]) -> list[str]:
    """Further columns to read for these models."""
    return [
        column
        for column, readers in (("days_before", {"time_decay"}), ("stage", {"w_shaped", "custom"}))
        if readers & set(models)
    ]


def credit_by(paths: Paths, model: str, settings: Settings) -> Credit:
    """Credit and value of each channel by one model, checked to add up.

    Raises
    ------
    ArithmeticError
        If they do not add up to the conversions and the value: the model is at fault.
    """
    if model == "markov":
        given = _by_markov(paths, settings.order)
    elif model == "shapley":
        given = _by_shapley(paths, settings)
    else:
        shares = RULES[model](paths, settings)
        given = Credit(
            rules.credited(paths, shares, paths.conversions),
            rules.credited(paths, shares, paths.value),
            {},
        )
    check_conserved(model, given.credit, paths.conversions)
    check_conserved(model, given.value, paths.value)
    return given


def check_conserved(model: str, given: FloatArray, there: FloatArray) -> None:
    """Raise where what was given out is not what there was."""
    total, scale = float(there.sum()), float(np.abs(there).sum())
    if not abs(float(given.sum()) - total) <= CONSERVED * scale + NOTHING:
        raise ArithmeticError(f"{model}: {float(given.sum())!r} was given out of {total!r}.")


def shared_out(effect: FloatArray, total: float) -> FloatArray:
    """Total in proportion to the removal effects."""
    whole = float(effect.sum())
    return effect / whole * total if whole > 0 else np.zeros(len(effect))


def _by_markov(paths: Paths, order: int) -> Credit:
    lost = markov.removal_effects(paths, order)
    return Credit(
        shared_out(lost.conversions, float(paths.conversions.sum())),
        shared_out(lost.value, float(paths.value.sum())),
        {"removal_effect": lost.conversions},
    )


def _by_shapley(paths: Paths, settings: Settings) -> Credit:
    if settings.game == "conversions":
        # The value of this game is known: an equal split over the distinct channels of a journey.
        shares = rules.equal_split(paths)
        given = [rules.credited(paths, shares, w) for w in (paths.conversions, paths.value)]
        return Credit(given[0], given[1], {})
    credit, value = (
        shapley.rate_game(paths, w, n_orders=settings.n_orders, seed=settings.seed)
        for w in (paths.conversions, paths.value)
    )
    method = [credit.method] * len(paths.channels)
    more: dict[str, FloatArray | list[str]] = {
        "method": method,
        "standard_error": credit.standard_error,
    }
    return Credit(credit.credit, value.credit, more)


def _known(models: Sequence[str]) -> None:
    for name in models:
        if name not in MODELS:
            near = get_close_matches(str(name), MODELS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(MODELS)}."
            raise SpecError(f"model is {name!r}; {hint}")
    if not models:
        raise SpecError(f"models is empty; name some of {', '.join(MODELS)}.")


def like(journeys: Any, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a native frame
    """Frame of the caller's kind where that holds its rows, else pandas."""
    backend = nw.from_native(journeys).implementation
    if not (backend.is_polars() or backend.is_pyarrow()):
        backend = nw.Implementation.PANDAS
    return nw.from_dict(dict(columns), backend=backend).to_native()

"""Write numbers, money and days the way that readers of a language do."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from patronage.data.units import Day, to_date

Unit = Literal["number", "count", "percent", "money", "day"]
"""How a value is written: percent takes shares (0.123 is 12.3%), day takes integer days."""

Number = float | int | None

MISSING = "-"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SYMBOLS = {
    "AUD": "A$", "BRL": "R$", "CAD": "CA$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "HKD": "HK$",
    "INR": "₹", "JPY": "¥", "KRW": "₩", "TWD": "NT$", "USD": "$",
}  # fmt: skip
CHINESE_SYMBOLS = SYMBOLS | {"CNY": "¥", "JPY": "JP¥", "USD": "US$"}
SPELLED_OUT = 10_000
"""Below it a number is written with all of its digits; above, pictures shorten it."""
MOST_PLACES, MOST_SCALED = 8, 3
FILLED = 1e15
"""From here on zeros would only fill a line."""

TINY = 1e-6
"""Parts of a digit that are rounding."""


@dataclass(frozen=True)
class Format:
    """Numbers and the few fixed words of a language; see `english` and `chinese`.

    Attributes
    ----------
    language
        As in HTML's lang attribute.
    scales
        Words for powers of ten, the largest first.
    scaled
        Whether full numbers use them too: Chinese counts in 万 and 亿, English writes digits.
    date
        Pattern with year, month (a name), number (of the month) and day.
    currency
        ISO code, or "" for money of no named currency.
    low, high, n, nothing
        Headings of the ends of an interval and of a count; what an empty picture says.
    to, colon
        What stands between the ends of an interval, and between a name and its value.
    counted, bare
        How n is told, and that a value has no interval.
    """

    language: str
    scales: tuple[tuple[float, str], ...]
    scaled: bool
    date: str
    low: str
    high: str
    n: str
    to: str
    nothing: str
    colon: str = ": "
    counted: str = "n = {n}"
    bare: str = "no interval"
    currency: str = ""
    symbols: Mapping[str, str] = field(default_factory=lambda: SYMBOLS)

    def count(self, value: Number) -> str:
        """Write a whole number with all of its digits.

        Examples
        --------
        >>> english().count(2357), chinese().count(123456), english().count(None)
        ('2,357', '123,456', '-')
        """
        if not _finite(value) or value is None:
            return MISSING
        return _plain(value) if abs(value) >= FILLED else f"{round(value):,}"

    def number(self, value: Number, digits: int | None = None) -> str:
        """Write a number: three digits that matter, or as many after the point as asked for.

        Examples
        --------
        >>> english().number(1234.5), english().number(0.01234), english().number(123456)
        ('1,234', '0.0123', '123,456')
        >>> chinese().number(123456), chinese().number(1.234e8), chinese().number(1234)
        ('12.35万', '1.234亿', '1,234')
        """
        if not _finite(value) or value is None:
            return MISSING
        if digits is not None:
            return _no_minus_zero(f"{value:,.{digits}f}")
        if self.scaled and abs(value) >= SPELLED_OUT:
            return self._in_words(value, 4)
        return _plain(value)

    def percent(self, value: Number, digits: int = 1) -> str:
        """Write a share as a percentage; what is not quite nothing or all is not rounded to it.

        Examples
        --------
        >>> english().percent(0.1234), english().percent(0.0004), english().percent(-0.5)
        ('12.3%', '<0.1%', '-50.0%')
        """
        if not _finite(value) or value is None:
            return MISSING
        if abs(value) >= SPELLED_OUT:
            return f"{self._in_words(value * 100, 3)}%"
        least = 0.1**digits
        if 0 < value * 100 < least / 2:
            return f"<{least:.{digits}f}%"
        if 0 < (1 - value) * 100 < least / 2:
            return f">{100 - least:.{digits}f}%"
        return _no_minus_zero(f"{value * 100:,.{digits if abs(value) < 10 else 0}f}%")  # noqa: PLR2004 - 1,000%

    def money(self, value: Number) -> str:
        """Write an amount in the currency: pennies below a hundred only.

        Examples
        --------
        >>> english("GBP").money(1234.5), english("GBP").money(-3), chinese("CNY").money(56789)
        ('£1,234', '-£3.00', '¥5.679万')
        """
        if not _finite(value) or value is None:
            return MISSING
        size = abs(value)
        if self.scaled and size >= SPELLED_OUT:
            text = self._in_words(size, 4)
        elif size >= FILLED or 0 < size < 0.01:  # noqa: PLR2004 - a penny
            text = _plain(size)
        else:
            text = f"{size:,.{2 if 0 < size < 100 else 0}f}"  # noqa: PLR2004 - as said above
        return ("-" if value < 0 else "") + self._symbol() + text

    def day(self, value: Day | None) -> str:
        """Write a date.

        Examples
        --------
        >>> english().day("2011-12-09"), chinese().day(15317)
        ('9 Dec 2011', '2011年12月9日')
        """
        if value is None:
            return MISSING
        at = to_date(value)
        return self.date.format(
            year=at.year, month=MONTHS[at.month - 1], number=at.month, day=at.day
        )

    def period(self, label: str) -> str:
        """Write the name of a calendar unit, as `marketing.periods` labels it.

        Examples
        --------
        >>> chinese().period("2026-03"), chinese().period("2026-Q1"), english().period("2026-Q1")
        ('2026年3月', '2026年第1季度', '2026-Q1')
        """
        unit = re.fullmatch(r"(\d{4})-(?:(\d\d)|Q(\d))", label)
        if unit is None or self.language != "zh":
            return self.day(label) if re.fullmatch(r"\d{4}-\d\d-\d\d", label) else label
        year, month, quarter = unit.groups()
        return f"{year}年{int(month)}月" if month else f"{year}年第{quarter}季度"

    def span(self, first: Day | None, last: Day | None) -> str:
        """Write the days from one to another, both included.

        Examples
        --------
        >>> english().span("1997-10-01", "1998-06-30")
        '1 Oct 1997 to 30 Jun 1998'
        """
        return f"{self.day(first)}{self.to}{self.day(last)}"

    def interval(self, low: Number, high: Number, unit: Unit = "number") -> str:
        """Write the ends of an interval; "" where both are missing.

        Examples
        --------
        >>> english().interval(0.1, 0.25, "percent"), chinese().interval(1, 2)
        ('10.0% to 25.0%', '1至2')
        """
        if not _finite(low) and not _finite(high):
            return ""
        return f"{self.show(low, unit)}{self.to}{self.show(high, unit)}"

    def show(self, value: Number, unit: Unit = "number") -> str:
        """Write a value of a unit in full."""
        if unit == "day":
            return self.day(int(value)) if _finite(value) and value is not None else MISSING
        writers = {"count": self.count, "percent": self.percent, "money": self.money}
        return writers.get(unit, self.number)(value)

    def brief(self, value: Number, unit: Unit = "number") -> str:
        """Write a value as short as a picture needs it.

        Examples
        --------
        >>> english("USD").brief(1234567, "money"), english().brief(0.5, "percent")
        ('$1.23M', '50%')
        >>> chinese().brief(45600), english().brief(45600, "count")
        ('4.56万', '45.6k')
        """
        if not _finite(value) or value is None:
            return MISSING
        if unit == "percent":
            points = abs(value) * 100
            whole = points >= 10 or abs(points - round(points)) < TINY  # noqa: PLR2004 - two digits
            return self.percent(value, 0 if whole else 1)
        if unit == "day" or abs(value) < SPELLED_OUT:
            return self.show(value, unit)
        sign = "-" if value < 0 else ""
        return sign + (self._symbol() if unit == "money" else "") + self._in_words(abs(value), 3)

    def ticks(self, values: Sequence[float], unit: Unit = "number") -> list[str]:
        """Write evenly spaced values beside an axis: alike, and told apart.

        Examples
        --------
        >>> english().ticks([0, 5000, 10000, 15000]), chinese().ticks([0, 5000, 10000, 15000])
        (['0', '5k', '10k', '15k'], ['0', '0.5万', '1万', '1.5万'])
        >>> english().ticks([0.0, 0.05, 0.1], "percent"), english("EUR").ticks([-2, 0, 2], "money")
        (['0%', '5%', '10%'], ['-€2', '€0', '€2'])
        """
        if unit == "day":
            return [self.show(value, unit) for value in values]
        most = max(map(abs, values), default=0.0)
        size, word = (0.01, "%") if unit == "percent" else (1.0, "")
        if most >= FILLED:
            return [self.brief(value, unit) for value in values]
        if most >= SPELLED_OUT:
            power, scale = next(each for each in self.scales if each[0] <= most / size)
            size, word = size * power, scale + word
        step = min((abs(b - a) for a, b in pairwise(values)), default=1.0)
        if _places(step / size) > MOST_SCALED:
            # Far from zero or tiny: words for powers of ten would hide what differs.
            size, word = (0.01, "%") if unit == "percent" else (1.0, "")
        places = _places(step / size)
        if places > MOST_PLACES:
            return [self.show(value, unit) for value in values]
        symbol = self._symbol() if unit == "money" else ""
        if symbol and places and not word:
            places = max(places, 2)
        return [_tick(value / size, places, symbol, word) for value in values]

    def _symbol(self) -> str:
        return self.symbols.get(self.currency, f"{self.currency}\u00a0" if self.currency else "")

    def _in_words(self, value: float, digits: int) -> str:
        """Write some digits and the word for the power of ten: 1.23万."""
        if abs(value) >= FILLED:
            return _plain(value)
        rounded = float(f"{value:.{digits}g}")
        size, word = next((s for s in self.scales if abs(rounded) >= s[0]), (1.0, ""))
        places = max(0, digits - 1 - _magnitude(rounded / size))
        text = f"{rounded / size:,.{places}f}"
        return (text.rstrip("0").rstrip(".") if places else text) + word


def english(currency: str = "") -> Format:
    """English, with the currency that money is in (an ISO code)."""
    return Format(
        language="en",
        scales=((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")),
        scaled=False,
        date="{day} {month} {year}",
        low="low",
        high="high",
        n="n",
        to=" to ",
        nothing="Nothing to show",
        currency=currency,
    )


def chinese(currency: str = "") -> Format:
    """Chinese, with the currency that money is in (an ISO code)."""
    return Format(
        language="zh",
        scales=((1e12, "万亿"), (1e8, "亿"), (1e4, "万")),
        scaled=True,
        date="{year}年{number}月{day}日",
        low="下限",
        high="上限",
        n="样本量",
        to="至",
        nothing="没有可显示的数据",
        colon="\uff1a",
        counted="样本量\uff1a{n}",
        bare="无区间",
        currency=currency,
        symbols=CHINESE_SYMBOLS,
    )


def _finite(value: Number) -> bool:
    return value is not None and math.isfinite(value)


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def _plain(value: float) -> str:
    """Three digits that matter; whole numbers and thousands with all of theirs."""
    size = abs(value)
    if size >= FILLED or 0 < size < TINY:
        mantissa, power = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    if size >= 100 or value == int(value):  # noqa: PLR2004 - three digits before the point
        return _no_minus_zero(f"{value:,.0f}")
    return f"{value:.{2 - _magnitude(value)}f}".rstrip("0").rstrip(".")


def _places(step: float) -> int:
    """Digits after the point that tell multiples of a step apart."""
    for places in range(MOST_PLACES + 1):
        moved = step * 10**places
        if round(moved) and abs(moved - round(moved)) < TINY * moved:
            return places
    return MOST_PLACES + 1


def _tick(value: float, places: int, symbol: str, word: str) -> str:
    text = f"{abs(value):,.{places}f}"
    if places and word and word != "%":
        text = text.rstrip("0").rstrip(".")
    zero = not any(digit in text for digit in "123456789")
    sign = "-" if value < 0 and not zero else ""
    return f"{sign}{symbol}{text}{'' if zero and word != '%' else word}"


def _no_minus_zero(text: str) -> str:
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text

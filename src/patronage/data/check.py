"""One check of one table: a scan that counts, a second look where a rule is broken."""

from collections.abc import Iterator, Mapping
from typing import Any

from patronage.data import attributes, contract, parsing
from patronage.data.columns import Column
from patronage.data.engines import ROW, DuckdbEngine, Engine
from patronage.data.mapping import mapped_columns, table_of
from patronage.data.report import DataReport
from patronage.data.returns import RefundFigures, refund_figures
from patronage.data.sources import FileRows, Opened
from patronage.data.units import MONEY_SCALE, to_date
from patronage.errors import DataError

COUNTED_ROWS = 2_000_000
"""Up to so many rows duplicates are counted though they are kept."""

_SHOWN = 3
_SHOWN_CHARACTERS = 40
_PEEK = 1_000


class Check:
    """A table on its way through the door.

    Parameters
    ----------
    opened
        The source.
    table
        Which of our tables it is.
    columns
        ours to theirs, as the user says.
    reading
    policies
    times
        Whether orders and conversions keep their time, as `at`.
    """

    def __init__(
        self,
        opened: Opened,
        table: str,
        columns: Mapping[str, str] | None,
        reading: parsing.Reading,
        policies: contract.Policies,
        *,
        times: bool = False,
    ) -> None:
        self.opened, self.reading, self.policies = opened, reading, policies
        self.table_name, self.table = table, table_of(table)
        if times:
            self.table = self.table.with_times()
        self.theirs = mapped_columns(table, columns, opened.names, source=opened.label)
        inner = dict(zip(reversed(opened.names), reversed(opened.inner), strict=True))
        self.mapping = {ours: inner[theirs] for ours, theirs in self.theirs.items()}
        self._refuse_mixed_ids()
        engine = opened.engine
        self.day_first = dict(self._day_orders(engine))
        self.fields = self._fields(engine)
        outputs = [name for field in self.fields for name in field.outputs]
        self.attributes, self.notes = attributes.attributes_of(
            [(n, engine.quoted(i)) for n, i in zip(opened.names, opened.inner, strict=True)]
            if self.table.attributes
            else [],
            list(self.theirs.values()),
            outputs,
        )
        self.repeated: int | None = None
        self.dropped_duplicates = 0
        self.totals: dict[str, Any] = {}
        self.staged: Any = None

    def run(self, *, full: bool = False) -> dict[str, Any]:
        """Scan once, and raise where a rule is broken.

        Parameters
        ----------
        full
            Whether to count distinct ids too.

        Returns
        -------
        Aggregates by name.
        """
        engine = self._without_duplicates()
        self.staged = self._stage(engine, {})
        rules = list(contract.rules_of(engine, self.fields, self.policies))
        counts = {
            f"rule_{n}": _count(f"{self._has_id()} and ({rule.broken})")
            for n, rule in enumerate(rules)
        }
        totals: dict[str, Any] = self.staged.totals({**counts, **self._aggregates(full=full)})
        for n, rule in enumerate(rules):
            if totals[f"rule_{n}"]:
                raise self._broken(rule, totals[f"rule_{n}"], totals["rows"])
        self._refuse_totals(totals)
        self.totals = totals
        return totals

    def kept(self) -> Engine:
        """Give the rows that are kept, as the checked table's columns."""
        engine: Engine = self.staged.where(self._is_kept())
        values = {name: engine.quoted(name) for field in self.fields for name in field.outputs}
        if self.opened.is_text:
            values |= attributes.typed(engine, self.attributes, self.totals, self.reading)
        else:
            values |= {each.name: each.staged for each in self.attributes}
        return engine.project(values)

    def left_out(self) -> dict[str, int]:
        """Say how many rows went, by reason."""
        reasons = {
            "duplicate rows": self.dropped_duplicates,
            f"without {self.table.key}": self.totals["rows"] - self.totals["with_id"],
            "amount below zero": self.totals["with_id"] - self.totals["kept"],
        }
        return {reason: n for reason, n in reasons.items() if n}

    def report(self, kept: Engine) -> DataReport:
        """Put what was counted into words."""
        totals, label = self.totals, self.opened.label
        notes = list(self.notes)
        if self.repeated is None and totals["rows"] <= COUNTED_ROWS:
            self.repeated = totals["rows"] - self.opened.engine.distinct_rows()
        if self.repeated is None:
            notes.append(f"duplicates were not counted: over {COUNTED_ROWS:,} rows")
        figures = RefundFigures(0, 0, 0)
        if totals.get("refunds"):
            figures = refund_figures(kept.native)
        return DataReport(
            source=label,
            table=self.table_name,
            rows_in=totals["rows"] + self.dropped_duplicates,
            rows_kept=totals["kept"],
            left_out=self.left_out(),
            customers=totals["ids"],
            first_day=None if totals["first"] is None else to_date(int(totals["first"])),
            last_day=None if totals["last"] is None else to_date(int(totals["last"])),
            refunds=totals.get("refunds", 0),
            refunds_netted=figures.netted / MONEY_SCALE,
            refunds_unmatched=figures.unmatched / MONEY_SCALE,
            customers_unmatched=figures.customers_unmatched,
            duplicates=self.repeated or 0,
            zero_amounts=totals.get("zero", 0),
            decimals_rounded=totals["rounded"],
            notes=tuple(notes),
        )

    def _fields(self, engine: Engine) -> list[contract.Field]:
        return contract.fields_of(engine, self.table, self.mapping, self.reading, self.day_first)

    def _stage(self, engine: Engine, extra: dict[str, str]) -> Any:  # noqa: ANN401 - the engine's kind
        kept = {each.staged: each.value for each in self.attributes}
        if self.opened.is_text:
            # DuckDB finds a ragged row only where every column is read.
            kept["_is_empty"] = " and ".join(f"{c} is null" for c in self.opened.inner)
        return contract.stage(engine, self._fields(engine), extra | kept)

    def _has_id(self) -> str:
        key = self.table.column(self.table.key)
        if self.policies.missing_ids == "drop" and key.kind == "id":
            return f"not _blank_{key.name}"
        return "true"

    def _drops_refunds(self) -> bool:
        return self.table_name == "transactions" and self.policies.returns == "drop"

    def _is_kept(self) -> str:
        return f"{self._has_id()} and amount >= 0" if self._drops_refunds() else self._has_id()

    def _aggregates(self, *, full: bool) -> dict[str, str]:
        engine, kept = self.opened.engine, self._is_kept()
        named = {field.column.name: field.column for field in self.fields}
        money = [column for column in named.values() if column.kind == "money"]
        rounded = " or ".join(f"_rounded_{column.name}" for column in money) or "false"
        days = [column for column in named.values() if column.kind in {"day", "moment"}]
        day = engine.quoted(days[0].becomes) if days else "null"
        key = engine.quoted(self.table.key)
        wanted = {
            "rows": "count(*)",
            "with_id": _count(self._has_id()),
            "kept": _count(kept),
            "rounded": _count(f"{kept} and ({rounded})"),
            "first": f"min(case when {kept} then {day} end)",
            "last": f"max(case when {kept} then {day} end)",
        }
        if full or self.table.unique:
            wanted["ids"] = f"count(distinct case when {kept} then {key} end)"
        for column in money:
            amount = engine.wide(f"abs({engine.quoted(column.becomes)})")
            wanted[f"sum_{column.name}"] = f"sum({amount})"
        if "amount" in named:
            wanted |= {
                "refunds": _count(f"{kept} and amount < 0"),
                "zero": _count(f"{kept} and amount = 0"),
            }
        if "currency" in named:
            wanted["currencies"] = f"count(distinct {_currency(engine)})"
        if self.opened.is_text:
            wanted["empty"] = _count("_is_empty")
            wanted |= attributes.type_counts(engine, self.attributes, self.reading)
        return wanted

    def _without_duplicates(self) -> Engine:
        engine, policy = self.opened.engine, self.policies.duplicates
        if policy == "keep":
            return engine
        rows = int(engine.totals({"n": "count(*)"})["n"])
        self.repeated = rows - engine.distinct_rows()
        if not self.repeated:
            return engine
        if policy == "fail":
            raise DataError(
                f"{self.opened.label}: {_of(self.repeated, rows)} repeat another row. Drop them "
                'with duplicates = "drop", or keep them with duplicates = "keep".'
            )
        self.dropped_duplicates = self.repeated
        return engine.distinct()

    def _refuse_mixed_ids(self) -> None:
        for column in self.table.columns:
            theirs = self.theirs.get(column.name)
            if column.kind == "id" and theirs in self.opened.mixed:
                raise DataError(
                    f"{self.opened.label}: {column.name} holds values of several types in column "
                    f"{theirs!r}, so that 7 and '7' may be one or two. Make them strings with "
                    "astype(str), or whole numbers."
                )

    def _refuse_totals(self, totals: dict[str, Any]) -> None:
        label = self.opened.label
        for field in self.fields:
            if (totals.get(f"sum_{field.column.name}") or 0) >= 2**63:
                raise DataError(
                    f"{label}: {field.column.name} adds up to more than 922 trillion currency "
                    "units, which no sum here can hold. Check its unit and its largest values."
                )
        if totals.get("currencies", 0) > 1:
            counts = self.staged.counts(_currency(self.opened.engine), 5)
            shares = ", ".join(f"{n:,} {name}" for name, n in counts if name is not None)
            raise DataError(
                f"{label}: amounts are in {totals['currencies']} currencies, rows {shares}. "
                "Convert them to one, or read one currency at a time."
            )
        repeats = totals["kept"] - totals["ids"] if self.table.unique else 0
        if repeats:
            raise DataError(
                f"{label}: {_of(repeats, totals['kept'])} repeat a {self.table.key} of another "
                f"row. Keep one row each; rows that are equal throughout go with "
                'duplicates = "drop".'
            )

    def _day_orders(self, engine: Engine) -> Iterator[tuple[str, bool | None]]:
        """Whether 1/5/2024 is in May, for each column of dates in text that says so."""
        if self.reading.date_format is not None:
            return
        stored = engine.columns
        for column in self.table.columns:
            theirs = self.mapping.get(column.name)
            if theirs is None or column.kind not in {"day", "moment"} or stored[theirs] != "text":
                continue
            evidence = parsing.day_order_evidence(engine, engine.quoted(theirs))
            if any(found for (found,) in engine.head([evidence["year_last"]], _PEEK)):
                counts = engine.totals({name: _count(sql) for name, sql in evidence.items()})
                yield column.name, self._day_order(column, counts)

    def _day_order(self, column: Column, counts: dict[str, Any]) -> bool:
        source = f"{self.opened.label}: {column.name}"
        remedy = 'Say which with date_format = "%d/%m/%Y" or "%m/%d/%Y".'
        if counts["day_first"] and counts["month_first"]:
            raise DataError(
                f"{source} has the day first in {counts['day_first']:,} rows and the month first "
                f"in {counts['month_first']:,}. Write all dates in one order."
            )
        if counts["unclear"] and not counts["day_first"] and not counts["month_first"]:
            raise DataError(
                f"{source} is ambiguous in {_of(counts['unclear'], counts['year_last'])}: no "
                f"date shows whether the day or the month comes first. {remedy}"
            )
        return bool(counts["day_first"])

    def _broken(self, rule: contract.Rule, n: int, rows: int) -> DataError:
        found = list(self._first_values(rule))
        first = f", first {', '.join(found)}" if found else ""
        return DataError(
            f"{self.opened.label}: {_of(n, rows)} have {rule.meaning}{first}. {rule.remedy}"
        )

    def _first_values(self, rule: contract.Rule) -> Iterator[str]:
        broken = f"{self._has_id()} and ({rule.broken})"
        raw = f"_raw_{rule.column.name}"
        if not self.opened.files:
            values = self.staged.where(broken).head([raw], _SHOWN)
            yield from (_short(value) for (value,) in values if rule.shows_values)
            return
        left = _SHOWN
        for file in self.opened.files:
            numbered = DuckdbEngine(file.relation()).numbered(ROW)
            staged = self._stage(numbered, {ROW: ROW})
            rows = staged.where(broken).head([raw, ROW], left)
            places = file.places([int(row) for _, row in rows])
            for (value, _), place in zip(rows, places, strict=True):
                where = self._place(file, place)
                yield f"{_short(value)} in {where}" if rule.shows_values else f"in {where}"
            left -= len(rows)
            if not left:
                return

    def _place(self, file: FileRows, place: int) -> str:
        name = f"{file.name} " if len(self.opened.files) > 1 else ""
        return f"{name}{file.word} {place:,}"


def _count(condition: str) -> str:
    return f"count(*) filter (where {condition})"


def _currency(engine: Engine) -> str:
    return f"upper(trim({engine.quoted('currency')}))"


def _of(n: int, rows: int) -> str:
    return f"{n:,} of {rows:,} rows"


def _short(value: Any) -> str:  # noqa: ANN401 - what a cell may hold
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."

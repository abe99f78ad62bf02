"""The page in a real browser: offline, in both languages, on a phone, by keyboard, for axe."""

import json
import shutil
import sys
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patronage.jobs.figures import run_figures
from patronage.jobs.findings import write_findings
from patronage.jobs.report import Sources, gather, write_page

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "browser"
PAGES = {"en": "report.html", "zh": "report.zh.html"}
HOSTILE = "<script>alert(1)</script>"
REASONS = (
    "silent for 64 days; usually buys every 12 days | spend in the last 90 days: 0.00; usually 3"
)
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FIGURES = {
    "attribution": ["intervals.n_draws=20"],
    "kpis": ["forecast.months=6"],
    "funnel": [],
    "cohorts": [],
    "satisfaction": [],
}

pytestmark = pytest.mark.browser


def scored(output: Path, day: str, seed: int) -> None:
    """Leave a finished score table of 12,000 customers behind, as a scoring run does."""
    random = np.random.default_rng(seed)
    n, first = 12_000, np.random.default_rng(0)
    value = first.lognormal(3, 1.3, n)
    stages = ["new", "active", "reactivated", "at risk", "lapsed", "lost"]
    segments = ["champions", "loyal", "at risk", "can't lose them", "lost"]
    table = pa.table(
        {
            "customer_id": [HOSTILE, *(f"{place:05d}" for place in range(1, n))],
            "as_of": [date.fromisoformat(day)] * n,
            "frequency": random.poisson(2, n) + (3 if seed else 0),
            "recency_days": random.integers(0, 90, n),
            "age_days": random.integers(90, 400, n),
            "monetary_value": first.gamma(2, 20, n),
            "probability_alive": random.random(n),
            "lifetime_value": np.where(np.arange(n) == 0, 9e4, value),
            "lifetime_value_low": value * 0.2,
            "lifetime_value_high": np.where(np.arange(n) == 0, 2e5, value * 3),
            "churn_probability": np.where(np.arange(n) == 0, 0.9, random.random(n)),
            "churn_grade": random.choice(list("ABCD"), n),
            "churn_reasons": [REASONS] * n,
            "segment": random.choice(segments, n),
            "tier": np.where(value > 60, "A", np.where(value > 20, "B", "C")),
            "stage": random.choice(stages, n),
            "health": random.random(n) * 100,
        }
    )
    folder = output / "clv+churn+segments" / day / f"{seed:016x}"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-00000-of-00001.parquet")
    manifest = {"as_of": day, "files": {"part-00000-of-00001.parquet": ""}, "rows": n}
    models = {"clv": "1", "churn": "1", "segments": "1"}
    (folder / "_manifest.json").write_text(json.dumps(manifest | {"models": models}))
    (folder / "_SUCCESS").touch()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both pages, with every section that a score table and simulated figures fill."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        scored(folder / "scores", "2025-03-31", 0)
        scored(folder / "scores", "2025-06-30", 1)
        for kind, overrides in FIGURES.items():
            spec = ROOT / "models" / "figures" / f"{kind}.toml"
            findings = run_figures(kind, spec, overrides)
            write_findings(findings, folder / "figures" / kind, "csv")
        material = gather(Sources(folder / "scores", figures=[folder / "figures"], currency="EUR"))
    write_page(material, folder / PAGES["en"], language="en", link=PAGES["zh"])
    write_page(material, folder / PAGES["zh"], language="zh", link=PAGES["en"])
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium; no browser is ever downloaded."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium not found; apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


class Visit:
    """A page that is open, and everything that it asked for or complained of."""

    def __init__(self, browser: Any, path: Path, width: int = 1440) -> None:
        self.path = path
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(120_000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda each: self.requests.append(each.url))
        self.page.on("console", lambda each: self.complaints.append(each.text))
        self.page.on("pageerror", lambda each: self.complaints.append(str(each)))
        self.page.on("dialog", lambda each: (self.complaints.append("dialog"), each.dismiss()))
        self.page.context.set_offline(True)
        self.page.goto(path.as_uri())

    def column(self, place: int) -> list[str]:
        """Texts of a column of the list, rows that are hidden left out."""
        cells = f"#listing tbody tr:not([hidden]) > :nth-child({place + 1})"
        texts: list[str] = self.page.locator(cells).all_text_contents()
        return texts

    def heading(self, name: str) -> Any:
        return self.page.locator(f"#listing th.{name}")

    def place(self, name: str) -> int:
        return int(self.heading(name).evaluate("each => each.cellIndex"))


@pytest.fixture(params=["en", "zh"])
def visit(request: pytest.FixtureRequest, chromium: Any, pages: Path) -> Iterator[Visit]:
    visit = Visit(chromium, pages / PAGES[request.param])
    yield visit
    visit.page.close()


def test_the_page_opens_offline_and_asks_for_nothing_but_itself(visit: Visit) -> None:
    assert visit.requests == [visit.path.as_uri()]
    assert visit.complaints == []
    assert visit.page.locator("main section h2").count() == 6


def test_a_customer_who_is_called_a_script_is_shown_and_not_run(visit: Visit) -> None:
    assert visit.column(0)[0] == HOSTILE
    assert visit.complaints == []


def test_a_heading_sorts_by_its_column_and_says_so(visit: Visit) -> None:
    place, heading = visit.place("churn_probability"), visit.heading("churn_probability")
    assert heading.get_attribute("aria-sort") is None
    for direction, sign in (("descending", -1), ("ascending", 1)):
        heading.locator("button").press("Enter")
        assert heading.get_attribute("aria-sort") == direction
        chances = [float(text.strip("<>%")) * sign for text in visit.column(place)]
        assert chances == sorted(chances)
        assert visit.page.locator("#listing th[aria-sort]").count() == 1


def test_numbers_sort_by_size_however_they_are_written(visit: Visit) -> None:
    place = visit.place("lifetime_value")
    visit.heading("lifetime_value").locator("button").click()
    cells = visit.page.locator(f"#listing tbody tr > :nth-child({place + 1})")
    sizes = cells.evaluate_all("each => each.map(cell => Number(cell.dataset.o))")
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 9e4


def test_the_search_leaves_the_rows_that_match_and_tells_how_many(visit: Visit) -> None:
    rows = visit.page.locator("#listing tbody tr:visible")
    everyone = rows.count()
    visit.page.fill("#search", "alert(1)")
    assert rows.count() == 1
    assert visit.column(0) == [HOSTILE]
    assert "1" in visit.page.locator("#shown").inner_text()
    visit.page.fill("#search", "nobody is called so")
    assert rows.count() == 0
    visit.page.fill("#search", "")
    assert rows.count() == everyone


def test_the_link_leads_to_the_other_language(visit: Visit) -> None:
    before = visit.page.locator("html").get_attribute("lang")
    visit.page.click("a.other")
    visit.page.wait_for_url("**/report*.html")
    after = visit.page.locator("html").get_attribute("lang")
    assert {before, after} == {"en", "zh-Hans"}
    assert visit.complaints == []


OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth + 1;
  const out = element => element.getBoundingClientRect().right > wide
    || element.getBoundingClientRect().left < -1;
  return [...document.querySelectorAll("main *, header *, footer *")]
    .filter(element => out(element) && !element.parentElement.closest(".scroll"))
    .map(element => element.tagName + " " + element.textContent.slice(0, 40));
}"""


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_reaches_over_the_edge_of_a_screen(
    chromium: Any, pages: Path, language: str, width: int
) -> None:
    visit = Visit(chromium, pages / PAGES[language], width)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.evaluate(OVERFLOWING) == []
    KEPT.mkdir(parents=True, exist_ok=True)
    visit.page.screenshot(path=KEPT / f"{language}-{width}.png", full_page=True)
    visit.page.close()


def test_axe_finds_nothing_and_the_page_is_small(
    visit: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("axe_playwright_python")
    visit.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    n_rows = visit.page.locator("#listing tbody tr").count()
    visit.page.evaluate(
        """() => {
          document.querySelectorAll("details").forEach(each => { each.open = true; });
          // Rows are alike, and axe looks at the colours of each cell of each for a long time.
          [...document.querySelectorAll("#listing tbody tr")].slice(20).forEach(e => e.remove());
        }"""
    )
    n_seen = visit.page.locator("#listing tbody tr").count()
    found = visit.page.evaluate("axe.run()")
    broken = [f"{each['id']}: {each['nodes'][0]['html'][:90]}" for each in found["violations"]]
    result = {
        "page": visit.path.name,
        "bytes": visit.path.stat().st_size,
        "list_rows": n_rows,
        "requests": len(visit.requests),
        "axe_list_rows": n_seen,
        "axe": found["testEngine"]["version"],
        "axe_passes": len(found["passes"]),
        "axe_violations": len(broken),
    }
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{visit.path.stem}.json").write_text(json.dumps(result, indent=1))
    with capsys.disabled():
        told = ", ".join(f"{name} {value}" for name, value in result.items())
        sys.stdout.write(f"\n{told}\n")
    assert broken == []
    assert result["bytes"] < 1_000_000


def test_print_shows_the_numbers_behind_each_picture(visit: Visit) -> None:
    cells = visit.page.locator(".chart details td").first
    assert not cells.is_visible()
    visit.page.emulate_media(media="print")
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert cells.is_visible()
    assert not visit.page.locator("#search").is_visible()

"""Picture the pages of a demo for the README: python tools/screenshots.py build/demo."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"report.html": "report.png", "report.zh.html": "report.zh.png"}
WIDTH, HEIGHT = 1280, 1000


def main(demo: Path) -> None:
    """Take the first screen of each page."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium not found; apt-get install chromium")
    with sync_playwright() as running:
        switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = running.chromium.launch(executable_path=path, args=switches)
        for page, picture in PAGES.items():
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            tab.set_default_timeout(120_000)
            tab.goto((demo / page).resolve().as_uri())
            tab.screenshot(path=DOCS / picture)
            tab.close()
            print(DOCS / picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))

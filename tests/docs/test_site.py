"""The site builds without a warning and asks nothing of the network, neither then nor when it is read."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scrubkit.families.modular.suites.mutators import MUTATORS, RESTATEMENTS
from tests.docs.pages import ROOT

NO_NETWORK = {
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "NO_MKDOCS_2_WARNING": "1",
}
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
"""Attributes whose address a browser loads when it shows a page."""


class Loads(HTMLParser):
    """Collects what a page loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if LOADING.get(tag) and not (tag == "link" and given.get("rel") in ("canonical", "next", "prev")):
            self.found.append(given.get(LOADING[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -e .[docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | NO_NETWORK, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_pages_load_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loads = Loads(page.read_text()).found
        assert loads
        assert [address for address in loads if re.match(r"(https?:)?//", address)] == [], page.name
        assert 'class="mermaid"' not in page.read_text(), "mermaid would be fetched"


def test_what_pages_load_is_there_when_they_are_opened_from_disk(site):
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for address in Loads(page.read_text()).found:
            if not address.startswith("data:"):
                assert (page.parent / address.split("?")[0].split("#")[0]).exists(), (page.name, address)


def test_search_works_without_a_server(site):
    assert (site / "search" / "search_index.js").read_text().startswith("var __index = ")
    assert "assets/javascripts/iframe-worker.js" in (site / "index.html").read_text()


def test_drawings_are_part_of_the_page_and_take_its_colours(site):
    page = (site / "strata.html").read_text()
    assert page.count('<svg class="drawing"') >= 7
    assert "prefers-color-scheme:dark" not in page


@pytest.mark.parametrize("name", [*MUTATORS, *RESTATEMENTS])
def test_every_operator_has_a_picture(site, name):
    page = (site / "mutants.html").read_text()
    section = page.split(f'<h3 id="{name}">')[1].split("<h3 ")[0]
    assert "<svg" in section, f"python docs/draw.py operators {name}"


def test_the_command_line_page_has_every_option(site):
    from scrubkit.cli.app import app

    page = (site / "cli.html").read_text()
    for command in app.registered_commands:
        assert f'<h2 id="{command.name or command.callback.__name__}">' in page
    assert "--max-false-accept" in page and "--until-certified" in page


def test_language_models_find_every_page(site):
    listed = set(re.findall(r"\]\(([^)]+)\)", (site / "llms.txt").read_text()))
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - {"404.html"}
    assert listed == pages
    assert "donors(rows, generator)" in (site / "llms-full.txt").read_text()

"""The page of a run works in a browser: it sorts, searches, picks, opens reasons, and fits a phone."""

import pytest

from scrubkit.harness.baseline import baseline_of
from scrubkit.harness.limits import Limits, check_limits
from scrubkit.harness.run import validate
from scrubkit.report import case_table
from scrubkit.report.page import page
from tests.harness import toys
from tests.report.browser import CHROMIUM, look

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

TOOLS = """
const table = page.getElementById("cases"), tools = page.querySelector(".tools[data-for=cases]");
const heads = [...table.querySelectorAll("th")], count = tools.querySelector("output");
const visible = () => [...table.tBodies[0].rows].filter((row) => !row.hidden);
const press = (name) => heads.find((th) => th.textContent === name).querySelector("button").click();
const column = (name) => {
  const at = heads.find((th) => th.textContent === name).cellIndex;
  return visible().map((row) => row.cells[at].textContent);
};
press("oracle");
const sorted = column("oracle");
const search = tools.querySelector("input");
const find = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
find("does not carry 2 * a + b");
const found = column("case"), said = count.textContent;
find("a reason of talker");
const reasons = visible().length;
find("");
[...tools.querySelectorAll("button.pick")].find((b) => b.dataset.value === "true").click();
const labels = [...new Set(column("label"))];
const fold = table.querySelector("details");
fold.querySelector("summary").click();
return { sorted, found, said, reasons, labels, open: fold.open, rows: table.tBodies[0].rows.length };
"""
LAID_OUT = """
page.querySelectorAll("details").forEach((fold) => { fold.open = true; });
await wait(50);
const inside = [...page.querySelectorAll("svg.chart")].flatMap((chart) => {
  const box = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("text")].filter((one) => {
    const at = one.getBoundingClientRect();
    return at.left < box.left - 1 || at.right > box.right + 1;
  }).map((one) => one.textContent);
});
const overlaps = [...page.querySelectorAll("svg.chart")].flatMap((chart) => {
  const texts = [...chart.querySelectorAll("text")];
  const boxes = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2 &&
    Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 4).map(([b]) => `${a} / ${b}`));
});
const head = page.querySelector("#cases th:nth-child(2)"), box = page.querySelector(".long");
box.scrollTop = 200;
await wait(50);
return { wide: page.documentElement.scrollWidth, frame: page.documentElement.clientWidth, inside, overlaps,
         head: head.getBoundingClientRect().top - box.getBoundingClientRect().top, scrolled: box.scrollTop };
"""
KEYBOARD = """
const unnamed = [...page.querySelectorAll("select, input")].filter((one) => !one.getAttribute("aria-label"));
const unreachable = [...page.querySelectorAll(".wide")].filter((one) => one.tabIndex !== 0);
const heads = [...page.querySelectorAll("table.sort th")].filter((th) => th.textContent);
return { unnamed: unnamed.length, unreachable: unreachable.length,
         heads: heads.length, buttons: heads.filter((th) => th.querySelector("button")).length };
"""


class Talker(toys.AlwaysAccepts):
    """Always accepts, and says why."""

    name = "talker <b>"

    def score(self, model, hypothesis, **given):
        answer = super().score(model, hypothesis, **given)
        return type(answer)(answer.score, verdict=answer.verdict, notes=("a reason of talker",))


@pytest.fixture(scope="module")
def report():
    suite = toys.tiny_suite(models=("pizza-p11", "torus-p11", "torus-p13", "pizza-p13"))
    return validate([toys.Oracle(), Talker(), toys.WrongOnPizza()], suite, in_process=True)


@pytest.fixture(scope="module")
def seen(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("validate")
    place = folder / "page.html"
    checks = check_limits(report, Limits(max_false_accept=0.2))
    text = page(report, checks, baseline=baseline_of(report), command="scrubkit validate '<b>'")
    place.write_text(text, encoding="utf-8")
    one = folder / "one.html"
    one.write_text(page(report.model_copy(update={"methods": report.methods[:1]})), encoding="utf-8")
    cases = {name: (place, 1200, name) for name in ("tools", "keyboard", "layout")}
    cases |= {"layout on a phone": (place, 390, "layout"), "layout of one method": (one, 1200, "layout")}
    return look(folder, cases, {"tools": TOOLS, "keyboard": KEYBOARD, "layout": LAID_OUT})


def test_nothing_is_said_on_the_console_and_nothing_is_asked_for(seen):
    assert seen.console == [] and seen.requests == []
    assert not [name for name, found in seen.results.items() if "error" in found], seen.results


def test_cases_are_sorted_searched_and_picked_and_reasons_open(seen, report):
    found = seen.results["tools"]
    scores = [float(text.split()[-1]) for text in found["sorted"]]
    assert scores == sorted(scores) and len(scores) == found["rows"] > case_table.LONG
    assert len(found["found"]) == 4 and found["said"] == f"4 of {found['rows']} rows"
    assert found["reasons"] == found["rows"]
    assert found["labels"] == ["false", "vacuous"] and found["open"]


def test_no_label_of_a_chart_is_cut_off_or_covers_another_and_no_page_is_too_wide(seen):
    for name, found in seen.results.items():
        if name.startswith("layout"):
            assert found["inside"] == [] and found["overlaps"] == [], name
            assert found["wide"] <= found["frame"], name


def test_the_head_of_a_long_table_stays_in_sight(seen):
    found = seen.results["layout"]
    assert found["scrolled"] > 100 and abs(found["head"]) < 2


def test_everything_that_acts_is_reached_by_the_keyboard(seen):
    found = seen.results["keyboard"]
    assert found["unnamed"] == found["unreachable"] == 0
    assert found["heads"] == found["buttons"] > 20

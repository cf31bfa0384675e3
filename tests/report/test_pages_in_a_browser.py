"""Pages work in a browser: no errors, no requests, tables sort and search, nothing is wider than a phone."""

import networkx as nx
import pytest

from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_graph
from scrubkit.report.certificate_page import certificate_page
from scrubkit.report.examined import examine
from scrubkit.report.score_page import score_page
from scrubkit.scrubbing.scoring import Scorer
from tests.report.browser import CHROMIUM, look

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

ASKED, SAID = "http://pages.invalid/asked.png", "said by the control"
CLAIMS = {"sum <b>": "(a + b) % p", "half": "(a + b) % p // 2", "nothing</script>": "0 * a"}
SORTED = """
const table = page.querySelector("table.sort"), heads = [...table.querySelectorAll("th")];
const order = (name) => {
  const head = heads.find((th) => th.textContent === name);
  head.querySelector("button").click();
  const texts = [...table.tBodies[0].rows].map((row) => row.cells[head.cellIndex].textContent);
  return [head.getAttribute("aria-sort"), texts];
};
const up = order("fidelity"), down = order("fidelity");
const search = page.querySelector("input[type=search]");
search.value = "NOTHING"; search.dispatchEvent(new Event("input"));
const visible = () => [...table.tBodies[0].rows].filter((row) => !row.hidden);
const shown = () => visible().map((row) => row.cells[0].textContent);
const searched = shown(), count = page.querySelector(".tools output").textContent;
search.value = ""; search.dispatchEvent(new Event("input"));
page.querySelector("button.pick.refuted").click();
return { up, down, searched, count, picked: shown() };
"""
WIDTH = """
page.querySelectorAll("details").forEach((fold) => { fold.open = true; });
await wait(50);
return { wide: page.documentElement.scrollWidth, frame: page.documentElement.clientWidth };
"""
MAP = """
page.querySelector("a[href='#hypothesis-2']").click();
await wait(50);
const fold = page.getElementById("hypothesis-2"), canvas = fold.querySelector("canvas");
const colours = () => new Set(new Uint32Array(
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
const first = [canvas.width, canvas.height, colours()];
const across = fold.querySelector("select"), names = [...across.options].map((option) => option.text);
across.value = across.options[names.indexOf("label")].value;
across.dispatchEvent(new Event("change"));
canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
const said = fold.querySelector("figure output").textContent;
return { open: fold.open, first, names, said, label: fold.querySelector(".x-low").textContent };
"""
KEYBOARD = """
const reached = [...page.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")];
const named = [...page.querySelectorAll("select, input, canvas")];
const unnamed = named.filter((one) => !one.getAttribute("aria-label"));
return { reached: reached.length, unnamed: unnamed.length,
         scripts: page.querySelectorAll("body script:not([id])").length,
         bold: page.querySelectorAll("b").length };
"""


def claim(name: str, feature: str) -> nx.DiGraph:
    graph = nx.DiGraph(name=name, task="", doc=f"{name}: what the logits need is <b>{feature}</b>.")
    graph.add_node("root", site="logits")
    graph.add_node("sum", site="blocks.0.hook_resid_post[pos=-1]", feature=feature)
    graph.add_edge("sum", "root")
    return graph


@pytest.fixture(scope="module")
def examined():
    model = compile_model(variant="clock-torus", p=13, frequencies=(2, 5), seed=0)
    scorer = Scorer(model, device="cpu")
    found = []
    for name, feature in CLAIMS.items():
        claimed = from_graph(claim(name, feature))
        found.append(examine(scorer, claimed, scorer.score(claimed, draws=4), draws=2))
    return found


@pytest.fixture(scope="module")
def seen(examined, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    scores = folder / "scores.html"
    scores.write_text(score_page(examined, n_inputs=169, command="scrubkit score '<b>'"), encoding="utf-8")
    model = compile_model(variant="pizza", p=13, frequencies=(2, 5), seed=0)
    certificate = folder / "certificate.html"
    certificate.write_text(certificate_page(certify(model), model=model), encoding="utf-8")
    checks = {"sorted": SORTED, "width": WIDTH, "map": MAP, "keyboard": KEYBOARD}
    cases = {f"scores {name}": (scores, 1200, name) for name in ("sorted", "map", "keyboard")}
    cases["scores on a phone"] = (scores, 390, "width")
    cases["a certificate on a phone"] = (certificate, 390, "width")
    control = folder / "control.html"
    control.write_text(f'<img src="{ASKED}"><script>console.error("{SAID}")</script>')
    cases["control"] = (control, 390, "width")
    return look(folder, cases, checks)


def test_no_page_says_anything_on_the_console_or_asks_for_anything(seen):
    said = [line for line in seen.console if SAID not in line]
    asked = [url for url in seen.requests if url != ASKED]
    assert said == [] and asked == []
    # The one page that does both was noticed.
    assert len(seen.console) == 1 and seen.requests == [ASKED]
    assert not [name for name, found in seen.results.items() if "error" in found]


def test_a_column_sorts_up_and_then_down(seen):
    found = seen.results["scores sorted"]
    assert found["up"][0] == "ascending" and found["down"][0] == "descending"
    assert found["up"][1] == found["down"][1][::-1] and len(set(found["up"][1])) == 3
    values = [float(text.split()[0]) for text in found["up"][1]]
    assert values == sorted(values)


def test_search_and_picks_hide_rows(seen, examined):
    found = seen.results["scores sorted"]
    assert found["searched"] == ["nothing</script>"] and found["count"] == "1 of 3 rows"
    assert found["picked"] == [one.score.hypothesis for one in examined if one.score.verdict != "refuted"]


def test_a_link_opens_a_hypothesis_whose_map_takes_any_two_variables(seen):
    found = seen.results["scores map"]
    assert found["open"] and found["first"][:2] == [13, 13] and found["first"][2] > 5
    assert found["names"] == ["a", "b", "label", "(a + b) % p // 2"]
    assert found["label"] == "label = 0"
    assert found["said"].startswith("label = 0, b = 1: ")


def test_a_phone_shows_no_page_wider_than_itself(seen):
    for name, found in seen.results.items():
        if "phone" in name:
            assert found["wide"] <= found["frame"], name


def test_everything_that_acts_is_reached_by_the_keyboard_and_names_are_no_markup(seen):
    found = seen.results["scores keyboard"]
    assert found["reached"] > 20 and found["unnamed"] == 0
    assert found["scripts"] == 1 and found["bold"] == 0

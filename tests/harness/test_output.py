"""Reports as JSON, JUnit XML, Markdown, HTML and Rich tables; whatever they show is escaped."""

import errno
import html
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.console import Console

from scrubkit.cli.bench_tables import bench_tables, missed_text
from scrubkit.cli.schemas import PUBLISHED, RECORDS, schema_text
from scrubkit.errors import BenchError
from scrubkit.harness.limits import Limits, check_limits
from scrubkit.harness.report import Report
from scrubkit.harness.run import validate
from scrubkit.report.junit import junit_xml
from scrubkit.report.markdown import escape, markdown
from scrubkit.report.page import page
from scrubkit.report.place import write_report
from scrubkit.report.plain import plain
from scrubkit.report.rows import by_operator
from tests.harness import toys

EVIL_CHARACTERS = "\x00\x1b\u202e\u2066\u200b\u2028"
EVIL = f"<script>alert(1)</script> [red]x[/red] | `y` {EVIL_CHARACTERS} ![z](http://e) &amp; ]]>"


@pytest.fixture(scope="module")
def report(small_suite):
    class Evil(toys.Toy):
        name = EVIL

        def judge(self, model, hypothesis, generator):
            raise ValueError(EVIL)

    cases = [
        c.model_copy(update={"operator": EVIL, "id": f"{EVIL}{i}"}) for i, c in enumerate(small_suite.cases)
    ]
    return validate(
        [Evil(), toys.Oracle()], small_suite.model_copy(update={"cases": tuple(cases), "name": EVIL})
    )


@pytest.fixture(scope="module")
def checks(report):
    return check_limits(report, Limits(min_auroc=0.9, max_false_accept=0.1))


def test_a_report_survives_json(report):
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_report_of_layout_3_is_read_with_its_word_for_refuted(report):
    old = (
        report.model_dump_json()
        .replace('"refuted":{', '"killed":{')
        .replace('"schema_version":4', '"schema_version":3')
    )
    assert old.count('"killed":{') > 3
    assert Report.model_validate_json(old).methods == report.methods


def test_a_report_is_short_at_a_prompt_and_a_frame_of_its_answers(report):
    assert len(repr(report)) < 500 and not set(EVIL_CHARACTERS) & set(repr(report))
    frame = report.to_frame()
    assert len(frame) == sum(len(method.results) for method in report.methods)
    assert set(frame["fault"].dropna()) == {"raised"}


@pytest.mark.parametrize("name", ["report", "baseline"])
def test_the_schema_is_published(name):
    assert (PUBLISHED / f"{name}.schema.json").read_text() == schema_text(name)
    assert name in RECORDS


def test_a_report_fits_its_schema(report):
    import json

    schema = json.loads((PUBLISHED / "report.schema.json").read_text())
    jsonschema.validate(json.loads(report.model_dump_json()), schema)


def test_junit_xml_is_well_formed_and_counts_failures(report, checks):
    root = ElementTree.fromstring(junit_xml(report, checks).split("?>", 1)[1])
    assert (root.get("tests"), root.get("failures")) == ("5", "3")
    evil, oracle = root.findall("testsuite")
    assert (evil.get("failures"), oracle.get("failures")) == ("3", "0")
    unanswered, failure, _ = evil.findall("testcase/failure")
    assert "no valid answer to any" in unanswered.get("message") and "ValueError" in unanswered.text
    assert "<script>" in failure.text and "\x1b" not in failure.text
    assert "asked for at least" in failure.get("message")


@pytest.mark.parametrize("shown", [junit_xml, markdown, page])
def test_nothing_that_steers_a_terminal_or_turns_text_round_is_shown(report, checks, shown):
    text = shown(report, checks)
    for name in EVIL_CHARACTERS:
        assert name not in text, ascii(name)


def test_junit_xml_counts_crashes_beside_failures(report, checks):
    root = ElementTree.fromstring(junit_xml(report, checks).split("?>", 1)[1])
    evil, oracle = root.findall("testsuite")
    found = [{p.get("name"): p.get("value") for p in suite.iter("property")} for suite in (evil, oracle)]
    total = len(report["oracle"].results)
    assert found[0]["crashed"] == f"{total} of {total}" and found[1]["crashed"] == f"0 of {total}"


def test_a_method_that_never_decided_is_said_to_have_never_decided(report, checks):
    assert report[EVIL].never_decided and not report["oracle"].never_decided
    console = Console(record=True, width=250)
    console.print(bench_tables(report))
    for text in (markdown(report), page(report), console.export_text()):
        assert text.count("never decided") >= 2


def test_a_run_without_checks_has_one_passing_test_case(report):
    root = ElementTree.fromstring(junit_xml(report, []).split("?>", 1)[1])
    assert root.get("failures") == "0"
    assert len(root.findall("testsuite/testcase")) == 2


def test_markdown_shows_no_markup_of_others(report, checks):
    text = markdown(report, checks)
    assert "<script>" not in text
    assert "![z](" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = {line.replace("\\|", "").count("|") for line in rows[:4]}
    assert columns == {7}
    assert "3 of 5 checks missed" in text


@pytest.mark.parametrize("text", ["a|b", "*x*", "[a](b)", "<b>", "`c`", "a\nb", "# d", "&lt;"])
def test_escaped_text_reads_as_it_was(text):
    plain = html.unescape(escape(text).replace("\\", ""))
    assert plain == " ".join(text.split())


class Tags(HTMLParser):
    """Counts the tags of a page and keeps the text of its cells."""

    def __init__(self):
        super().__init__()
        self.tags = Counter()
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_shows_no_markup_of_others(report, checks):
    text = page(report, checks)
    clean = report.model_copy(update={"methods": report.methods[1:]})
    seen, without = Tags(), Tags()
    seen.feed(text)
    without.feed(page(clean, []))
    assert "<script>alert" not in text
    assert "\x1b" not in text and "\x00" not in text
    # The page's own script; names of strangers add none.
    assert seen.tags["script"] == without.tags["script"] == 1
    assert "3 of 5 checks missed" in text
    assert any("[red]x[/red]" in piece for piece in seen.text)


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    def full(path, data):
        path.write_bytes(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "new" / "report.md"
    write_report(path, "old")
    monkeypatch.setattr("scrubkit.models.atomic.write_synced", full)
    with pytest.raises(BenchError, match="no space left"):
        write_report(path, "a newer one that does not fit")
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["report.md"]


def test_a_page_is_the_same_every_time(report, checks):
    assert page(report, checks) == page(report, checks)


def test_a_page_has_every_case_with_what_is_true_of_it(report):
    text = page(report)
    table = text[text.index('id="cases"') :]
    oracle = report["oracle"]
    assert len(re.findall(r"<tr data-label=", table)) == len(oracle.results)
    for result in oracle.results:
        assert html.escape(plain("; ".join(result.failed))).replace("&#x27;", "&#39;") in table


def test_rich_tables_show_markup_as_text(report, checks):
    console = Console(width=400, record=True, file=open("/dev/null", "w"))
    console.print(bench_tables(report))
    console.print(missed_text(report, [check for check in checks if check.status == "missed"]))
    shown = console.export_text()
    assert "[red]x[/red]" in shown
    assert "is wrong about" in shown
    assert "raised 14" in shown
    assert "\x1b" not in shown


def test_what_a_method_is_wrong_about_is_grouped_by_what_made_it(small_suite):
    (method,) = validate([toys.AlwaysAccepts()], small_suite).methods
    groups = by_operator(method)
    wrong = Counter(r.operator if r.label == "false" else r.label for r in method.results if r.wrong)
    assert sum(wrong.values()) > len(groups) > 1
    counted = {heading.rsplit(" (", 1)[0]: int(heading.rsplit("(", 1)[1][:-1]) for heading, _ in groups}
    assert counted.pop("vacuous hypotheses", 0) == wrong.pop("vacuous", 0)
    assert counted == dict(wrong)
    assert [n for _, n in Counter(counted).most_common()] == list(counted.values())
    assert all(len(results) <= 2 for _, results in groups)

"""Pages of runs: curves, thresholds, operators, words, and what changed since the baseline."""

import re

import numpy as np
import pytest
from rich.console import Console

from scrubkit.cli.bench_tables import bench_tables
from scrubkit.families.modular.suites.mutators import MUTATORS
from scrubkit.harness.baseline import baseline_of
from scrubkit.harness.run import validate
from scrubkit.report import case_table
from scrubkit.report.page import page
from scrubkit.report.roc import roc, threshold, threshold_in_words
from scrubkit.report.words import COLUMNS, STRATA, WORDS, operator_meaning
from tests.harness import toys


@pytest.fixture(scope="module")
def report():
    suite = toys.tiny_suite(models=("pizza-p11", "torus-p11"))
    return validate([toys.Oracle(), toys.AlwaysAccepts(), toys.WrongOnPizza()], suite, in_process=True)


def test_a_curve_has_the_area_that_the_report_says(report):
    for method in report.methods:
        found = roc(method)
        assert found is not None
        assert np.trapezoid(found.true, found.false) == pytest.approx(method.auroc.value, abs=1e-12)
        grid = np.linspace(0, 1, 101)
        inside = np.interp(grid, found.false, found.true)
        assert (found.low <= found.high).all() and inside.shape == found.low.shape


def test_a_threshold_is_read_from_the_answers(report):
    under, over = threshold(report["oracle"].results)
    assert under is not None and over is not None and under < over
    assert "lies between" in threshold_in_words(report["oracle"].results)
    assert "always says supported" in threshold_in_words(report["accepts"].results)
    assert threshold_in_words([]) == "it never says supported"


def test_every_operator_is_described_and_counted(report):
    for name in (*MUTATORS, *STRATA):
        assert len(operator_meaning(name)) > 20, name
    text = page(report)
    table = text[text.index('id="operators"') :]
    row = re.search(r"<tr><td>wrong_feature</td>.*?</tr>", table, re.DOTALL)[0]
    total = next(f.refuted.total for f in report["oracle"].operators if f.operator == "wrong_feature")
    assert f">{total}</td>" in row and "100 %" in row


def test_one_word_stands_for_one_thing(report):
    text = page(report)
    shown = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.findall(r"\b(kill(ed|s)?|mutants?|mutations?)\b", shown, re.IGNORECASE)
    for word in WORDS:
        assert f"<dt>{word}</dt>" in shown


def test_every_column_says_what_it_means(report):
    text = page(report)
    heads = re.findall(r'<th scope="col"[^>]*>.*?</th>', text)
    named = [head for head in heads if not re.search(r">(method|finder|what it does)<", head)]
    assert len(named) > 20
    assert [head for head in named if "title=" not in head] == []
    for word in (*COLUMNS, "docs/table.md"):
        assert word in text[text.index(">Words<") :]


def test_the_columns_of_a_terminal_are_explained_under_them(report):
    console = Console(record=True, width=200)
    console.print(bench_tables(report))
    text = console.export_text()
    for word in ("inconcl.", "untest.", "runs", "vacuous", "docs/table.md"):
        assert word in text.split("decisions, faults")[1].split("answered;")[0].partition("─┘")[2]


def test_a_baseline_shows_what_changed(report):
    old = baseline_of(report)
    figures = old.methods["oracle"]
    worse = figures.auroc.model_copy(update={"value": figures.auroc.value - 0.25, "low": 0.0})
    methods = {"oracle": figures.model_copy(update={"auroc": worse})}
    text = page(report, baseline=old.model_copy(update={"methods": methods}))
    table = text[text.index('id="baseline"') :]
    assert '<span class="supported">+0.250</span>' in table
    assert "Not in the baseline: accepts, wrong-on-pizza" in text
    assert 'id="baseline"' not in page(report)


def test_cases_that_do_not_fit_are_left_out_right_ones_first(report, monkeypatch):
    monkeypatch.setattr(case_table, "BYTES", 3000)
    text = page(report)
    assert "cases fit on the page, wrongly answered ones first" in text
    found = re.findall(r'data-answers="([^"]*)"', text)
    assert 0 < len(found) < len(report["oracle"].results) and set(found) == {"some wrong"}


def test_a_page_with_a_command_is_small_and_asks_for_nothing(report):
    text = page(report, command="scrubkit validate oracle")
    assert len(text.encode()) < 500_000 and "scrubkit validate oracle" in text
    assert not re.findall(r"(src|href)=\"(?!#|data:)", text)

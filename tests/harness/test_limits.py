"""Limits and baselines: what fails a build, and what is refused."""

import json

import pytest

from scrubkit.errors import BenchError
from scrubkit.harness.baseline import (
    baseline_of,
    check_baseline,
    read_baseline,
    write_baseline,
)
from scrubkit.harness.intervals import proportion
from scrubkit.harness.limits import Limits, check_limits
from scrubkit.harness.report import Estimate
from scrubkit.harness.run import validate
from tests.harness import toys


@pytest.fixture(scope="module")
def report(small_suite):
    return validate(toys.RandomScores(), small_suite)


@pytest.fixture(scope="module")
def perfect(small_suite):
    return validate(toys.Oracle(), small_suite)


def changed(report, **figures):
    method = report.methods[0].model_copy(update=figures)
    return report.model_copy(update={"methods": (method,)})


def share(count, total):
    return proportion([True] * count + [False] * (total - count))


def missed(checks):
    return [check.name for check in checks if check.status == "missed"]


ALL = Limits(0.9, 0.05, 0.05, 0.0, 0.0, 0.0)


def test_an_oracle_meets_every_limit(perfect):
    checks = check_limits(perfect, ALL)
    assert len(checks) == 6
    assert missed(checks) == []


def test_a_miss_says_by_how_much(report):
    found = changed(report, false_accept=share(3, 10), auroc=Estimate(value=0.7, low=0.5, high=0.9))
    checks = {
        check.name: check for check in check_limits(found, Limits(min_auroc=0.95, max_false_accept=0.05))
    }
    assert checks["false accept"].detail.endswith("asked for at most 5 %: missed by 25 %")
    assert "0.700 [0.500, 0.900]" in checks["AUROC"].detail
    assert checks["AUROC"].detail.endswith("missed by 0.25")


def test_a_limit_is_met_at_its_own_value(report):
    assert (
        missed(check_limits(changed(report, false_accept=share(1, 20)), Limits(max_false_accept=0.05))) == []
    )


def test_a_figure_that_cannot_be_told_misses_its_limit(report):
    found = changed(report, auroc=Estimate(value=None, low=None, high=None))
    assert missed(check_limits(found, Limits(min_auroc=0.0))) == ["AUROC"]


def test_deciding_nothing_is_no_way_to_pass(report):
    found = changed(report, inconclusive=share(6, 10), untestable=share(4, 10))
    assert missed(check_limits(found, Limits(max_inconclusive=0.9))) == ["undecided"]


def test_a_method_that_never_decides_meets_no_limit_on_its_errors(report):
    found = changed(
        report,
        inconclusive=share(10, 10),
        decided=share(0, 10),
        false_accept=share(0, 5),
        false_reject=share(0, 5),
    )
    limits = Limits(max_false_accept=0.05, max_false_reject=0.05)
    assert missed(check_limits(found, limits)) == ["decisions", "false accept", "false reject"]
    assert missed(check_limits(found, Limits(min_auroc=0.0))) == []


def test_a_method_without_an_answer_has_no_auroc_to_hold_against_a_limit(report):
    found = changed(report, faults=share(14, 14))
    (check,) = [c for c in check_limits(found, Limits(min_auroc=0.1)) if c.name == "AUROC"]
    assert check.status == "missed" and "cannot be told" in check.detail


def test_every_limit_out_of_range_is_named():
    with pytest.raises(BenchError) as raised:
        Limits(min_auroc=2, max_false_accept=-1)
    assert len(raised.value.faults) == 2


def test_no_limit_no_check(report):
    assert check_limits(report, Limits()) == []


@pytest.mark.parametrize(
    ("old", "new", "regressed"),
    [
        (share(0, 100), share(1, 100), False),
        (share(0, 100), share(3, 100), False),
        (share(0, 100), share(12, 100), True),
        (share(12, 100), share(0, 100), False),
    ],
)
def test_a_share_regresses_by_its_interval(report, old, new, regressed):
    baseline = baseline_of(changed(report, false_accept=old))
    found = missed(check_baseline(changed(report, false_accept=new), baseline))
    assert found == (["false accept against baseline"] if regressed else [])


@pytest.mark.parametrize(
    ("old", "new", "regressed"),
    [
        ((1.0, 1.0, 1.0), (0.9999, 0.9995, 0.9999), False),
        ((1.0, 1.0, 1.0), (0.9, 0.85, 0.95), True),
        ((0.9, 0.85, 0.95), (0.86, 0.8, 0.9), False),
        ((0.9, 0.85, 0.95), (1.0, 1.0, 1.0), False),
        ((0.9, None, None), (0.7, None, None), True),
        ((0.9, 0.8, 1.0), (None, None, None), True),
    ],
)
def test_an_auroc_regresses_by_its_interval(report, old, new, regressed):
    def auroc(value, low, high):
        return Estimate(value=value, low=low, high=high)

    baseline = baseline_of(changed(report, auroc=auroc(*old)))
    found = missed(check_baseline(changed(report, auroc=auroc(*new)), baseline))
    assert found == (["AUROC against baseline"] if regressed else [])


def test_a_baseline_is_written_and_read(report, tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, report)
    assert read_baseline(path) == baseline_of(report)
    assert missed(check_baseline(report, read_baseline(path))) == []


def test_an_update_keeps_other_methods_of_the_same_run_and_drops_those_of_another(report, perfect, tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, report)
    write_baseline(path, perfect)
    assert set(read_baseline(path).methods) == {"random", "oracle"}
    write_baseline(path, report.model_copy(update={"seed": 7}))
    assert set(read_baseline(path).methods) == {"random"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 7}, "seed is 0, this run's 7"),
        ({"draws": 9}, "draws is 8, this run's 9"),
        ({"devices": ("cuda",)}, "kind of device is 'cpu', this run's 'cuda'"),
    ],
)
def test_a_baseline_of_another_run_is_refused_with_the_reason(report, change, reason):
    with pytest.raises(BenchError, match=reason):
        check_baseline(report.model_copy(update=change), baseline_of(report))


def test_a_baseline_without_the_method_is_refused(report, perfect):
    with pytest.raises(BenchError, match="holds no figures of random; it has oracle"):
        check_baseline(report, baseline_of(perfect))


def test_no_other_file_is_replaced_by_a_baseline(report, tmp_path):
    path = tmp_path / "precious.py"
    path.write_text("x = 1\n")
    with pytest.raises(BenchError, match="is no baseline"):
        write_baseline(path, report)
    assert path.read_text() == "x = 1\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count": 500}, "500 of 10 is no share"),
        ({"value": 0.9}, r"0\.9 does not lie in"),
        ({"value": 3.0}, r"3\.0 does not lie in \[0, 1\]"),
    ],
)
def test_figures_that_no_run_gives_are_refused(report, tmp_path, change, reason):
    path = tmp_path / "baseline.json"
    figures = baseline_of(changed(report, false_accept=share(3, 10))).model_dump(mode="json")
    figures["methods"]["random"]["false_accept"].update(change)
    path.write_text(json.dumps(figures))
    with pytest.raises(BenchError, match=reason):
        read_baseline(path)


def test_a_baseline_of_another_layout_is_refused_in_one_line(tmp_path):
    path = tmp_path / "baseline.json"
    path.write_text('{"schema_version": 99}')
    with pytest.raises(BenchError, match="has layout 99, this scrubkit reads 1") as raised:
        read_baseline(path)
    assert len(raised.value.faults) == 1


def test_a_baseline_of_another_suite_is_refused_with_every_reason(report):
    suite = report.suite.model_copy(update={"version": "2", "hash": "0" * 64})
    with pytest.raises(BenchError, match="suite version is '1', this run's '2'") as raised:
        check_baseline(report.model_copy(update={"suite": suite}), baseline_of(report))
    assert any("suite hash" in fault for fault in raised.value.faults)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no baseline"),
        ("[1, 2", "no baseline"),
        ("{}", "no baseline"),
        ('{"schema_version": 1, "surprise": 2}', "surprise"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path, text, message):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BenchError, match=message):
        read_baseline(path)


def test_a_missing_or_enormous_baseline_is_refused(tmp_path):
    with pytest.raises(BenchError, match="--update-baseline"):
        read_baseline(tmp_path / "none.json")
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps({"x": "y" * 6_000_000}))
    with pytest.raises(BenchError, match="more than the 5,000,000"):
        read_baseline(path)


def test_a_baseline_that_cannot_be_written_is_an_error(report, tmp_path):
    with pytest.raises(BenchError):
        write_baseline(tmp_path / "no" / "such" / "folder" / "baseline.json", report)

"""A run as JUnit XML: a test suite for each method, a test case for each check."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from scrubkit.harness.figures import worst
from scrubkit.harness.limits import Check
from scrubkit.harness.plain import plain
from scrubkit.harness.report import CaseResult, MethodReport, Report


def junit_xml(report: Report, checks: Sequence[Check]) -> str:
    """Return a run and its checks as JUnit XML.

    A method without checks has one test case, which passes: that it was run to the end.
    """
    missed = [check for check in checks if check.status == "missed"]
    root = ElementTree.Element(
        "testsuites", name="scrubkit validate", tests=str(max(len(checks), 1)), failures=str(len(missed))
    )
    for method in report.methods:
        root.append(_suite(report, method, [check for check in checks if check.method == method.name]))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(report: Report, method: MethodReport, checks: Sequence[Check]) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        name=plain(f"{method.name} on {report.suite.name} {report.suite.version}"),
        tests=str(max(len(checks), 1)),
        failures=str(sum(check.status == "missed" for check in checks)),
        time=f"{method.seconds * len(method.results):.3f}",
    )
    if not checks:
        ElementTree.SubElement(suite, "testcase", classname=plain(method.name), name="run to the end")
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=plain(method.name), name=plain(check.name))
        if check.status == "missed":
            failure = ElementTree.SubElement(case, "failure", message=plain(check.detail))
            failure.text = plain("worst cases:\n" + "\n".join(spell_case(r) for r in worst(method)))
    return suite


def spell_case(result: CaseResult) -> str:
    """Return a case on one line: what was asked, what came back, and why that is wrong."""
    outcome = result.outcome
    got = f"fault: {outcome.fault.kind}, {outcome.fault.detail}" if outcome.fault else str(outcome.verdict)
    score = "" if outcome.score is None else f" (score {outcome.score:.4g})"
    why = f": {'; '.join(result.failed[:2])}" if result.failed else ""
    return f"{result.case}: {got}{score}, but it is {result.label}{why}"

"""A run as JUnit XML: a test suite for each method, a test case for each check."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from scrubkit.harness.limits import Check
from scrubkit.harness.report import MethodReport, Report
from scrubkit.report.plain import plain
from scrubkit.report.rows import by_operator, case_line, missed


def junit_xml(report: Report, checks: Sequence[Check]) -> str:
    """Return a run and its checks as JUnit XML.

    A method without checks has one test case, which passes: that it was run to the end.
    """
    suites = [_suite(report, m, [c for c in checks if c.method == m.name]) for m in report.methods]
    root = ElementTree.Element(
        "testsuites",
        name="scrubkit validate",
        tests=str(sum(int(suite.get("tests", 0)) for suite in suites)),
        failures=str(len(missed(checks))),
    )
    root.extend(suites)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(report: Report, method: MethodReport, checks: Sequence[Check]) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        name=plain(f"{method.name} on {report.suite.name} {report.suite.version}"),
        tests=str(max(len(checks), 1)),
        failures=str(len(missed(checks))),
        time=f"{method.seconds * len(method.results):.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, share in (("crashed", method.crashed), ("faults", method.faults), ("decided", method.decided)):
        ElementTree.SubElement(properties, "property", name=name, value=f"{share.count} of {share.total}")
    if not checks:
        ElementTree.SubElement(suite, "testcase", classname=plain(method.name), name="run to the end")
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=plain(method.name), name=plain(check.name))
        if check.status == "missed":
            failure = ElementTree.SubElement(case, "failure", message=plain(check.detail))
            lines = [
                line
                for heading, results in by_operator(method)
                for line in (f"wrong about {heading}:", *(f"  {case_line(r)}" for r in results))
            ]
            failure.text = plain("\n".join(lines))
    return suite

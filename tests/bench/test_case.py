"""Cases: in which way they are false, and what older suites keep."""

from scrubkit.bench.case import STRATA, Label, Witness
from scrubkit.bench.manifest import read
from scrubkit.bench.suites import SHIPPED, load_suite


def test_false_cases_of_programs_say_in_which_way_and_others_do_not():
    for case in load_suite("programs-fast").cases:
        assert (case.stratum in STRATA) == (case.label.label == "false")


def test_suites_of_version_1_keep_their_hash():
    """Fields that labels have gained since are not written where they say nothing."""
    found = read(SHIPPED / "fast-1.json.gz")
    assert found.hash.startswith("b288cab5d7c22b39") and found.cases[0].stratum is None
    assert "witness" not in found.cases[0].label.model_dump()


def test_a_label_is_read_back_with_its_witness():
    label = Label(label="false", stratum="rare", witness=Witness(row=0, draws={"logits/a": (3, 4)}))
    assert Label.model_validate_json(label.model_dump_json()) == label

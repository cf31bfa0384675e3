"""Pages of certificates: every figure beside its threshold, and what the spectra are read from."""

import re

import pytest

from scrubkit.families.modular.certify.certificate import certify
from scrubkit.families.modular.compile import compile_model
from scrubkit.models.record import Certificate, Measurement
from scrubkit.report.certificate_page import certificate_page, limits

EVIL = "<script>alert(1)</script>\u202e"


@pytest.fixture(scope="module")
def pizza():
    model = compile_model(variant="pizza", p=23, frequencies=(3, 7), seed=0)
    return model, certify(model)


def test_every_figure_stands_beside_its_threshold(pizza):
    model, certificate = pizza
    page = certificate_page(certificate, model=model, command="scrubkit certify pizza")
    body = page[page.index("Every figure") :]
    for figure in certificate.measurements:
        assert figure.note.replace('"', "&#34;").replace("'", "&#39;") in body
    assert body.count(">ok</span>") == sum(1 for m in certificate.measurements if limits(m) and m.passed)
    assert model.weights_hash in page and "scrubkit certify pizza" in page


def test_spectra_mark_the_key_frequencies(pizza):
    model, certificate = pizza
    page = certificate_page(certificate, model=model)
    chart = re.search(
        r'<svg[^>]*aria-label="spectrum of W_L = W_out W_U over classes".*?</svg>', page, re.DOTALL
    )[0]
    bars = re.findall(r'fill:var\(--(\w+)\)"[^>]*><title>frequency (\d+): ([\d.e-]+) %', chart)
    assert len(bars) == 11
    assert [int(k) for name, k, _ in bars if name == "scrubbed"] == [3, 7]
    shares = {int(k): float(share) for _, k, share in bars}
    assert shares[3] == pytest.approx(100 * certificate.tables["spectra"]["map"][2], rel=1e-2)


def test_a_pizza_fits_the_pizza_better_on_the_page(pizza):
    page = certificate_page(pizza[1], name="a pizza")
    fits = {m[0]: float(m[1]) for m in re.findall(r"cluster 3, (clock|pizza): ([\d.]+) %", page)}
    assert fits["pizza"] > 99 > fits["clock"]


def test_a_certificate_that_was_missed_says_why(pizza):
    failed = pizza[1].model_copy(update={"certified": False, "reasons": ("it does not",)})
    page = certificate_page(failed, name="x")
    assert "not certified" in page and "<li>it does not</li>" in page


def test_another_familys_certificate_has_its_figures_and_no_markup():
    figure = Measurement(name="n", value=0.5, unit="share", at_least=0.9, note=EVIL)
    certificate = Certificate(certified=False, algorithm=EVIL, reasons=(EVIL,), measurements=(figure,))
    page = certificate_page(certificate, name=EVIL, command=EVIL)
    assert "<script>alert" not in page and "\u202e" not in page
    assert "50 %" in page and "≥ 90 %" in page and "missed" in page and "Fourier" not in page


def test_a_page_of_a_certificate_is_the_same_every_time(pizza):
    assert certificate_page(pizza[1]) == certificate_page(pizza[1])

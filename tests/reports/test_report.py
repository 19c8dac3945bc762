from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gnomon.core.geometry import Grid
from gnomon.reports import page
from gnomon.reports.case_pictures import CaseImages, axial_slices, largest_error, three_planes
from gnomon.reports.pdf import pdf


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.pictures = [], [], 0

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href") if values.get(name)]
        self.pictures += tag == "img"
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_opens_offline_and_shows_what_it_must(tiny_run):
    text = (tiny_run / "report.html").read_text()
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in outline.addresses)
    assert text.count("<script>") == 1, "what scrolls the slices"
    assert not re.search(r"https?:", text.split("Complete manifest")[0])
    for anchor in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{anchor}"' in text
    n_cases = json.loads((tiny_run / "evaluation" / "summary.json").read_text())["n_cases"]
    worst = min(3, n_cases) + (2 if n_cases > 3 else 0)
    assert outline.pictures == 3 + worst, "curves, distributions, volumes, and cases"
    assert text.count('class="viewer"') == worst
    for needed in ("Mean Dice", "DCM211", "PRP201", "weights_sha256", "Worst cases"):
        assert needed in text
    assert len(text) < 5_000_000


def test_no_patient_is_named_in_a_report(tiny_run):
    assert not re.search(r"PHANTOM-\d|Phantom\^", (tiny_run / "report.html").read_text())


PARTS = [
    page.Heading("<b>"),
    page.Paragraph("<script>", "lead"),
    page.Table(["<i>", "n"], [["<u>", 1], [page.Link(None, "<q>"), None]], ["<q>", "x"]),
    page.Folded("<a>", [page.Values({"<p>": 1})]),
]


def test_what_comes_from_files_cannot_become_markup():
    text = page.html("<t>", PARTS)
    for tag in ("<b>", "<script>", "<i>", "<u>", "<a>", '<p>"', "<t>", '"<q>'):
        assert tag not in text


def test_a_pdf_is_the_same_bytes_twice_and_takes_any_text():
    odd = [*PARTS, page.Paragraph("≥ 2 … äöü 骨 &amp; <font>"), page.Table(["only"], [["long " * 200]] * 90)]
    first, second = pdf("<t>", odd), pdf("<t>", odd)
    assert first == second
    assert first.startswith(b"%PDF")
    assert pdf("nothing", [])


def test_numbers_stand_right_and_nothing_is_a_dash():
    text = page.html("t", [page.Table(["name", "dice"], [["a", 0.5], ["b", None]])])
    assert '<td class="number">0.500</td>' in text
    assert '<td class="number">–</td>' in text  # noqa: RUF001


def test_the_planes_go_through_the_largest_error():
    reference, prediction = np.zeros((10, 12, 14), int), np.zeros((10, 12, 14), int)
    prediction[3, 4:9, 5] = 1
    prediction[3, 6, 5:9] = 1
    assert largest_error(reference, prediction) == (3, 6, 5)


@pytest.mark.parametrize("same", [True, False])
def test_pictures_are_the_same_bytes_twice(same):
    rng = np.random.default_rng(0)
    label = (rng.random((12, 14, 9)) > 0.8).astype(int)
    case = CaseImages(
        rng.normal(size=(12, 14, 9)), label, label if same else 1 - label, Grid.from_parts((12, 14, 9), (1, 1, 3))
    )
    first, second = (three_planes(case, [1], ["organ"]) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_slices_show_the_patients_right_on_the_left_and_anterior_up():
    image, label = np.zeros((20, 20, 6), np.float32), np.zeros((20, 20, 6), int)
    image[14:18, 2:5] = 100.0  # x grows to the patient's right, y to the front
    label[14:18, 2:5, 2:5] = 1
    case = CaseImages(image, label, label, Grid.from_parts((20, 20, 6), (1, 1, 2)))
    shown = axial_slices(case, [1], "x")
    assert (shown.count, shown.width, shown.height) == (3, 320, 320)
    first = np.array(Image.open(io.BytesIO(shown.jpeg)).convert("L"))[:320]
    rows, columns = np.nonzero(first > 60)
    assert rows.mean() > 213, "posterior is below"
    assert columns.mean() < 107, "the patient's right is on the left"

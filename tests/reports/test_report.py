from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from isocenter.geometry import Grid
from isocenter.reports import page
from isocenter.reports.figures import PicturedCase, largest_error, three_planes


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.pictures = [], [], 0

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href") if values.get(name)]
        self.pictures += tag == "img"
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_opens_offline_and_shows_what_it_must(tiny_run):
    text = (tiny_run / "report.html").read_text()
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert all(address.startswith("data:image/png;base64,") for address in outline.addresses)
    assert "<script" not in text
    n_cases = json.loads((tiny_run / "evaluation" / "summary.json").read_text())["n_cases"]
    assert outline.pictures == 2 + min(3, n_cases), "curves, distributions, and the worst cases"
    for needed in ("Mean Dice", "DCM211", "PRP201", "weights_sha256", "The worst cases"):
        assert needed in text
    assert len(text) < 5_000_000


def test_no_patient_is_named_in_a_report(tiny_run):
    assert not re.search(r"PHANTOM-\d|Phantom\^", (tiny_run / "report.html").read_text())


def test_what_comes_from_files_cannot_become_markup():
    parts = [
        page.heading("<b>"),
        page.paragraph("<script>"),
        page.table(["<i>"], [["<u>"]]),
        page.folded("<a>", {"<p>": 1}),
    ]
    text = page.page("<t>", parts)
    for tag in ("<b>", "<script>", "<i>", "<u>", "<a>", '<p>"', "<t>"):
        assert tag not in text


def test_numbers_stand_right_and_nothing_is_a_dash():
    text = page.table(["name", "dice"], [["a", 0.5], ["b", 1.0]])
    assert '<td class="number">0.500</td>' in text
    assert "–" in page.table(["dice"], [[None]])  # noqa: RUF001


def test_the_planes_go_through_the_largest_error():
    reference, prediction = np.zeros((10, 12, 14), int), np.zeros((10, 12, 14), int)
    prediction[3, 4:9, 5] = 1
    prediction[3, 6, 5:9] = 1
    assert largest_error(reference, prediction) == (3, 6, 5)


@pytest.mark.parametrize("same", [True, False])
def test_pictures_are_the_same_bytes_twice(same):
    rng = np.random.default_rng(0)
    label = (rng.random((12, 14, 9)) > 0.8).astype(int)
    case = PicturedCase(
        rng.normal(size=(12, 14, 9)), label, label if same else 1 - label, Grid.from_parts((12, 14, 9), (1, 1, 3))
    )
    first, second = (three_planes(case, [1], ["organ"]) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")

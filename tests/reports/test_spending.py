"""How epsilon grew at each site: drawn from its exhibit, to scale, beside its budget, and absent without it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from privacy.ledger.events import Budget, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger
from reports.drawings import spending_pictures
from reports.drawings.drawing import drawn_svg
from reports.drawings.gallery import pictures_of
from reports.drawings.privacy_pictures import privacy_pictures
from reports.drawings.spending_chart import AIR, HIGH_PX, PLATE_PX, spending_chart, spending_in_words
from reports.formats.html import RENDERER

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
STEP = StepEvent(noise_multiplier=4.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")


def rows(*epsilons: float | None, site: str = "north", budget: float | None = 4.0, kind: str = "steps") -> list[Any]:
    """Return rows of `privacy-spending`, an entry each."""
    return [
        {"run": "r", "site": site, "unit": "patient", "entry": i, "entries": len(epsilons), "training": "t"}
        | {"kind": kind, "steps": i, "delta": 1e-5, "epsilon": epsilon, "why_none": None, "budget": budget}
        for i, epsilon in enumerate(epsilons, start=1)
    ]


def picture(given: list[Any]) -> ET.Element:
    svg = drawn_svg(spending_chart(given), name="s", title="t", description=spending_in_words(given))
    return ET.fromstring(svg)


def texts(root: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def marks(root: ET.Element) -> list[tuple[float, float]]:
    found = [e.get("transform") or "" for e in root.iter(f"{SVG}path") if "translate" in (e.get("transform") or "")]
    return [tuple(map(float, NUMBER.findall(text)[:2])) for text in found]  # type: ignore[misc]


def test_every_entry_stands_where_its_number_puts_it() -> None:
    root = picture(rows(1.0, 2.0, 3.0))
    top, last = AIR * 4.0, 3
    wanted = [(PLATE_PX * (i - 0.5) / last, HIGH_PX * (1 - i / top)) for i in (1, 2, 3)]
    assert marks(root) == [pytest.approx(place, abs=0.05) for place in wanted]
    assert {"north", "each patient, delta 1e-05", "budget 4.000", "3.000", "entry of the ledger"} <= set(texts(root))
    (budget,) = [e for e in root.iter(f"{SVG}line") if "--picture-other" in (e.get("stroke") or "")]
    height = float(NUMBER.findall(budget.get("transform") or "")[1])
    assert height == pytest.approx(HIGH_PX * (1 - 4.0 / top), abs=0.05)


def test_a_search_is_hollow_and_what_nothing_bounds_is_a_word() -> None:
    root = picture([*rows(1.0, kind="search"), *rows(0.5, None, site="south", budget=None)])
    shapes = [e for e in root.iter(f"{SVG}path") if "translate" in (e.get("transform") or "")]
    assert sum("--picture-paper" in (e.get("fill") or "") for e in shapes) == 1
    assert len(shapes) == 2, "an entry that nothing bounds has no mark"
    assert "unbounded" in texts(root)
    said = spending_in_words(rows(0.5, None, site="south", budget=None))
    assert said == "south, of each patient: nothing bounds the loss after 2 entries, at delta 1e-05."


def test_it_reads_without_eyes() -> None:
    said = spending_in_words([*rows(1.0, 2.5), *rows(3.0, site="south", budget=None)])
    assert said == (
        "north, of each patient: epsilon 2.500 after 2 entries, of a budget of 4.000, at delta 1e-05. "
        "south, of each patient: epsilon 3.000 after 1 entries, at delta 1e-05."
    )


def test_hostile_names_stay_text(samples: Any) -> None:
    svg = drawn_svg(spending_chart(rows(1.0, site=samples.HOSTILE)), name="s", title="t", description="d")
    assert "<script" not in svg


def test_many_sites_are_left_to_the_exhibit_and_thinned_entries_are_said(
    monkeypatch: pytest.MonkeyPatch, small: AuditReport
) -> None:
    def captions(given: list[Any]) -> list[str]:
        monkeypatch.setattr(spending_pictures, "attached", lambda *_: pa.Table.from_pylist(given))
        return [figure.caption for figure in spending_pictures.spending_pictures(small)]

    assert captions([row for i in range(13) for row in rows(1.0, site=f"s{i}")]) == []
    assert len(captions([row for i in range(12) for row in rows(1.0, site=f"s{i}")])) == 1
    assert "evenly spread" not in captions(rows(1.0, 2.0))[0]
    assert "evenly spread" in captions([{**row, "entries": 900} for row in rows(1.0, 2.0)])[0]


@pytest.fixture(scope="module")
def accounted(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    folder: Path = tmp_path_factory.mktemp("ledgers")
    for site, n in (("north", 1), ("south", 2)):
        budget, facts = Budget(epsilon=4.0, delta=1e-5), RunFacts(n_units=900)
        path = folder / f"{site}.jsonl"
        with Ledger.opened(path, site=site, unit="patient", run=site, budget=budget, facts=facts) as ledger:
            for _ in range(n):
                ledger.confirm(ledger.intend(replace(STEP, n_times=10)))
    plan = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=Statistics(n_resamples=100, n_permutations=99),
        examinations=(Choice(name="privacy-ledger", options={"ledger": str(folder)}),),
    )
    return audit(predictions_frame(n_speakers=6, per_speaker=2), by=["accent"], plan=plan)


def test_a_ledger_that_was_read_is_drawn_site_by_site(accounted: AuditReport) -> None:
    (figure,) = privacy_pictures(accounted)
    assert figure.id == "spending-0"
    assert {"north", "south", "budget 4.000"} <= set(texts(ET.fromstring(figure.svg)))
    paints = {e.get(p) for e in ET.fromstring(figure.svg).iter() for p in ("fill", "stroke")}
    assert all(str(p).startswith("var(--picture-") for p in paints - {None, "none", "transparent"}), paints


def test_it_stands_with_what_was_promised(accounted: AuditReport) -> None:
    (figure,) = pictures_of(accounted).of_privacy
    page = RENDERER.render(accounted).decode()
    assert page.index('id="privacy"') < page.index(figure.svg)


def test_without_the_exhibit_there_is_no_picture(small: AuditReport) -> None:
    assert tuple(privacy_pictures(small)) == ()

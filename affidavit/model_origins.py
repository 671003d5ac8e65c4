"""Where the models behind a run come from: weights, licence and digest, and on whose word that rests.

Every reasoner says it of what it judges, and the report repeats it (`DataDescription.models`).
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from affidavit.records import Record


class Basis(StrEnum):
    """What a statement about a model rests on."""

    FILES = "files"
    """The files were here, and the digest is theirs."""
    CARD = "card"
    """The card of a checkpoint, written when it was trained."""
    PLAN = "plan"
    """Whoever wrote the plan says so; nothing here could confirm it."""
    CODE = "code"
    """There are no weights: rules, or a function of the caller's."""


class ModelOrigin(Record):
    """One set of weights: a model's own, or those of a pretrained part of it."""

    name: str = Field(min_length=1)
    part: str | None = None
    """Of a part, which: `text`, `visual`, `backbone`."""
    source: str = Field(min_length=1)
    """A package and its version, a hub id, `a folder`, or on what it was trained; never a place on a machine."""
    licence: str | None
    """None where nobody named one."""
    digest: str | None
    """`sha256:<hex>` of the files, or of a hub id the commit; None where nobody saw them."""
    basis: Basis

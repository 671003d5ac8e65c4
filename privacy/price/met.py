"""Whom the models met in training: what is measured on them is memory, and a release of what training saw.

A card keeps keyed digests of its patients, slow to compute on purpose: only those who are asked for are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from affidavit.protocols import Progress, silent
from privacy.price.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Patients by what the cards say of them."""

    strangers: tuple[str, ...]
    """Whom no card knows."""
    trained: frozenset[str]
    """Whom some model, or one that it began with, was trained on."""
    unsaid: tuple[str, ...]
    """Runs whose cards do not say whom they were trained on: whether they met anybody is unknown."""

    nameless: bool = False
    """Whether nobody was named who could be looked up."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader has to know of them."""
        more = f" and {len(self.unsaid) - 3} more" if len(self.unsaid) > 3 else ""
        said = [
            (
                self.nameless,
                "the tables name no patients: whether the models were trained on them is unknown",
            ),
            (self.trained, f"{len(self.trained)} patients are left out: a model was trained on them"),
            (self.unsaid, f"no card says whom these were trained on: {', '.join(self.unsaid[:3])}{more}"),
        ]
        return tuple(text for there, text in said if there)


def met_by(
    models: Sequence[Model], patients: Iterable[str] | None, *, at_most: int | None = None, progress: Progress = silent
) -> Met:
    """Look patients up in the cards of all models, one by one, until so many strangers are found."""
    if patients is None:
        return Met(strangers=(), trained=frozenset(), unsaid=(), nameless=True)
    strangers: list[str] = []
    trained: set[str] = set()
    unsaid: set[str] = set()
    names = list(patients)
    for done, name in enumerate(names, start=1):
        if at_most is not None and len(strangers) == at_most:
            break
        answers = {model.run: model.card.knows(name) for model in models}
        unsaid |= {run for run, answer in answers.items() if answer is None}
        if True in answers.values():
            trained.add(name)
        else:
            strangers.append(name)
        progress("looking patients up in the models' cards", done, len(names))
    told = tuple(model.run for model in models if model.run in unsaid)
    return Met(strangers=tuple(strangers), trained=frozenset(trained), unsaid=told)

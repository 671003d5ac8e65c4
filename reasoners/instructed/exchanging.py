"""Judgements with another's state in the place of a turn's own, and what is left of a model without interactions.

`additive` is the best sum of what each modality says alone, given the turns before: with M modalities shown,

    f~(x) = sum over modalities m of mean over donors r of f(x_m, others of r)  -  (M - 1) mean over r of f(all of r)

in scores before the softmax, with the same R donors in every mean, each modality's in an order of its own. A model that
adds up its modalities is its own projection, exactly, whoever the donors are.

Source: Hessel and Lee 2020, "Does my multimodal model learn cross-modal interactions?" (EMAP), for more than two
modalities by means over exchanged donors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from affidavit.conditions import MODALITIES
from affidavit.interventions.donors import Donors
from affidavit.interventions.operators import Intervention
from affidavit.utterances import Judgement
from reasoners.instructed.answers import DECIMALS
from reasoners.instructed.pool import Pool
from reasoners.instructed.scene import Scene
from reasoners.instructed.shards import Answers
from reasoners.instructed.variants import scores_of_variants
from reasoners.instructed.windows import Windows, pieces


def with_donors(
    scene: Scene, item: Intervention, names: Sequence[str], pool: Pool, donors: Donors, *, explained: bool
) -> Answers:
    """Judge with each donor's state in the place of the turn's own; of who has no donor, say why."""
    given = [name for name in names if name in donors.donor]

    def change(found: Windows, some: Sequence[str]) -> Windows:
        whose = [donors.donor[name] for name in some]
        for letter in sorted(item.letters):
            found = found.exchanged(letter, pool.taken(whose, letter), torch.ones(len(some), dtype=torch.bool))
        return found

    lacking = {name: donors.because[name] for name in names if name not in donors.donor}
    return {**lacking, **scene.judged(given, item, explained=explained, change=change)}


def with_mean(scene: Scene, item: Intervention, names: Sequence[str], pool: Pool, *, explained: bool) -> Answers:
    """Judge with the mean state of everybody in the place of the turn's own."""
    means = {letter: pool.mean(letter) for letter in sorted(item.letters)}

    def change(found: Windows, some: Sequence[str]) -> Windows:
        for letter, mean in means.items():
            found = found.exchanged(letter, mean.expand(len(some), -1), torch.ones(len(some), dtype=torch.bool))
        return found

    return scene.judged(names, item, explained=explained, change=change)


def additive(scene: Scene, item: Intervention, names: Sequence[str], pool: Pool) -> Answers:
    """Return what the additive projection answers: probabilities and label, no rationale, intensity nor weights."""
    letters, design = item.condition.modalities, pool.design(item.condition.modalities)
    brought = [letters - {letter} for letter in sorted(letters)]
    n_donors = len(next(iter(design.values())))
    longest = 1 + max((len(scene.before(name)) for name in names), default=0)
    said: dict[str, Judgement] = {}
    for piece in pieces(len(names), longest=longest + n_donors * (1 + len(brought))):
        some = names[piece]
        found = scene.windows(some, [scene.before(name) for name in some])
        found = replace(found, encoded=found.encoded.restricted(letters))
        means = _means(scene, found, [_variants(found, design, taken) for taken in (*brought, letters)])
        scores = means[:, :-1].sum(1) - (len(letters) - 1) * means[:, -1]
        for name, shares in zip(some, scores.softmax(-1).tolist(), strict=True):
            said[name] = _judgement(scene, shares)
    return said


def _variants(found: Windows, design: Mapping[str, Tensor], letters: frozenset[str]) -> Tensor:
    """Return the judged turns' states with donors' states of some modalities, `[N, R, 3, D]`."""
    rows = torch.arange(len(found.last), device=found.last.device)
    own = found.encoded.states[rows, found.last]
    n_donors = len(next(iter(design.values())))
    states = own[:, None].repeat(1, n_donors, 1, 1)
    for at, letter in enumerate(MODALITIES):
        if letter in letters:
            states[:, :, at] = design[letter].to(states.device, states.dtype)
    return states


def _means(scene: Scene, found: Windows, variants: Sequence[Tensor]) -> Tensor:
    """Return the mean scores over the donors of each set of variants, `[N, sets, K]`."""
    with torch.no_grad():
        scores = scores_of_variants(scene.reasoner.model, found, torch.cat(list(variants), dim=1))
    means: Tensor = scores.double().unflatten(1, (len(variants), -1)).mean(2)
    return means


def _judgement(scene: Scene, shares: Sequence[float]) -> Judgement:
    labels = scene.reasoner.model.config.label_space
    return Judgement(
        label=labels[max(range(len(labels)), key=shares.__getitem__)],
        probabilities={label: round(share, DECIMALS) for label, share in zip(labels, shares, strict=True)},
        instruction=scene.reasoner.instruction,
    )

"""What a transparent reasoner's citations and answers are expected to be, exactly: sums over a finite space.

Who leads, what modalities tell and what a donor brings have stated chances, and everything else follows; the clustering
of speakers (`icc`) moves no mean. A donor drawn at random, by a permutation of all, or within the speaker tells what
anybody would; one within the true label shares the label, and nothing else. Rates are of rows as a table shows them,
slips of noise included:

| quantity | by evidence alone | with noise n, over K labels |
|---|---|---|
| accuracy | a | (1 - n) a + n / K |
| another answer under another condition | q | (1 - n)^2 q + (2 n - n^2) (1 - 1 / K) |
| another answer in a repeat, evidence alike | 0 | (2 n - n^2) (1 - 1 / K) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from affidavit.conditions import MODALITIES, Condition
from reasoners.transparent.citing import KINDS, cite, decorative_law
from reasoners.transparent.decisions import Decisions, decide
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import FloatArray, IntArray, donor_law, exchanged, pattern_rates
from reasoners.transparent.projection import under
from reasoners.transparent.showing import BY_LABEL, Showing
from reasoners.transparent.truths import impossible, showing_of

Groups = Mapping[str, str]
Removal = Literal["absent", "resampled", "permuted", "permuted-within-label", "permuted-within-speaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citing:
    """Joint chances of a modality being cited and of its removal changing the answer; undefined rates are None."""

    joint: FloatArray
    """[2, 2], sum one: not cited and cited, by unchanged and changed."""

    @property
    def citation_rate(self) -> float:
        """P(cited)."""
        return float(self.joint[1].sum())

    @property
    def effect_rate(self) -> float:
        """P(changed)."""
        return float(self.joint[:, 1].sum())

    @property
    def over_claim(self) -> float | None:
        """P(cited, given that nothing changed)."""
        return _ratio(self.joint[1, 0], self.joint[:, 0].sum())

    @property
    def omission(self) -> float | None:
        """P(not cited, given that the answer changed)."""
        return _ratio(self.joint[0, 1], self.joint[:, 1].sum())

    @property
    def phi(self) -> float | None:
        """The correlation of being cited and of mattering, -1 to 1."""
        cites, changes = self.citation_rate, self.effect_rate
        spread = cites * (1 - cites) * changes * (1 - changes)
        return float(self.joint[1, 1] - cites * changes) / sqrt(spread) if spread > _ROUNDING else None


_ROUNDING = 1e-12
"""A share this near to 0 or 1 is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coherence:
    """Shares of all rows; a rationale that names no emotion agrees with nothing."""

    epc: float
    """The emotion named is the one answered."""
    eea: float
    """The emotion named is the true one."""
    fcr: float
    """The emotion named is the one answered and the true one."""
    unnamed: float
    """No emotion is named."""


def removals(*, operator: Removal = "absent", condition: str = "TAV") -> dict[str, str]:
    """Return for each modality that a condition shows the condition without it (its trained null, or another's).

    >>> removals(operator="resampled", condition="TA")
    {'text': 'TA/resampled=T', 'audio': 'TA/resampled=A'}

    Raises:
        PlanError: nothing would be left.
    """
    shown = Condition.parse(condition).modalities
    if operator == "absent" and len(shown) < 2:
        raise impossible("removal", f"{condition!r} without its only modality", "conditions of two modalities or three")
    after = {}
    for letter in (letter for letter in MODALITIES if letter in shown):
        without = str(Condition(modalities=shown - {letter}))
        whole = Condition(modalities=shown, operator=operator, level=letter)
        after[MODALITIES[letter]] = without if operator == "absent" else str(whole)
    return after


def expected_citing(options: TransparentOptions, *, before: str, after: Mapping[str, str], groups: Groups) -> Citing:
    """Return the joint chances of (cited under `before`, answered otherwise), of all pairs (utterance, modality).

    `after` is modality to the condition that removes it (see `removals`), and each modality counts as much as another;
    `groups` is feature to level, two of them an intersection, none everybody.

    Raises:
        PlanError: there is no such condition, modality or group.
    """
    decisions = decide(options)
    weight = _weights(options, groups)
    joint = np.zeros((2, 2))
    for modality, condition in after.items():
        if modality not in MODALITIES.values():
            raise impossible("modality", repr(modality), ", ".join(MODALITIES.values()))
        pair = showing_of(options, before), showing_of(options, condition)
        by_kind = _citing_by_kind(options, decisions, pair, list(MODALITIES.values()).index(modality))
        joint += np.einsum("slk,slkcd->cd", weight, by_kind) / len(after)
    joint = np.clip(joint, 0.0, None)  # what rounding left below zero
    return Citing(joint=joint / joint.sum())


def expected_change_rate(options: TransparentOptions, *, before: str, after: str, groups: Groups) -> float:
    """Return the chance that two judgings, one under each condition, answer differently.

    Raises:
        PlanError: there is no such condition or group.
    """
    space = _Space.of(options, decide(options), (showing_of(options, before), showing_of(options, after)))
    weight = _weights(options, groups).sum(axis=2)
    rates = [
        [_with_slips(options, float((space.chances * space.changed(s, w)).sum())) for w in range(3)] for s in range(2)
    ]
    return float((weight * np.array(rates)).sum())


def expected_repeat_change_rate(options: TransparentOptions) -> float:
    """Return the chance that two judgings of the same evidence answer differently: the floor under every effect."""
    return _with_slips(options, 0.0)


def expected_accuracy(options: TransparentOptions, condition: str, groups: Groups) -> float:
    """Return the chance that an utterance of a group is judged right.

    Raises:
        PlanError: there is no such condition or group.
    """
    showing, decisions = showing_of(options, condition), decide(options)
    prior = np.array(list(options.label_distribution.values()))
    answers = under(options, decisions, showing).answer
    donors, law = donor_law(options, showing.resampled, same_label=showing.exchange == BY_LABEL)
    weight = _weights(options, groups).sum(axis=2)
    rates = prior[:, None] * pattern_rates(options)
    own = np.arange(rates.shape[1])
    right = 0.0
    for donor, chance in zip(donors, law.T, strict=True):
        told = exchanged(own, np.full_like(own, donor), showing.resampled, len(prior))
        for s, leading in np.ndindex(2, 3):
            answer = answers[_shifted(options, showing, s), leading, showing.mask, told]
            right += weight[s, leading] * float((rates[answer, own] * chance[answer]).sum())
    return (1 - options.noise) * right + options.noise / len(prior)


def expected_coherence(options: TransparentOptions, condition: str, groups: Groups) -> Coherence:
    """Return how often rationales name the emotion answered and the true one: accuracy a, over K labels.

    EPC = own, EEA = own a + other (1 - a) / (K - 1), FCR = own a.

    Raises:
        PlanError: there is no such condition or group.
    """
    own, other, unnamed = options.concludes.shares
    right = expected_accuracy(options, condition, groups)
    true_by_chance = other * (1 - right) / (len(options.labels) - 1)
    return Coherence(epc=own, eea=own * right + true_by_chance, fcr=own * right, unnamed=unnamed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Space:
    """Everything that can be shown under two conditions, [P, D]: what an utterance tells by what its donor brings."""

    options: TransparentOptions
    decisions: Decisions
    pair: tuple[Showing, Showing]
    chances: FloatArray
    told: tuple[IntArray, IntArray]
    """Pattern codes under each condition."""
    answers: tuple[IntArray, IntArray]
    """As in `Decisions`, under each condition."""

    @classmethod
    def of(cls, options: TransparentOptions, decisions: Decisions, pair: tuple[Showing, Showing]) -> _Space:
        text, audio, video = (a or b for a, b in zip(pair[0].resampled, pair[1].resampled, strict=True))
        donors, law = donor_law(options, (text, audio, video), same_label=_exchange(pair) == BY_LABEL)
        own_law = np.array(list(options.label_distribution.values()))[:, None] * pattern_rates(options)
        own, donor = np.meshgrid(np.arange(own_law.shape[1]), donors, indexing="ij")
        before, after = (exchanged(own, donor, showing.resampled, len(options.labels)) for showing in pair)
        return cls(
            options=options,
            decisions=decisions,
            pair=pair,
            chances=own_law.T @ law,
            told=(before, after),
            answers=(under(options, decisions, pair[0]).answer, under(options, decisions, pair[1]).answer),
        )

    def changed(self, s: int, leading: int) -> FloatArray:
        """Return where the answers differ, [P, D], for speakers whom identity shifts (1) or does not (0)."""
        first, second = (
            answers[_shifted(self.options, showing, s), leading, showing.mask, told]
            for showing, told, answers in zip(self.pair, self.told, self.answers, strict=True)
        )
        differs: FloatArray = (first != second).astype(np.float64)
        return differs


def _exchange(pair: tuple[Showing, Showing]) -> str | None:
    """Return how the donor of two conditions is drawn; both have the same one, or only one has any."""
    ways = dict.fromkeys(showing.exchange for showing in pair if showing.exchange is not None)
    if len(ways) > 1:
        allowed = "two conditions whose donors are drawn alike, or one without donors"
        raise impossible("pair of conditions", " and ".join(showing.condition for showing in pair), allowed)
    return next(iter(ways), None)


def _citing_by_kind(
    options: TransparentOptions, decisions: Decisions, pair: tuple[Showing, Showing], modality: int
) -> FloatArray:
    """Return the joint chances of cited and changed, [2, 3, kinds, 2, 2], by shifted, leading and kind."""
    space, before = _Space.of(options, decisions, pair), pair[0]
    citations = cite(options, decisions)
    anyway = float(decorative_law(options, citations, before)[np.arange(8) >> modality & 1 == 1].sum())
    joint = np.zeros((2, 3, len(KINDS), 2, 2))
    for s, leading in np.ndindex(2, 3):
        changed = space.chances * space.changed(s, leading)
        place = _shifted(options, before, s), leading, before.mask, space.told[0]
        cites = {
            "faithful": citations.faithful[place] >> modality & 1,
            "decorative": np.full(changed.shape, anyway),
            "template": np.ones(changed.shape),
            "inverted": citations.inverted[place] >> modality & 1,
        }
        for k, kind in enumerate(KINDS):
            both, cited = float((changed * cites[kind]).sum()), float((space.chances * cites[kind]).sum())
            joint[s, leading, k] = _joint(options, both=both, cited=cited, changed=float(changed.sum()))
    return joint


def _joint(options: TransparentOptions, *, both: float, cited: float, changed: float) -> FloatArray:
    """Return [2, 2] from chances by evidence alone; slips change answers whatever is cited."""
    clean = np.array([[1 - cited - changed + both, changed - both], [cited - both, both]])
    of_cited = clean.sum(axis=1, keepdims=True)
    flips = (1 - options.noise) ** 2 * clean[:, 1:] + expected_repeat_change_rate(options) * of_cited
    return np.concatenate([of_cited - flips, flips], axis=1)


def _with_slips(options: TransparentOptions, changed: float) -> float:
    n = options.noise
    return (1 - n) ** 2 * changed + (2 * n - n**2) * (1 - 1 / len(options.labels))


def _shifted(options: TransparentOptions, showing: Showing, own: int) -> int:
    """Return whether identity shifts a judgement: the speaker's own level, or the one that is rendered."""
    told = options.identity
    if told is None or options.rule != "identity" or showing.rendered is None or showing.rendered[0] != told.feature:
        return own
    return int(showing.rendered[1] == told.level)


def _weights(options: TransparentOptions, groups: Groups) -> FloatArray:
    """Return the shares of a group by shifted, leading and kind of rationale, [2, 3, kinds], sum one."""
    _require(options, groups)
    weight = np.zeros((2, 3, len(KINDS)))
    for cell, share in options.cells():
        if all(cell[feature] == level for feature, level in groups.items()):
            outer = np.outer(options.leading_in(cell), options.honesty_in(cell))
            weight[int(options.is_shifted(cell))] += share * outer
    total: FloatArray = weight / weight.sum()
    return total


def _require(options: TransparentOptions, groups: Groups) -> None:
    for feature, level in groups.items():
        if feature not in options.levels:
            raise impossible("feature", repr(feature), ", ".join(options.levels))
        if level not in options.levels[feature]:
            raise impossible(f"level of {feature}", repr(level), ", ".join(options.levels[feature]))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > _ROUNDING else None

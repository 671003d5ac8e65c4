"""How citing goes with mattering, as functions of sums over judgements.

For each judgement under all modalities and each modality m of it: c = 1 if the rationale cites m, d = 1 if the answer
is another one without m. Sums are [..., M (4 K + 2) + 2]: for each of M modalities and each of K labels that was
answered, the judgements N, the citations C, the effects D, and both together A; then the sums of e, and of c e, where e
is the total variation distance between the probabilities with and without m (0 where the table has none). Last come
the judgements that were repeated, and those whose repetition gave another answer: the model's own noise.

| number | formula | what a rationale that cites everything gets |
|---|---|---|
| phi | (N A - C D) / sqrt(C (N - C) D (N - D)) | undefined: it does not vary |
| over-claim | P(c = 1 given d = 0) | 1, the worst |
| omission | P(c = 0 given d = 1) | 0, the best: read it beside the over-claim |
| informedness | P(c = 1 given d = 1) - P(c = 1 given d = 0) | 0 |
| contrast of effects | mean e where c = 1, less mean e where c = 0 | undefined |

Averages over modalities are plain means over those where the number is defined in the reference: pooled over them, phi
would be earned by citing the words always and the face never, if words always matter and faces never do.

Shuffled: what the same citations would give, dealt anew among judgements with the same answer. Given the counts, the
expectation of A is then the sum over labels of C_k D_k / N_k, so that the control is a function of the same sums.

Source: phi: Yule 1912; informedness: Powers 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic

SOURCE: Final = "modality-citation faithfulness: phi: Yule 1912"
SHUFFLED_SOURCE: Final = "the same citations dealt anew among judgements with the same answer, in expectation"
Formula = Callable[["Counts"], FloatArray]
Parts = tuple[int, int, int, int]
"""How often N, C, D and A count."""
JUDGED: Final[Parts] = (1, 0, 0, 0)
CITED: Final[Parts] = (0, 1, 0, 0)
MATTERED: Final[Parts] = (0, 0, 1, 0)
DID_NOT_MATTER: Final[Parts] = (1, 0, -1, 0)
CITED_FOR_NOTHING: Final[Parts] = (0, 1, 0, -1)
NOT_CITED_THOUGH_IT_MATTERED: Final[Parts] = (0, 0, 1, -1)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts [..., M] of judgements, citations, effects and both, summed over labels; and sums of distances."""

    n: FloatArray
    cited: FloatArray
    mattered: FloatArray
    both: FloatArray
    shuffled: FloatArray
    """What `both` would be in expectation, were citations dealt anew among judgements with the same answer."""
    distance: FloatArray
    cited_distance: FloatArray
    repeated: FloatArray
    """[..., 1] judgements that were repeated."""
    changed: FloatArray
    """[..., 1] of them, those whose repetition gave another answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the sums of M modalities and K labels lie."""

    n_modalities: int
    n_labels: int

    @property
    def width(self) -> int:
        """Sums of one modality."""
        return 4 * self.n_labels + 2

    def counts(self, sums: FloatArray) -> Counts:
        """Read sums [..., M (4 K + 2) + 2]."""
        blocks = sums[..., :-2].reshape(*sums.shape[:-1], self.n_modalities, self.width)
        by_label = blocks[..., : 4 * self.n_labels].reshape(*blocks.shape[:-1], 4, self.n_labels)
        n, cited, mattered, both = (by_label[..., i, :] for i in range(4))
        expected = np.where(n > 0, cited * mattered / np.where(n > 0, n, 1.0), 0.0)
        return Counts(
            n=n.sum(-1),
            cited=cited.sum(-1),
            mattered=mattered.sum(-1),
            both=both.sum(-1),
            shuffled=expected.sum(-1),
            distance=blocks[..., -2],
            cited_distance=blocks[..., -1],
            repeated=sums[..., -2:-1],
            changed=sums[..., -1:],
        )

    def template(self, sums: FloatArray) -> FloatArray:
        """Return the sums that rationales would have which cite every modality always."""
        blocks = sums[..., :-2].reshape(*sums.shape[:-1], self.n_modalities, self.width)
        k = self.n_labels
        n, mattered, distance = blocks[..., :k], blocks[..., 2 * k : 3 * k], blocks[..., -2:-1]
        everything = np.concatenate([n, n, mattered, mattered, distance, distance], axis=-1)
        return np.concatenate([everything.reshape(*sums.shape[:-1], -1), sums[..., -2:]], axis=-1)

    def one(self, name: str, formula: Formula, modality: int, *, low: float, better: bool | None) -> Statistic:
        """Return the statistic of one modality."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return np.asarray(formula(self.counts(sums))[..., modality])

        return Statistic(name=name, value=value, low=low, high=1.0, higher_is_better=better, source=SOURCE)

    def rate(self, name: str, part: Parts, whole: Parts, modality: int, *, better: bool | None) -> Statistic:
        """Return a rate of one modality as the ratio of sums that it is: intervals near 0 and 1 are better for it."""
        return ratio_statistic(
            name, self._weights(part, modality), self._weights(whole, modality), source=SOURCE, higher_is_better=better
        )

    def _weights(self, parts: Parts, modality: int) -> FloatArray:
        """Return weights over sums: of N, C, D and A of one modality, over all labels."""
        blocks = np.zeros((self.n_modalities, self.width))
        blocks[modality, : 4 * self.n_labels] = np.repeat(parts, self.n_labels)
        return np.concatenate([blocks.ravel(), np.zeros(2)])

    def mean(self, name: str, formula: Formula, *, low: float, better: bool | None) -> Statistic:
        """Return the mean over the modalities for which the reference defines the number."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            found = formula(self.counts(sums))
            taking_part = np.broadcast_to(~np.isnan(formula(self.counts(reference))), found.shape)
            return divide(np.where(taking_part, found, 0.0).sum(-1), taking_part.sum(-1).astype(np.float64))

        def common(totals: FloatArray) -> FloatArray:
            shared = ~np.isnan(formula(self.counts(totals))).any(axis=0)
            kept = np.concatenate([np.repeat(shared, self.width), [True, True]])
            return np.where(kept, totals, 0.0)

        return Statistic(
            name=name, value=value, low=low, high=1.0, higher_is_better=better, common=common, source=SOURCE
        )


def phi(counts: Counts) -> FloatArray:
    """Return the correlation of citing and mattering, [-1, 1]; NaN where either does not vary."""
    return _phi(counts, counts.both)


def shuffled_phi(counts: Counts) -> FloatArray:
    """Return phi of citations dealt anew among judgements with the same answer, in expectation."""
    return _phi(counts, counts.shuffled)


def phi_beyond_shuffled(counts: Counts) -> FloatArray:
    """Return what phi has beyond its shuffled control."""
    return phi(counts) - shuffled_phi(counts)


def over_claim(counts: Counts) -> FloatArray:
    """Return P(cited given that it did not matter), [0, 1]."""
    return divide(counts.cited - counts.both, counts.n - counts.mattered)


def omission(counts: Counts) -> FloatArray:
    """Return P(not cited given that it mattered), [0, 1]."""
    return divide(counts.mattered - counts.both, counts.mattered)


def informedness(counts: Counts) -> FloatArray:
    """Return P(cited given that it mattered) - P(cited given that it did not), [-1, 1]."""
    return 1.0 - omission(counts) - over_claim(counts)


def citation_rate(counts: Counts) -> FloatArray:
    """Return P(cited), [0, 1]."""
    return divide(counts.cited, counts.n)


def effect_rate(counts: Counts) -> FloatArray:
    """Return P(mattered), [0, 1]."""
    return divide(counts.mattered, counts.n)


def repeat_flip_rate(counts: Counts) -> FloatArray:
    """Return P(another answer when the same judgement is repeated), [..., 1] in [0, 1]."""
    return divide(counts.changed, counts.repeated)


def effect_beyond_noise(counts: Counts) -> FloatArray:
    """Return P(mattered) less P(another answer on mere repetition), [-1, 1]."""
    return effect_rate(counts) - repeat_flip_rate(counts)


def contrast_of_effects(counts: Counts) -> FloatArray:
    """Return the mean total variation where cited, less that where not, [-1, 1]."""
    uncited = divide(counts.distance - counts.cited_distance, counts.n - counts.cited)
    return divide(counts.cited_distance, counts.cited) - uncited


def _phi(counts: Counts, both: FloatArray) -> FloatArray:
    spread = counts.cited * (counts.n - counts.cited) * counts.mattered * (counts.n - counts.mattered)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(np.maximum(spread, 0.0))
    # Weighted sums leave rounding where a count is nothing; what does not vary is undefined and not nearly so.
    constant = root <= 1e-9 * np.maximum(counts.n, 1.0) ** 2
    return np.where(
        constant, np.nan, (counts.n * both - counts.cited * counts.mattered) / np.where(constant, 1.0, root)
    )

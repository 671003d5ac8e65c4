"""The live verifier: probabilities of 28 emotions for each sentence, and with which label a rationale concludes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.digests import digest_of
from reasoners.verifier.emotions import targets_of
from reasoners.verifier.fitting import probabilities
from reasoners.verifier.network import VerifierNetwork
from reasoners.verifier.reading import spoken
from reasoners.verifier.sentences import sentences


@dataclass(slots=True, kw_only=True, eq=False)
class Verifier:
    """A fitted verifier with its card; a `reading.Reader`, and `affidavit.protocols.ReadsRationales`."""

    network: VerifierNetwork
    card: Mapping[str, Any]
    known: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    """Of sentences that were read before; in training the same ones come again and again."""

    @property
    def digest(self) -> str:
        """Names the verifier by its weights, whatever its folder is called."""
        return digest_of(self.card["files"])

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"verifier {self.digest.removeprefix('sha256:')[:12]}"

    def probabilities(self, sentences: Sequence[str]) -> NDArray[np.float64]:
        """Return `[N, 28]`, each in 0 to 1."""
        new = [text for text in dict.fromkeys(sentences) if text not in self.known]
        self.known.update(zip(new, probabilities(self.network, new), strict=True))
        return np.array([self.known[text] for text in sentences]).reshape(len(sentences), -1)

    def concluded(self, rationales: Sequence[str | None], labels: Sequence[str]) -> list[str | None]:
        """Return with which label each rationale concludes: that of which most of its sentences speak.

        Of several the one that the last of these sentences speak of, and then the likeliest. None where no sentence
        speaks of a label, or there is no sentence.

        Raises:
            RowError: a label is not in the map.
        """
        targets = targets_of(labels, where="the labels of the run")
        return [None if text is None else self._concluded(text, targets) for text in rationales]

    def _concluded(self, rationale: str, targets: Mapping[str, int]) -> str | None:
        told = sentences(rationale)
        if not told:
            return None
        read = self.probabilities(told)
        counts: Counter[str] = Counter()
        last: dict[str, tuple[int, float]] = {}
        for place, row in enumerate(read):
            for label in (label for label, index in targets.items() if index in spoken(row)):
                counts[label] += 1
                last[label] = (place, float(row[targets[label]]))
        return max(counts, key=lambda label: (counts[label], last[label]), default=None)

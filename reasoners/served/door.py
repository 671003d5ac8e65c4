"""What stands behind the door `reasoners: served`: judges a corpus by whatever an endpoint serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, Reasoner
from reasoners.instructed.shards import Shards
from reasoners.requirements import corpus_to_judge
from reasoners.served.journal import Journal
from reasoners.served.judging import judge_corpus
from reasoners.served.options import MANNER, ServedOptions

_COSTS: Final = frozenset({"price_in", "price_out", "currency", "weights", "licence", "unanswered"})
"""Options that change what is said of answers, and not what is asked."""


class ServedReasoner:
    """A model behind an endpoint."""

    name = "served"
    options = ServedOptions
    cache_version = 1

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Judge a corpus under every condition asked for; answers are kept as they come, and a killed run goes on.

        Raises:
            PlanError: there is no corpus, the options are at fault, or nothing could be judged.
            AffidavitError: the endpoint cannot be used, or left questions without an answer.
            MissingPartError: the extra `served` is not installed.
        """
        chosen = _options(options)
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        shards = Shards.of(
            {
                "version": self.cache_version,
                "options": chosen.model_dump(mode="json", exclude={*MANNER, *_COSTS}),
                "corpus": corpus_key(corpus),
                "run": [self.name, reading.run, str(reading.folder.resolve()), str(rng.bit_generator.state)],
            }
        )
        journal = Journal.opened(shards.folder)
        seed = int(rng.integers(2**31))
        predictions = judge_corpus(corpus, chosen, journal, reading=reading, seed=seed, progress=progress)
        shards.discard()
        return predictions

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: not where the endpoint is, nor how it is asked."""
        return _options(options).model_dump(mode="json", exclude=set(MANNER))


def _options(options: Mapping[str, Any]) -> ServedOptions:
    chosen = read_options(ServedOptions, options, of="reasoner served")
    chosen.require_address()
    return chosen


REASONER: Final[Reasoner] = ServedReasoner()

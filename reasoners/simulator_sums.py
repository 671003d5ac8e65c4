"""The judgement simulator without its table: the very same draws, counted per speaker, for simulations by the thousand.

What `affidavit.tally.tally` counts in the table that `simulate` draws from the same seed, without identifiers, columns
or validation.
"""

from __future__ import annotations

import numpy as np

from affidavit.schema import UNKNOWN
from affidavit.tally import Tally
from reasoners.simulator_draws import Speakers, draw
from reasoners.simulator_options import FEATURES, SimulatorOptions


def simulate_sums(options: SimulatorOptions, rng: np.random.Generator) -> dict[str, Tally]:
    """Return by condition the confusion matrix of every speaker, flattened to [S, K * K], with the speaker's levels.

    The features are accent, age and sex, levels in the order of the options, `unknown` last where some are missing.
    `options.seed` overrides `rng`.
    """
    rng = rng if options.seed is None else np.random.default_rng(options.seed)
    speakers, utterances, judged = draw(options, rng.spawn(8)[:3])
    n_speakers, n_conditions, n_labels = options.n_speakers, len(options.conditions), len(options.labels)
    width = n_labels**2
    who = np.repeat(utterances.speaker, n_conditions) * n_conditions + np.tile(
        np.arange(n_conditions), len(utterances.speaker)
    )
    code = who * width + judged.truth * n_labels + judged.answer
    counted = np.bincount(code, minlength=n_speakers * n_conditions * width)
    matrices = counted.reshape(n_speakers, n_conditions, width).astype(np.float64)
    rows = np.bincount(utterances.speaker, minlength=n_speakers).astype(np.int64)
    levels = tuple(_level_names(options, feature) for feature in FEATURES)
    return {
        condition: Tally(
            condition=condition,
            features=FEATURES,
            levels=levels,
            sums=matrices[:, i],
            n_rows=rows,
            unit=np.arange(n_speakers),
            cell=_known_levels(options, speakers),
            n_units=n_speakers,
        )
        for i, condition in enumerate(options.conditions)
    }


def _level_names(options: SimulatorOptions, feature: str) -> tuple[str, ...]:
    unknown = (UNKNOWN,) if options.missing.get(feature) else ()
    return (*options.levels[feature], *unknown)


def _known_levels(options: SimulatorOptions, speakers: Speakers) -> np.typing.NDArray[np.int64]:
    """Return [S, F] codes of what is known of each speaker."""
    known = [
        np.where(speakers.hidden[feature], len(options.levels[feature]), speakers.level[feature])
        for feature in FEATURES
    ]
    return np.stack(known, axis=1)

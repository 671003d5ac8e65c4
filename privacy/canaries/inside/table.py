"""Canary gradients that somebody else observed: a table of canary, included and score, in place of the model.

Its columns are those of `privacy.canaries.reading`. A row is a canary of one whole training (its score summed over the
steps that somebody saw), or one canary in one step of its own; which, the plan says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from privacy.canaries.audited import audited
from privacy.canaries.gradient import CanaryTrials, NoiseAudit, noise_audit
from privacy.canaries.guessing import Game, game_of
from privacy.canaries.inside.checks import N_TESTS, RunCheck
from privacy.canaries.inside.measures import NAME
from privacy.canaries.inside.models import DELTA
from privacy.canaries.inside.options import GradientOptions
from privacy.canaries.measures import ATTESTED
from privacy.canaries.reading import read_canaries
from privacy.canaries.study import spoilt

LEAST: Final = 20
"""Rows under which nothing is told of steps."""
OBSERVED: Final = (
    "observed by whoever handed over the table: no step was taken here, and noise, draws and reach were not looked at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a table shows: of one training, or of single steps."""

    run: RunCheck | None
    single: NoiseAudit | None
    confidence: float
    caveats: tuple[str, ...] = (OBSERVED, ATTESTED)

    def refutes(self, p_value: float | None) -> bool:
        """Say whether a p-value refutes what it was held against, corrected as where a model is asked."""
        return p_value is not None and N_TESTS * p_value <= 1 - self.confidence


def refuses_table(case: Case, run: str, table: str, options: GradientOptions) -> Refusal | None:
    """Refuse a table from which nothing can be told.

    Raises:
        TableError, ColumnError, RowError: it does not read.
    """
    game = game_of(read_canaries(case.folder / table))
    if options.each == "training":
        return spoilt(game, examination=NAME) or _too_few(game, options)
    scored = ~np.isnan(game.score)
    n_in, n_out = int((game.planted & scored).sum()), int((~game.planted & scored).sum())
    if game.guessed or game.paired:
        because = "a row that is a step needs a score, and stands for itself: the table has guesses, or pairs"
    elif not np.isfinite(game.score[scored]).all():
        because = "a score is infinite, and no sum of gradients is"
    elif min(n_in, n_out) < LEAST // 2:
        because = f"there are {n_in:,} scores of steps with the canary and {n_out:,} without"
    else:
        return None
    remedy = f"score at least {LEAST} steps, the canary in each by a fair coin: <direction, released sum> over the clip"
    return Refusal(examination=NAME, run=run, because=because, remedy=f"{remedy} norm")


def seen(case: Case, run: str, table: str, options: GradientOptions) -> Seen:
    """Return what a table shows that is not refused."""
    game = game_of(read_canaries(case.folder / table))
    delta = _delta(options)
    if options.each == "training" or options.noise_multiplier is None:
        found = audited(game, None, delta=delta, confidence=options.confidence)
        check = RunCheck(found=found, confidence=options.confidence, promise=options.promised)
        return Seen(run=check, single=None, confidence=options.confidence)
    scored = ~np.isnan(game.score)
    audit = noise_audit(
        CanaryTrials(scores=game.score[scored], included=game.planted[scored]),
        noise_multiplier=options.noise_multiplier,
        delta=delta,
        confidence=options.confidence,
        rng=np.random.default_rng(seed_of(case.book.seed, NAME, run, "threshold")),
    )
    return Seen(run=None, single=audit, confidence=options.confidence)


def _too_few(game: Game, options: GradientOptions) -> Refusal | None:
    found = audited(game, None, delta=_delta(options), confidence=options.confidence)
    if found.bound(options.confidence).ceiling > 0:
        return None
    return Refusal(
        examination=NAME,
        because=f"perfect guesses of {game.n:,} canaries would show nothing",
        remedy="observe more canaries: hundreds, each a direction of its own",
    )


def _delta(options: GradientOptions) -> float:
    if options.delta is not None:
        return options.delta
    return options.promised.delta if options.promised is not None and options.promised.delta else DELTA

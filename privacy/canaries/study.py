"""One run's canaries on trial: its table, its coins, the promise, and what is to be said of all its numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.records import Refusal
from privacy.canaries.audited import Audited, audited
from privacy.canaries.guessing import Game, Rule, game_of
from privacy.canaries.measures import ATTESTED, MODEL_ONLY, NAME, NO_PROOF
from privacy.canaries.options import OneRunOptions, Promise
from privacy.canaries.promises import promise_of_ledger
from privacy.canaries.reading import read_canaries

FloatArray = NDArray[np.float64]
UNFAIR: Final = 1e-6
"""Below which probability of the number that were planted the coins are refused; shared by everybody and groups."""
TELLING: Final = 21
"""Canaries of a group, under which even coins that all fall alike are likelier than that."""
NAMED: Final = 6
"""Groups that a caveat names before it counts."""
SHOWN: Final = 40
"""Characters of a group's name that a caveat repeats."""
NOT_WELL_BELOW: Final = 0.1
"""Delta times canaries, from which on the bound says that delta weakens it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """What is asked of one run."""

    case: Case
    run: str
    options: OneRunOptions
    promise: Promise | None
    game: Game
    everybody: Audited
    said: str = ""
    """Of the ledger that the promise is from; empty where there is none."""

    @property
    def condition(self) -> str:
        """The fullest condition of the run: the model is audited, and policies bind there."""
        return self.case.runs[self.run].conditions[0]

    @property
    def coins(self) -> str:
        """What a coin decided."""
        return "pairs" if self.game.paired else "canaries"

    def of_group(self, feature: str, level: str) -> Audited:
        """Return what the canaries of one group show, under as large a share of guesses.

        Of guesses that were given nobody fixed how many fall to a group, so every number is corrected for.
        """
        game = self.game.of_group(feature, level)
        rule = None if game.guessed else self.options.rule
        return audited(
            game,
            None if rule is None else rule.scaled(game.n, self.game.n),
            delta=self.options.delta_of_bound,
            confidence=self.options.confidence,
        )

    def right_of_group(self, feature: str, level: str) -> FloatArray:
        """Return which of everybody's guesses of one group were right: one threshold for all."""
        own = np.array([of == level for of in self.game.groups[feature]], dtype=bool)
        return np.asarray(self.everybody.right[own])

    def caveats(self) -> tuple[str, ...]:
        """Return under which reserves the bound of everybody stands."""
        return (
            f"{self.coins_said(self.everybody)}; {ATTESTED}",
            how_guessed(self.everybody),
            *([self.said] if self.said else []),
            *self.weakened(self.everybody),
            *self.abstained(self.game),
            *_exactly_half(self.game),
            NO_PROOF,
            MODEL_ONLY,
        )

    def coins_said(self, found: Audited) -> str:
        """Return how many coins a number rests on, and of what."""
        change = "replacing one by its twin" if self.game.paired else "adding or removing one"
        return f"{found.run.n_canaries:,} {self.coins}, for {change}"

    def weakened(self, found: Audited) -> tuple[str, ...]:
        """Say where delta takes much of the bound away."""
        m, delta = found.run.n_canaries, found.delta
        return (f"delta {delta:g} is not well below 1 / {m:,}, which weakens the bound",) if _large(delta, m) else ()

    def abstained(self, game: Game) -> tuple[str, ...]:
        """Say how many coins the attack says nothing of."""
        n = int(np.isnan(game.score).sum())
        return (f"{n:,} {self.coins} have no score or guess, and are not guessed",) if n else ()

    def unheard(self, feature: str) -> tuple[str, ...]:
        """Say which canaries are of groups that the run has none of, and so are in nobody's comparison."""
        levels = set(self.case.runs[self.run].levels[f"group_{feature}"])
        others = Counter(level for level in self.game.groups[feature] if level not in levels)
        if not others:
            return ()
        named = "; ".join(f"{level[:SHOWN]} ({n:,})" for level, n in others.most_common(NAMED))
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        return (f"{self.coins} of groups that the run does not know are in no group here: {named}{more}",)


def study_of(case: Case, run: str, options: OneRunOptions) -> Study | Refusal:
    """Read the canaries of a run; refuse coins that were not fair and canaries too few to show anything.

    Raises:
        TableError, ColumnError, RowError: the table does not read. PlanError: more guesses than were fixed.
    """
    table = options.table_of(run)
    if table is None:
        return _nothing_named(run, options)
    game = game_of(read_canaries(case.folder / table))
    _refuse_more_guesses(game, options.rule, table)
    everybody = audited(game, options.rule, delta=options.delta_of_bound, confidence=options.confidence)
    if refused := spoilt(game, examination=NAME):
        return refused
    if not everybody.bound(options.confidence).ceiling > 0:
        return Refusal(
            examination=NAME,
            because=f"perfect guesses of {game.n:,} {'pairs' if game.paired else 'canaries'} would show nothing",
            remedy="plant more canaries: hundreds, each a patient of its own, bound epsilon up to about 4",
        )
    return Study(case=case, run=run, options=options, promise=options.promised, game=game, everybody=everybody)


def spoilt(game: Game, *, examination: str) -> Refusal | None:
    """Refuse coins that were not fair, and scores that say nothing."""
    return _unfair(game, examination) or _silent(game, examination)


def _unfair(game: Game, examination: str) -> Refusal | None:
    """Refuse coins that fell as fair ones do not, of everybody or of a group; of pairs exactly one is planted."""
    if game.paired:
        return None
    tosses = [("", int(game.planted.sum()), game.n)]
    for feature, levels in game.groups.items():
        heads = Counter(level for level, planted in zip(levels, game.planted, strict=True) if planted)
        enough = ((level, n) for level, n in sorted(Counter(levels).items()) if n >= TELLING)
        tosses += [(f" of {feature} {level[:SHOWN]}", heads[level], n) for level, n in enough]
    for whose, planted, n in tosses:
        if binomtest(planted, n, 0.5).pvalue < UNFAIR / len(tosses):
            return Refusal(
                examination=examination,
                because=f"{planted:,} of {n:,} canaries{whose} were planted, which fair coins do not give",
                remedy="plant each canary with probability 1/2, independently of all that is known of it "
                "(privacy.canaries.inputs.coin_design), or plant one of each two that are alike and name them in a "
                "column pair",
            )
    return None


def _silent(game: Game, examination: str) -> Refusal | None:
    """Refuse scores that say nothing of anybody: a bound of 0 would read as if an attack had been tried."""
    said = game.score[~np.isnan(game.score)]
    if len(said) and (game.guessed or len(said) == 1 or len(np.unique(said)) > 1):
        return None
    what = "has the same score" if len(said) else "is without a score or guess"
    return Refusal(
        examination=examination,
        because=f"every one of the {game.n:,} {'pairs' if game.paired else 'canaries'} {what}: no attack was tried",
        remedy="score each canary by the trained model (less its loss), and write the score into the table",
    )


def held_against_ledger(study: Study) -> Study:
    """Return the study with what its ledger promises, where one is named.

    Raises:
        TableError, VerificationError: the ledger cannot be read, or its chain does not hold.
    """
    options = study.options
    if options.ledger is None:
        return study
    path = study.case.folder / options.ledger
    promised = promise_of_ledger(path, delta=options.delta_of_bound, paired=study.game.paired)
    return replace(study, promise=promised.promise, said=promised.said)


def _nothing_named(run: str, options: OneRunOptions) -> Refusal:
    return Refusal(
        examination=NAME,
        because="no table of canaries was named" + ("" if options.guesses is None else f" for the run {run}"),
        remedy="ask whoever trained the model to plant canaries, each by a fair coin of its own, and for a table with "
        "canary, included and score (less the loss of each, after training); name it in the option guesses, and fix "
        "k_plus and k_minus before looking",
    )


def _refuse_more_guesses(game: Game, rule: Rule | None, table: str) -> None:
    if rule is None:
        return
    n_in = int((game.score == 1).sum()) if game.guessed else rule.n_in
    n_out = int((game.score == 0).sum()) if game.guessed else rule.n_out
    if rule.n > game.n or n_in > rule.n_in or n_out > rule.n_out:
        raise PlanError(
            "the numbers of guesses and the table do not fit together",
            slug="plan-impossible",
            where=f"examination {NAME}, options k_plus and k_minus, {table}",
            found=f"{n_in} guesses in and {n_out} out of {game.n} {'pairs' if game.paired else 'canaries'}",
            allowed=f"at most k_plus {rule.n_in} in and k_minus {rule.n_out} out, both together no more than there are",
            remedy="name the numbers that were fixed before anybody looked, or neither, so that all are corrected for",
        )


def how_guessed(found: Audited) -> str:
    """Return how many guesses were right, of how many made and allowed, and whether that number was fixed."""
    n = f"{found.run.n_correct:,} of {found.n_made:,} guesses right"
    if found.n_made < found.run.n_guesses:
        n += f", {found.run.n_guesses:,} allowed (the bound counts those that were not made as wrong)"
    if found.fixed:
        return f"{n}; their numbers are said to have been fixed beforehand"
    return f"{n}; how many to guess was not fixed beforehand: corrected for {found.n_rules:,} numbers of guesses"


def _large(delta: float, n_canaries: int) -> bool:
    return delta * n_canaries > NOT_WELL_BELOW


def _exactly_half(game: Game) -> tuple[str, ...]:
    if game.paired or 2 * int(game.planted.sum()) != game.n:
        return ()
    return (
        "exactly half were planted: were that number fixed, and not the outcome of coins, the bound would not hold",
    )

"""One run's table of losses, attacked: scores of units, by every attack that the table allows, and the shift beside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from affidavit.case import Case
from affidavit.schema import UNKNOWN
from affidavit.seeds import seed_of
from affidavit.statistics.types import BoolArray, FloatArray, IntArray
from privacy.attacks.attack import (
    WORDS,
    AttackName,
    attack_scores,
    chosen_a,
    possible_attacks,
    tunable,
    unseen_confidence,
)
from privacy.attacks.intervals import auroc_interval
from privacy.attacks.lira import OWN_SPREAD
from privacy.attacks.measures import NAME, NO_EVIDENCE
from privacy.attacks.options import MembershipOptions
from privacy.attacks.reading import Losses
from privacy.attacks.roc import auroc
from privacy.attacks.shift import FOLDS, Shift, told_apart, unit_numbers
from privacy.attacks.units import Scored, coded_units, over_clips, unit_levels

SURE = 0.01
"""Error of each look for a shift: where one is found, no criterion may decide on the attack."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """What is known of one run before anything is told."""

    case: Case
    run: str
    options: MembershipOptions
    attack: AttackName
    scored: Mapping[AttackName, Scored]
    unseen: Scored | None
    """Units by the confidence of shadows that never saw them; None without any."""
    shift: Shift | None
    """None where nothing is known of units besides the model, or there are too few."""
    numbers: Scored
    """Units by the discriminant of `shift`; its scores are meaningless without it."""
    known: FloatArray
    """What no model made of units [U, F]"""
    caveats: tuple[str, ...]
    source: str
    """Which file it was, and the digest of its bytes."""

    @property
    def main(self) -> Scored:
        """Units as the attack that leads scores them."""
        return self.scored[self.attack]

    @property
    def features(self) -> tuple[str, ...]:
        """The features that both the plan and the table of losses have."""
        return tuple(name for name in self.case.by if name in self.main.groups)

    def levels(self, feature: str) -> tuple[str, ...]:
        """Return the levels of the run, then those that only the table of losses has."""
        of_run = tuple(self.case.runs[self.run].levels.get(f"group_{feature}", ()))
        found = sorted({level for level in self.main.groups[feature] if level is not None} - set(of_run))
        return (
            *of_run,
            *(level for level in found if level != UNKNOWN),
            *(level for level in found if level == UNKNOWN),
        )

    def seed(self, *parts: str) -> int:
        """Return the seed of something that is drawn."""
        return seed_of(self.case.book.seed, NAME, self.run, *parts)

    @cached_property
    def told_apart(self) -> str | None:
        """Why the attack may detect another distribution, in words; None where no sign of one was found."""
        if self.shift is not None and self.shift.p_value <= SURE and self.shift.auroc > 0.5:
            return _apart("by what no model made of them", self.shift.auroc)
        return None if self.unseen is None else _easier(self.unseen, SURE, "by models that were trained on neither")

    def apart_in(self, groups: Mapping[str, str]) -> str | None:
        """Why the attack on one group may detect another distribution: as everybody's, or by a look at the group alone.

        Each look has its share of `SURE`, by the number of groups that there are.
        """
        if self.told_apart is not None or not groups:
            return self.told_apart
        key = tuple(groups.items())
        if key not in self._looked:
            self._looked[key] = self._apart_within(groups)
        return self._looked[key]

    def _apart_within(self, groups: Mapping[str, str]) -> str | None:
        error, of = SURE / math.prod(len(self.levels(f)) for f in groups), f"among {', '.join(groups.values())} "
        own = self.numbers.lies_in(groups)
        rng = np.random.default_rng(self.seed("shift", *map(str, groups.items())))
        shift = _shift(self.known[own], self.numbers.member[own], self.options, rng)
        if shift is not None and shift.beyond_chance(error):
            return _apart(f"{of}by what no model made of them", shift.auroc)
        if self.unseen is None:
            return None
        return _easier(self.unseen.of(groups), error, f"{of}by models that were trained on neither")

    @cached_property
    def _looked(self) -> dict[tuple[tuple[str, str], ...], str | None]:
        """Groups that were looked at, and why their members may be drawn differently."""
        return {}


def _easier(unseen: Scored, error: float, how: str) -> str | None:
    """Say that members are easier, or harder, for models that saw none of them; None where no sign of it was found."""
    interval = auroc_interval(unseen.members, unseen.non_members, 1 - error)
    if isinstance(interval, str) or interval.low <= 0.5 <= interval.high:
        return None
    return _apart(how, auroc(unseen.members, unseen.non_members))


def _apart(how: str, area: float) -> str:
    return (
        f"members and non-members are told apart {how} (AUROC {area:.2f}): the attack may detect that they were drawn "
        "differently, and not that the model remembers"
    )


def study(case: Case, run: str, losses: Losses, options: MembershipOptions) -> Study:
    """Attack one run's table of losses."""
    losses = _in_order(losses)
    unit, names = coded_units(losses.unit)
    n_units = len(names)
    losses, n_kin = _without_kin(losses, unit, n_units)
    member = np.zeros(n_units, dtype=bool)
    member[unit] = losses.member
    groups = {name: unit_levels(levels, unit, n_units) for name, levels in losses.groups.items()}
    attacks = possible_attacks(losses)
    units = _Units(names=names, unit=unit, member=member, groups=groups, options=options)
    a = chosen_a(losses, unit=unit, gamma=options.gamma, a=options.a) if "rmia" in attacks else 0.0
    scored = {
        attack: units.scored(attack_scores(losses, attack, unit=unit, gamma=options.gamma, a=a)) for attack in attacks
    }
    lead = options.attack or attacks[0]
    unseen = units.scored(unseen_confidence(losses)) if losses.shadows.shape[1] else None
    n_clips = np.bincount(unit, minlength=n_units)
    numbers = unit_numbers(losses.features, groups, unit, n_clips, label=losses.label)
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, run, "shift"))
    shift = _shift(numbers, member, options, rng)
    blank = np.zeros(n_units) if shift is None else shift.score
    return Study(
        case=case,
        run=run,
        options=options,
        attack=lead,
        scored=scored,
        unseen=unseen if unseen is not None and min(len(unseen.members), len(unseen.non_members)) > 1 else None,
        shift=shift,
        source=losses.source,
        known=numbers,
        numbers=Scored(score=blank, member=member, n_rows=n_clips, groups=groups),
        caveats=(*_how(losses, options, lead, a), *_left_out(losses, n_units - len(scored[lead].score), n_kin)),
    )


def _in_order(losses: Losses) -> Losses:
    """Return the rows by unit and confidence, so that the order of the file shows nowhere."""
    order = np.lexsort((*losses.shadows.T[::-1], losses.confidence, np.array(losses.unit, dtype=object).astype(str)))
    places = order.tolist()
    return replace(
        losses,
        unit=tuple(losses.unit[i] for i in places),
        member=losses.member[order],
        confidence=losses.confidence[order],
        shadows=losses.shadows[order],
        trained_on=None if losses.trained_on is None else losses.trained_on[order],
        groups={name: tuple(levels[i] for i in places) for name, levels in losses.groups.items()},
        label=tuple(losses.label[i] for i in places) if losses.label else (),
        features={name: values[order] for name, values in losses.features.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Units:
    """Whose each clip is."""

    names: tuple[str, ...]
    unit: IntArray
    member: BoolArray
    groups: Mapping[str, tuple[str | None, ...]]
    options: MembershipOptions

    def scored(self, score: FloatArray) -> Scored:
        """Return the units that have a score, by it."""
        value, n = over_clips(score, self.unit, len(self.member), how=self.options.over_clips)
        every = Scored(score=value, member=self.member, n_rows=n, groups=self.groups, unit=self.names)
        return every.chosen(np.isfinite(value))


def _shift(
    numbers: FloatArray, member: BoolArray, options: MembershipOptions, rng: np.random.Generator
) -> Shift | None:
    if not numbers.shape[1] or min(int(member.sum()), int((~member).sum())) < 2 * FOLDS:
        return None
    return told_apart(numbers, member, n_permutations=options.permutations, rng=rng)


def _how(losses: Losses, options: MembershipOptions, attack: AttackName, a: float) -> list[str]:
    """Say how the attack was made."""
    n_shadows = losses.shadows.shape[1]
    said = [f"{WORDS[attack]}, {options.over_clips} over the clips of a unit", NO_EVIDENCE]
    if attack.startswith("lira"):
        shared = ", one variance for all examples" if n_shadows < OWN_SPREAD else ""
        said.append(f"{n_shadows} shadow models{shared}")
    if attack == "rmia":
        how = "given" if options.a is not None else "tuned on a reference" if tunable(losses) else "guessed"
        said.append(f"{n_shadows} reference models, gamma {options.gamma:g}, a = {a:g} ({how})")
    if attack == "loss":
        said.append("without shadow models an example that is easy for every model passes for a member")
    return said


def _without_kin(losses: Losses, unit: IntArray, n_units: int) -> tuple[Losses, int]:
    """Take out what a shadow makes of clips that it did not see of units that it did, and say of how many clips.

    Such a shadow knows the unit: as one without it, it would hide what the model remembers.
    """
    if losses.trained_on is None:
        return losses, 0
    saw = np.zeros((n_units, losses.trained_on.shape[1]), dtype=bool)
    np.logical_or.at(saw, unit, losses.trained_on)
    kin = saw[unit] & ~losses.trained_on & np.isfinite(losses.shadows)
    return replace(losses, shadows=np.where(kin, np.nan, losses.shadows)), int(kin.any(axis=1).sum())


def _left_out(losses: Losses, unscored: int, n_kin: int) -> list[str]:
    """Say what has no part in it."""
    counted = ", ".join(f"{n:,} {why}" for why, n in losses.left_out.items())
    said = [f"rows left out: {counted}"] if counted else []
    if n_kin:
        said.append(f"of {n_kin:,} clips, shadows that were trained on other clips of the same unit are left out")
    return [*said, *([f"{unscored:,} units without a score are left out: no shadow knows them"] if unscored else [])]

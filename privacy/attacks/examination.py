"""Can somebody who holds the model tell whose data it was trained on? From a table of losses, anybody's model.

The table names units, says which of them were trained on, and what the model made of them
(`privacy.attacks.reading`); the predictions table has no part in it but for its groups. One attack leads, fixed by what
the table holds; the others stand in an exhibit. Members are told by a threshold that non-members set: at 1 % and 0.1 %
false alarms, where there are non-members enough, since area and accuracy hide whom an attack is sure of.

By group there are two thresholds, everybody's (what is found of a group's members beside what is of its non-members)
and the group's own. Whether members and non-members are told apart without the model is looked at first
(`privacy.attacks.shift`); where they are, every finding says so, and no criterion may decide it.

Source: Carlini et al. 2022; Zarifzadeh, Liu, Shokri 2024; Yeom et al. 2018.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from privacy.attacks.attack import WORDS, possible_attacks
from privacy.attacks.exhibit import Row, attack_rows, curve_rows, exhibits
from privacy.attacks.groups import everybody, gap, groups_of, is_finding, of_group, refusals
from privacy.attacks.live import Asking, refuses_to_ask
from privacy.attacks.measures import LEAST_UNITS, METRICS, NAME, VERSION
from privacy.attacks.options import MembershipOptions
from privacy.attacks.reading import Losses, read_losses
from privacy.attacks.study import Study, study
from privacy.attacks.told import change, shift_claims, tested
from privacy.attacks.units import coded_units, on_both_sides
from privacy.canaries.instruments import instruments_exhibit


def refuses(case: Case) -> Refusal | None:
    """Refuse without a table of losses, and one from which nothing can be told."""
    options = _options(case)
    (run,) = case.runs
    table = options.table_of(run)
    if table is None and options.ask:
        return refuses_to_ask(case, run)
    if table is None:
        return Refusal(
            examination=NAME,
            because="nobody said what the model makes of those it was trained on",
            remedy="ask the supplier for a table with unit_id, member (1 trained on, 0 not) and loss, one row a clip, "
            "and name it: option losses of this examination; a model that the plan trained can be asked: option ask",
        )
    losses = _losses(case, table)
    return _mixed(losses) or _few(losses) or _impossible(losses, options)


def together(case: Case) -> Refusal | None:
    """Refuse one table for several runs, for it is of one model, and runs that are shadows all of them."""
    options = _options(case)
    if set(case.runs) <= set(options.shadows):
        return Refusal(
            examination=NAME,
            because="every run is named as a shadow, and none is left to be attacked",
            remedy="take the model to be attacked out of the option shadows, or see why its run is refused",
        )
    if len(case.runs) < 2 or not isinstance(options.losses, str):
        return None
    return Refusal(
        examination=NAME,
        because=f"one table of losses is named for {len(case.runs)} runs, and it is of one model",
        remedy="name the table of each run under losses, as in {first: a.parquet, second: b.parquet}",
    )


def _options(case: Case) -> MembershipOptions:
    return read_options(MembershipOptions, case.options, of=f"examination {NAME}")


def _losses(case: Case, table: str) -> Losses:
    path = case.folder / table
    if not path.is_file():
        return read_losses(path)
    state = path.stat()
    return _read(path, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=2)
def _read(path: Path, _state: tuple[int, int]) -> Losses:
    """Read once: an examination is asked whether it can answer before it does."""
    return read_losses(path)


def _mixed(losses: Losses) -> Refusal | None:
    unit, names = coded_units(losses.unit)
    both = on_both_sides(unit, losses.member)
    if not both:
        return None
    return Refusal(
        examination=NAME,
        because=f"{both:,} of {len(names):,} units are members and non-members at once: who is known by one clip is "
        "known by the others",
        remedy="split by unit, so that no patient has clips on both sides, and say of each unit whether any clip of it "
        "was trained on",
    )


def _few(losses: Losses) -> Refusal | None:
    unit, names = coded_units(losses.unit)
    n_members, n_units = len(set(unit[losses.member].tolist())), len(names)
    if min(n_members, n_units - n_members) >= LEAST_UNITS:
        return None
    return Refusal(
        examination=NAME,
        because=f"there are {n_members:,} members and {n_units - n_members:,} non-members",
        remedy=f"bring losses of at least {LEAST_UNITS} units of each kind; a false positive rate of 1 % takes 1,000 "
        "non-members, 0.1 % takes 10,000",
    )


def _impossible(losses: Losses, options: MembershipOptions) -> Refusal | None:
    possible = possible_attacks(losses)
    if options.attack is None or options.attack in possible:
        return None
    return Refusal(
        examination=NAME,
        because=f"the table of losses does not allow {WORDS[options.attack]}",
        remedy="add columns shadow_<k> of shadow models, and shadow_<k>_member for the online attack; possible as it "
        f"is: {', '.join(possible)}",
    )


def examine(case: Case) -> Testimony:
    """Attack every run."""
    options = _options(case)
    claims: list[Claim] = []
    by_group: list[Claim] = []
    attacks: list[Row] = []
    points: list[Row] = []
    refused: list[Refusal] = []
    studies: dict[str, Study] = {}
    asking = Asking(case, _shadows(case, options))
    attacked = [run for run in case.runs if run not in options.shadows]
    for done, run in enumerate(attacked, start=1):
        one = _studied(case, run, options, asking)
        if isinstance(one, Refusal):
            refused.append(one)
        else:
            studies[run] = one
        case.progress("attacking membership", done, len(attacked))
    before = None if options.baseline is None else studies.get(options.baseline)
    if options.baseline is not None and before is None:
        refused.append(_no_baseline(case, options.baseline))
    for run, one in studies.items():
        told, listed = _told(one)
        if before is not None and run != before.run:
            told.append(change(one, before).claim(one))
        claims += told
        by_group += listed
        attacks += attack_rows(one)
        points += curve_rows(one)
        refused += refusals(one)
    shown = (*exhibits(attacks, points, by_group), instruments_exhibit())
    return Testimony(claims=tuple(claims), exhibits=shown, refusals=tuple(refused))


def _shadows(case: Case, options: MembershipOptions) -> tuple[str, ...]:
    """Return the runs that are shadows.

    Raises:
        PlanError: there is no such run.
    """
    for name in options.shadows:
        if name not in case.book.runs:
            raise _no_such_run(case, name, "shadows")
    return options.shadows


def _studied(case: Case, run: str, options: MembershipOptions, asking: Asking) -> Study | Refusal:
    """Return the run's table of losses, attacked, or why there are too few units in it."""
    table = options.table_of(run)
    losses = asking.losses(run) if table is None else _losses(case, table)
    if isinstance(losses, Refusal):
        return losses
    if (few := _few(losses) or _impossible(losses, options)) is not None:
        return few.model_copy(update={"run": run})
    one = study(case, run, losses, options)
    return _unscored(one) or one


def _unscored(one: Study) -> Refusal | None:
    """Refuse a run most of whose units have no score."""
    m, n = len(one.main.members), len(one.main.non_members)
    if min(m, n) >= LEAST_UNITS:
        return None
    return Refusal(
        examination=NAME,
        run=one.run,
        because=f"{m:,} members and {n:,} non-members have a score"
        + ("" if one.attack == "loss" else ": the shadow models know no others"),
        remedy=f"bring losses of at least {LEAST_UNITS} units of each kind"
        + ("" if one.attack == "loss" else ", and fill in the columns shadow_<k> by shadows without them"),
    )


def _no_baseline(case: Case, baseline: str) -> Refusal:
    """Refuse the comparison with a run that could not be attacked.

    Raises:
        PlanError: there is no such run.
    """
    if baseline in case.book.runs:
        return Refusal(
            examination=NAME,
            because=f"nothing is compared with {baseline}: it could not be attacked itself",
            remedy=f"see the refusal of {baseline}, or name another run as baseline",
        )
    raise _no_such_run(case, baseline, "baseline")


def _no_such_run(case: Case, name: str, option: str) -> PlanError:
    return PlanError(
        f"{name!r} is no run of the plan",
        slug="plan-impossible",
        where=f"examination {NAME}, option {option}",
        allowed=", ".join(case.book.runs),
        remedy="correct the option",
    )


def _told(one: Study) -> tuple[list[Claim], list[Claim]]:
    """Return the findings, and everything that the exhibit lists."""
    first, *rest = [number.claim(one) for number in everybody(one)]
    claims = [tested(one, first), *rest, *shift_claims(one)]
    listed = list(claims)
    for family in one.case.families:
        if not family or not set(family) <= set(one.features):
            continue
        for groups, part in groups_of(one, family):
            for number in of_group(one, part, groups):
                claim = number.claim(one)
                listed.append(claim)
                if len(family) == 1 and is_finding(number):
                    claims.append(claim)
        if len(family) == 1:
            claims.append(gap(one, family[0]))
    return claims, listed


EXAMINATION: Final = FunctionExamination(
    name=NAME,
    title="Who was trained on",
    method_version=VERSION,
    access=("table",),
    metrics=METRICS,
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    together=together,
    on_request=True,
    asks=("callable",),
)

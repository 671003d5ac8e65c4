"""Can the turns be found in what a hospital sends? Gradient inversion of a live reasoner, with and without protection.

One turn of each of some units is a target. Of its update (of 1, 4 or 16 such turns) is read what can be read: labels
off the answers' bias, words off the rows of their embedding, and an input that a layer takes in as it is off that
layer's gradients: of one turn by division, of more by a search in the spans that layers leave. Where no layer takes the
input in, it is sought by matching gradients. `inversion_batch_<n>_match_rate` is the share of units whose other turns
are the nearest, of all units', to what was found; beside it stand starting points without an attack (chance) and
`inversion_input_match_rate`, the same of the true inputs (what a perfect attack would reach).
`inversion_batch_<n>_word_recall` is the share of a turn's words that were found, beside as many words that others say
most; `inversion_batch_1_label_recovery` the share of labels. `clipped_noised` is the same attack on updates that were
clipped by turn and noised. An update holds what is trained and nothing else; what each part of it gives away where it
alone is trained is the exhibit `inversion-by-part`. The attacker knows the model, the batch size and the other inputs
of each turn: more than a server does.

Source: Phong et al. 2018; Melis et al. 2019; Dimitrov et al. 2024; Petrov et al. 2024; Zhao, Mopuri, Bilen 2020;
Geiping, Bauermeister, Droege, Moeller 2020; Zhu, Liu, Han 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.attributable import attributable_of
from affidavit.case import Case
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.errors import PlanError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from privacy.inversion.attack import Attack
from privacy.inversion.claims import METRICS, Teller
from privacy.inversion.exhibits import Row, exhibits_of, part_rows, setting_rows
from privacy.inversion.knowledge import Knowledge, learnt
from privacy.inversion.options import NAME, VERSION, InversionOptions
from privacy.inversion.parts import parts_of
from privacy.inversion.study import Outcome, Setting, attacked
from privacy.inversion.targets import Targets, choose_targets
from privacy.inversion.updates import Protection
from privacy.inversion.victims import trained
from privacy.probes.roster import NOBODY, draw_roster

NO_EVIDENCE = "a failed attack is no evidence of privacy: a stronger one, or a malicious server, may succeed"
KNOWN = "the attacker knows the model, the number of turns and the other inputs of each turn"
UPDATE = (
    "the update is that of the emotion's loss of one turn of each unit, without dropout, the turns before it held as "
    "they are; other losses, such as that of rationales, send gradients of their own, which are not looked at"
)
_OF_EACH = 4
"""Turns of a unit that are opened, at most."""
_FEWEST = 4
"""Units with two turns each."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without units, or whose condition degrades its input."""
    options = read_options(InversionOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if run.unit in NOBODY:
        return Refusal(
            examination=NAME,
            because="nobody says which utterances are one unit's, so nobody could be recognised",
            remedy="add speaker_id or unit_id to the corpus",
        )
    condition = options.condition or run.conditions[0]
    if condition not in run.conditions:
        raise PlanError(
            f"{condition!r} is not there",
            slug="plan-impossible",
            where=f"examination {NAME}, option condition",
            allowed=", ".join(run.conditions),
            remedy="correct the option",
        )
    if condition != AS_SUPPLIED and Condition.parse(condition).operator is not None:
        return Refusal(
            examination=NAME,
            because=f"under {condition} the input is degraded, and nobody trains on that",
            remedy="judge under a condition of modalities alone, such as TAV, and name it in the option `condition`",
        )
    return None


def examine(case: Case) -> Testimony:
    """Attack every run's reasoner."""
    options = read_options(InversionOptions, case.options, of=f"examination {NAME}")
    found, refusals = list[Found](), list[Refusal]()
    for run in case.runs:
        told = _attacked(case, options, run)
        if isinstance(told, Refusal):
            refusals.append(told)
        else:
            found.append(told)
            refusals += told.refusals
    return Testimony(
        claims=tuple(claim for one in found for claim in one.claims),
        exhibits=exhibits_of(
            [row for one in found for row in one.settings], [row for one in found for row in one.parts]
        ),
        refusals=tuple(refusals),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What one run's reasoner gave away."""

    claims: list[Claim]
    settings: list[Row]
    parts: list[Row]
    refusals: list[Refusal]


def _attacked(case: Case, options: InversionOptions, run: str) -> Found | Refusal:
    condition = options.condition or case.runs[run].conditions[0]
    targets = _targets(case, options, run, condition)
    if len(targets.shown) < _FEWEST:
        return _too_few(targets, run)
    n_parameters = sum(value.numel() for _, value in trained(targets.shown[0].turn))
    if not n_parameters:
        return _nothing_trained(run)
    if n_parameters > options.most_parameters:
        return _too_large(n_parameters, options, run)
    known = learnt(targets, 1)
    caveats = _caveats(targets, known, options)
    teller = Teller(case=case, run=run, condition=condition, caveats=caveats)
    outcomes, refusals = _outcomes(case, options, targets, run)
    units = np.array([one.unit for one in targets.shown], dtype=np.int64)
    true = targets.ruler().matches([one.value for one in targets.shown], targets.shown).astype(np.float64)
    top = teller.input_claim(units, true)
    claims = [claim for outcome in outcomes for claim in teller.claims(outcome, controls=(top.finding.id,))]
    place: Row = {"run": run, "condition": condition}
    return Found(
        claims=[*claims, top],
        settings=setting_rows(outcomes, {**place, "input": targets.input}, teller.estimated),
        parts=part_rows(parts_of(targets, known), units, place, teller.estimated),
        refusals=refusals,
    )


def _targets(case: Case, options: InversionOptions, run: str, condition: str) -> Targets:
    live = case.live[run]
    reasoner = attributable_of(live, run=run)
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, run, "targets"))
    roster = draw_roster(case.runs[run], (), condition, most=(2 * options.targets, _OF_EACH), rng=rng)
    return choose_targets(live, reasoner, roster, condition, name=options.input, most=options.targets)


def _outcomes(case: Case, options: InversionOptions, targets: Targets, run: str) -> tuple[list[Outcome], list[Refusal]]:
    """Attack every setting for which there are targets enough."""
    protection = Protection(noise_multiplier=options.noise_multiplier, clip_norm=options.clip_norm)
    attack = Attack(objective=options.objective, steps=options.steps)
    outcomes, refusals = list[Outcome](), list[Refusal]()
    sizes = sorted(set(options.batch_sizes))
    for i, batch in enumerate(sizes, start=1):
        if len(targets.shown) < batch:
            refusals.append(_no_batch(batch, len(targets.shown), run))
            continue
        seed, known = seed_of(case.book.seed, NAME, run, batch), learnt(targets, batch)
        outcomes += [
            attacked(targets, known, Setting(batch=batch, protection=used), attack, seed=seed)
            for used in (None, protection)
        ]
        case.progress("inverting updates", i, len(sizes))
    return outcomes, refusals


def _caveats(targets: Targets, known: Knowledge, options: InversionOptions) -> tuple[str, ...]:
    lost = tuple(f"{count:,} turns left out: {what}" for what, count in sorted(targets.failed.items()))
    if known.entrance is None:
        how = (
            f"input: {targets.input}, found by matching gradients, {options.objective} objective, {options.steps} steps"
        )
    else:
        how = f"input: {targets.input}, read off {known.entrance.name}, which takes it in as it is"
    frozen = known.embedding is None and any(one.turn.embedded is not None for one in targets.shown)
    words = ("the embedding of words is not trained: no word is read off it",) if frozen else ()
    return (how, KNOWN, UPDATE, *words, *lost, NO_EVIDENCE)


def _nothing_trained(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="nothing of the reasoner is trained, so that nothing would be sent",
        remedy="open the reasoner with the parameters that a round trains unfrozen",
    )


def _too_few(targets: Targets, run: str) -> Refusal:
    lost = "; ".join(f"{count:,} turns left out: {what}" for what, count in sorted(targets.failed.items()))
    return Refusal(
        examination=NAME,
        run=run,
        because=f"only {len(targets.shown)} units have two labelled turns with the input that is to be found out"
        + (f" ({lost})" if lost else ""),
        remedy="bring a corpus with more units and labels, or name another input (option input)",
    )


def _too_large(n_parameters: int, options: InversionOptions, run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"the reasoner has {n_parameters:,} trained parameters, and the attack differentiates it again "
        f"and again; up to {options.most_parameters:,} it is done unasked",
        remedy=f"where there is time or a GPU, raise most_parameters to {10 ** len(str(n_parameters))}, with few "
        "targets",
    )


def _no_batch(batch: int, n_targets: int, run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"an update of {batch} turns needs {batch} units, and there are {n_targets}",
        remedy="bring more units with two labelled turns each, or leave that batch size out",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What an update gives away of its turns",
    method_version=VERSION,
    access=("corpus", "gradients"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    on_request=True,
)
"""On request: it differentiates the reasoner hundreds of times."""

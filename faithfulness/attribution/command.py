"""`affidavit explain`: one utterance asked under conditions, and its fullest answer attributed by the methods named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from affidavit.attributable import AttributableTurn, attributable_of
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.conditions import Condition
from affidavit.errors import EXIT_DONE, AffidavitError, PlanError
from affidavit.explanations import Answer, Attributed, Explanation, NotDone
from affidavit.files import replacing
from affidavit.plan import AuditPlan, read_plan
from affidavit.protocols import Progress
from affidavit.seeds import seed_of
from affidavit.yaml_files import did_you_mean
from faithfulness.attribution.asking import Asked, answers, conditions_of, opened
from faithfulness.attribution.options import SINGLE, MethodOptions

ALL: Final = "all"
NAMES: Final = (
    "feature-ablation",
    "integrated-gradients",
    "kernel-shap",
    "occlusion",
    "modality-shapley",
    "layer-integrated-gradients",
    "partition-shap",
    "deep-lift",
)


def explain(  # noqa: PLR0913 - one for each flag
    path: Path,
    *,
    run: str | None,
    utterance: str,
    conditions: Sequence[str],
    methods: Sequence[str],
    folder: Path | None,
    out: Path,
    most_parameters: int,
) -> int:
    """Ask a run's reasoner about one utterance and write what it says; return the exit code.

    Raises:
        PlanError: there is no such run, utterance or method, or nobody to ask. RowError: a condition does not parse.
        AffidavitError: whatever is wrong with the plan, the corpus or the model.
    """
    plan = read_plan(path)
    name, wanted, under = _run(plan, run), _methods(methods), conditions_of(conditions)
    place = path.resolve().parent if folder is None else folder.resolve()
    with shown_progress() as progress:
        asked = opened(plan, name, utterance, folder=place, progress=progress)
        told = answers(asked, under, progress=progress)
        options = MethodOptions(most_parameters=most_parameters)
        found = _attributed(asked, told, wanted, options, seed=plan.seed, progress=progress)
    explanation = Explanation(
        run=name,
        utterance_id=utterance,
        corpus_digest=asked.live.corpus.digest,
        answers=told,
        attributions=tuple(one for one in found if isinstance(one, Attributed)),
        refused=tuple(one for one in found if isinstance(one, NotDone)),
        remarks=(SINGLE,) if found else (),
    )
    with replacing(out) as temporary:
        temporary.write_text(explanation.model_dump_json(indent=1), encoding="utf-8")
    _say(explanation, out)
    return EXIT_DONE


def _run(plan: AuditPlan, named: str | None) -> str:
    if named is None and len(plan.runs) == 1:
        return next(iter(plan.runs))
    if named is None or named not in plan.runs:
        raise _unknown("run", named or "no run was named", list(plan.runs))
    return named


def _methods(named: Sequence[str]) -> tuple[str, ...]:
    strange = [name for name in named if name not in (*NAMES, ALL)]
    if strange:
        raise _unknown("method", strange[0], [*NAMES, ALL])
    return NAMES if ALL in named else tuple(dict.fromkeys(named))


def _attributed(
    asked: Asked,
    told: Sequence[Answer],
    methods: Sequence[str],
    options: MethodOptions,
    *,
    seed: int,
    progress: Progress,
) -> list[Attributed | NotDone]:
    """Attribute the answer under the fullest condition by each method; torch is imported here and not before."""
    given = [one for one in told if one.label is not None and Condition.parse(one.condition).operator is None]
    if not methods:
        return []
    if not given or "gradients" not in asked.live.offers:
        because = "there is no answer to be attributed" if not given else "this reasoner offers no gradients"
        return [NotDone(method=method, because=because) for method in methods]
    fullest = max(given, key=lambda one: len(Condition.parse(one.condition).modalities))
    try:
        turn = _turn(asked, fullest, options)
    except AffidavitError as error:
        return [NotDone(method=method, because=error.what) for method in methods]
    from faithfulness.attribution.one_judgement import Question, attributed

    question = Question(label=fullest.label or "", options=options, seed=seed_of(seed, asked.turn.utterance_id))
    found: list[Attributed | NotDone] = []
    for done, method in enumerate(methods):
        progress(f"attributing by {method}", done, len(methods))
        found.append(attributed(turn, method, question))
    progress("attributing", len(methods), len(methods))
    return found


def _turn(asked: Asked, answer: Answer, options: MethodOptions) -> AttributableTurn:
    """Return the turn that is attributed.

    Raises:
        PlanError: the reasoner is larger than allowed, or cannot take the turn apart.
    """
    reasoner = attributable_of(asked.live, run=asked.run)
    turn = reasoner.attributable(
        asked.dialogue, utterance_id=asked.turn.utterance_id, condition=answer.condition, rationale=""
    )
    n_parameters = sum(part.numel() for part in turn.module.parameters())
    if n_parameters > options.most_parameters:
        raise PlanError(
            f"the reasoner has {n_parameters:,} parameters, and each method asks it hundreds of times; up to "
            f"{options.most_parameters:,} it is done unasked (--most-parameters)",
            slug="plan-impossible",
            where=asked.run,
            remedy="allow more where there is time or a GPU",
        )
    return turn


def _say(explanation: Explanation, out: Path) -> None:
    for answer in explanation.answers:
        share = answer.probabilities.get(answer.label or "")
        told = f"not asked: {answer.because}" if answer.label is None else answer.label
        say(f"{answer.condition:<4} {told}{'' if share is None else f' ({share:.3f})'}")
    for one in explanation.attributions:
        gap = "promises no sum" if one.gap is None else f"misses its sum by {one.gap:.2g}"
        like = "" if one.placebo_likeness is None else f"; likeness to its placebo {one.placebo_likeness:.2f}"
        say(f"{one.method}: {len(one.spans)} spans, {gap}{like}")
    for refused in explanation.refused:
        say(f"{refused.method}: refused: {refused.because}")
    say(f"written   {out}")


def _unknown(kind: str, found: str, known: list[str]) -> PlanError:
    return PlanError(
        f"there is no such {kind}",
        slug="plan-invalid",
        where="affidavit explain",
        found=f"{found}{did_you_mean(found, known)}",
        allowed=", ".join(known),
        remedy="name one of them",
    )

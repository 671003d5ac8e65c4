"""`affidavit verifier train` and `show`: a verifier from a user's own sentences, and what its card says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.errors import EXIT_DONE, PlanError
from affidavit.files import check_place
from affidavit.options import read_options
from affidavit.plan import read_plan
from affidavit.protocols import Progress
from affidavit.records import Estimate, Record
from affidavit.seeds import seed_of
from affidavit.sources import load_corpus
from affidavit.splits import SplitBy, grouped, split
from affidavit.yaml_files import did_you_mean
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.config import EncoderName, FittingOptions
from reasoners.verifier.evaluation import Score, told_scores
from reasoners.verifier.examples import Sentences, rationale_sentences, read_sentences
from reasoners.verifier.training import trained_verifier
from reasoners.verifier.verifier import Verifier

_PLANS: Final = (".yaml", ".yml")
_ENCODERS: Final[tuple[EncoderName, ...]] = ("words", "minilm")


class _Split(Record):
    """Whom a trainer holds out, by the names and values that trainers share."""

    held_out: float = Field(default=0.3, ge=0, lt=1)
    split_by: SplitBy = "unit"
    split_seed: int = Field(default=0, ge=0)


def verifier(  # noqa: PLR0913 - one for each flag
    action: str,
    source: Path,
    *,
    out: Path | None,
    by: Sequence[str],
    licence: str | None,
    training: str | None,
    encoder: str,
) -> int:
    """Train a verifier on a table or on a plan's reference rationales, or show one; return the exit code.

    Raises:
        PlanError: there is no such action, `out` is missing or cannot be written, or the plan has no such training.
        AffidavitError: whatever is wrong with the table, the corpus or the verifier.
    """
    actions: Mapping[str, Callable[[], int]] = {
        "train": lambda: _train(source, out, tuple(by), licence, training, encoder),
        "show": lambda: _show(source),
    }
    if action not in actions:
        raise _unknown("action", action, list(actions))
    return actions[action]()


def _train(
    source: Path, out: Path | None, by: Sequence[str], licence: str | None, training: str | None, encoder: str
) -> int:
    if out is None:
        raise PlanError(
            "it is not said where the verifier is to lie",
            slug="plan-invalid",
            where="affidavit verifier train",
            remedy="add --out FOLDER",
        )
    check_place(out)
    _require_free(out)
    options = FittingOptions(encoder=_encoder(encoder))
    with shown_progress() as progress:
        if source.suffix.lower() in _PLANS:
            sentences = _of_plan(source, training, by, progress)
        else:
            sentences = read_sentences(source, by=by, licence=licence)
        found, scores = trained_verifier(sentences, options, folder=out, by=by, progress=progress)
    for line in _told(found, scores):
        say(line)
    say(f"  {out}")
    return EXIT_DONE


def _show(folder: Path) -> int:
    found = load_verifier(folder)
    for line in _told(found, [_score(record) for record in found.card.get("scores", [])]):
        say(line)
    return EXIT_DONE


def _of_plan(path: Path, training: str | None, by: Sequence[str], progress: Progress) -> Sentences:
    """Return the reference rationales of those whom a plan's training trains on, and of nobody whom it holds out."""
    plan = read_plan(path)
    name = training or next(iter(plan.training), None)
    if name is None or name not in plan.training:
        raise _unknown("training", name or "(none)", list(plan.training))
    chosen = plan.training[name]
    corpus = load_corpus(chosen.corpus.name, chosen.corpus.options, folder=path.resolve().parent, progress=progress)
    told = {key: chosen.trainer.options[key] for key in _Split.model_fields if key in chosen.trainer.options}
    asked = read_options(_Split, told, of=f"trainer {chosen.trainer.name}")
    groups = grouped(corpus.utterances, by=asked.split_by)
    labelled = {unit: turns for unit, turns in groups.items() if any(turn.label is not None for turn in turns)}
    shares = {"held_out": asked.held_out} if asked.held_out else {}
    parts = split(sorted(labelled), shares, seed=seed_of(asked.split_seed, "split"))
    turns = [turn for unit in parts["train"] for turn in labelled[unit]]
    return rationale_sentences(corpus, turns, by=by)


def _told(found: Verifier, scores: Sequence[Score]) -> list[str]:
    trained = found.card["trained_on"]
    units = "rows that each stand for themselves" if trained["n_units"] is None else f"{trained['n_units']} units"
    return [
        f"{found.name}: {trained['n_sentences']} sentences of {units}, {trained['source']}",
        f"  digest {found.digest}",
        f"  licence of the sentences: {trained['licence'] or 'nobody named one'}; their digest {trained['digest']}",
        *(f"  {line}" for line in trained["told"]),
        f"  {found.card['tested']}",
        *(f"  {line}" for line in told_scores(scores)),
    ]


def _score(record: Mapping[str, Any]) -> Score:
    return Score(
        emotion=record["emotion"],
        feature=record["feature"],
        group=record["group"],
        n_sentences=record["n_sentences"],
        f1=Estimate.model_validate(record["f1"]),
    )


def _encoder(name: str) -> EncoderName:
    for encoder in _ENCODERS:
        if encoder == name:
            return encoder
    raise _unknown("encoder", name, list(_ENCODERS))


def _require_free(out: Path) -> None:
    """Refuse a folder that holds something else than a verifier: training replaces it as a whole."""
    if out.is_dir() and any(out.iterdir()):
        load_verifier(out)


def _unknown(kind: str, found: str, known: list[str]) -> PlanError:
    return PlanError(
        f"there is no such {kind}: {found!r}{did_you_mean(found, known)}",
        slug="plan-invalid",
        where="affidavit verifier",
        allowed=", ".join(known) or "nothing: the plan trains nothing",
        remedy="correct the name",
    )

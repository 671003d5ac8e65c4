"""A model that the plan trained, asked about those it was trained on and those that were held out for it.

Its card says whom training met, as keyed digests (`affidavit.unit_keys`); its training's corpus has their clips, and
those of the people who were held out. The split was dealt by a seed, so that members and the others are alike but for
the training. Who told the model when to stop is neither. Where dialogues were dealt, whoever speaks in one that was
trained on is a member, with all dialogues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from affidavit.case import Case
from affidavit.records import Refusal
from affidavit.tables import from_arrow
from affidavit.unit_keys import unit_key
from privacy.attacks.asking import asked_losses
from privacy.attacks.measures import NAME
from privacy.attacks.reading import Losses, losses_of

KINDS: Final = ("units", "speakers", "voices")
TRAIN, HELD_OUT = "train", "held_out"


def membership(card: Mapping[str, Any], name: str) -> bool | None:
    """Say whether a unit of the training's corpus was trained on; None where it told when to stop, or nobody knows.

    A card keeps whom training met; who stands in the corpus and in no part of the card was held out.
    """
    digest, met = card.get("training_digest"), [_parts(card, kind) for kind in KINDS]
    if not isinstance(digest, str) or not any(parts.get(TRAIN) for parts in met):
        return None
    key = unit_key(name, digest)
    found = {part for parts in met for part, keys in parts.items() if key in keys}
    if TRAIN in found:
        return True
    return None if found - {HELD_OUT} else False


def refuses_to_ask(case: Case, run: str) -> Refusal | None:
    """Refuse where the model cannot be asked, or its card does not say of whom it could be."""
    live, trained = case.live.get(run), case.trained_on.get(run)
    if live is None or "callable" not in live.offers or trained is None:
        return Refusal(
            examination=NAME,
            because="the plan did not train this run's model, or it cannot be asked again",
            remedy="train the model in the plan and judge with it (trained), or name a table of losses: option losses",
        )
    if isinstance(trained.card.get("training_digest"), str) and _parts(trained.card, "units").get(TRAIN):
        return None
    return Refusal(
        examination=NAME,
        because=f"the card of training {trained.training} does not say whom it was trained on",
        remedy="train again with a trainer that keeps keys of its units, or name a table of losses: option losses",
    )


def losses_of_live(case: Case, run: str) -> Losses:
    """Return what the model makes of its own corpus, under the fullest condition that the run judged.

    Raises:
        AffidavitError: the corpus or the model does not open.
    """
    trained = case.trained_on[run]
    table = asked_losses(
        case.live[run].reasoner(),
        trained.load().utterances,
        member=lambda unit: membership(trained.card, unit),
        condition=case.runs[run].conditions[0],
    )
    losses = losses_of(from_arrow(table, name=f"asked of {run}", format_name="memory"))
    return replace(losses, source=f"the model was asked about the corpus of training {trained.training}")


def _parts(card: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    parts = card.get(kind)
    return parts if isinstance(parts, Mapping) else {}

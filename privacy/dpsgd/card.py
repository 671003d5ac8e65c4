"""What a checkpoint's card says of its protection: unit, budget, sampler, clipping, noise, and what is not covered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from affidavit.unit_keys import unit_keys
from privacy.dpsgd.accounts import sampler_of
from privacy.dpsgd.clipping import shares
from privacy.dpsgd.outcome import Outcome, Searched
from privacy.dpsgd.units import Parts
from privacy.dpsgd.validation import Chosen

NOT_COVERED: Final = (
    "the keys of trained patients in this card, which is as internal as the list that they stand for",
    "the label space and the families of instructions, which are taken for public",
    "pretrained parts and the model that it started from, and whom those were trained on",
    "searches for options on the same patients that no ledger counted",
    "what the model keeps or writes of those whom it judges",
    "whoever else speaks in patients' dialogues (a clinician): one of them may be in many patients' gradients",
    "side channels: time, memory, logs",
    "the last bits of floating point",
)
OF_A_SEARCH: Final = (
    "how long the search took, which tells of the number of its trials",
    "whoever saw anything of a trial that lost, or of one that was cut off",
)


def private_card(outcome: Outcome, parts: Parts, *, way: Chosen, key: str, cost: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trainer's own part of the card; `cost` is what the account says."""
    options = outcome.declared
    named = options.training_digest or key
    met = {"train": parts.train, **({"development": parts.development} if parts.development else {})}
    not_covered = (*NOT_COVERED, *(OF_A_SEARCH if outcome.search is not None else ()))
    card: dict[str, Any] = {
        "units": unit_keys(met, named),
        **({"voices": unit_keys({"train": parts.voices}, named)} if parts.voices else {}),
        "training_digest": named,
        "options": options.model_dump(mode="json", exclude={"training_digest"}),
        "privacy": {**_mechanism(outcome, way), **cost, "not_covered": list(not_covered)},
    }
    if outcome.search is not None:
        card["privacy"]["search"] = _search(outcome.search)
    if outcome.not_resumed is not None:
        card["not_resumed"] = outcome.not_resumed
    return card


def _search(searched: Searched) -> dict[str, Any]:
    """Return what may be told of a search: how it was done and which candidate is released, not what else was tried."""
    search = searched.declared.search
    if search is None:
        raise TypeError("a training without a search has none to tell of")
    return {
        "number_of_trials": "drawn at random beforehand and told to nobody",
        "mean_trials": search.mean_trials,
        "distribution": search.distribution,
        "shape": search.drawn_from,
        "candidates": [one.model_dump(mode="json", exclude_none=True) for one in search.candidates],
        "released": searched.candidate,
        "scored_on": search.score_on,
        "score_bound": search.score_bound,
        "score_noise": searched.score_noise,
        "theorem": "Papernot, Steinke 2022, " + ("theorem 6" if search.drawn_from == "poisson" else "theorem 2"),
    }


def _mechanism(outcome: Outcome, way: Chosen) -> dict[str, Any]:
    options = outcome.options
    told: dict[str, Any] = {
        "unit": options.unit,
        "neighbours": "add-remove",
        "mechanism": "noised sums of clipped gradients (DP-SGD)",
        "sampler": sampler_of(options),
        "sample_rate": options.sample_rate,
        "noise_multiplier": outcome.noise_multiplier,
        "noise_from": outcome.noise_from,
        "clip_norm": options.clip_norm,
        "last_clip_norm": outcome.last_clip_norm,
        "steps": outcome.taken,
        "steps_planned": options.n_steps,
        "stopped_by_budget": outcome.stopped_by_budget,
        "max_turns": options.max_turns_per_patient if options.unit == "patient" else 1,
        "n_units": "declared" if options.expected_units else "told by the division; taken for public",
        "gradients": way.way,
    }
    if way.because is not None:
        told["gradients_because"] = way.because
    if options.adaptive_clipping is not None:
        noises = shares(outcome.noise_multiplier, options.adaptive_clipping)
        told["noise_on_gradients"], told["noise_on_count"] = noises.gradients, noises.count
    if options.unit == "utterance":
        told["warning"] = (
            "one turn is protected, not the patient: of a patient with k turns, epsilon is up to k times as large, "
            "and delta grows faster"
        )
    return told

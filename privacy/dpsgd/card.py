"""What a checkpoint's card says of its protection: unit, budget, sampler, clipping, noise, and what is not covered."""

from __future__ import annotations

from typing import Any, Final

from affidavit.unit_keys import unit_keys
from privacy.dpsgd.accounts import StepAccount, sampler_of
from privacy.dpsgd.clipping import shares
from privacy.dpsgd.course import Course
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


def training_card(course: Course, parts: Parts, *, way: Chosen, key: str, account: StepAccount) -> dict[str, Any]:
    """Return the trainer's own part of the card."""
    options = course.plan.options
    named = options.training_digest or key
    card: dict[str, Any] = {
        "units": unit_keys({"train": parts.train}, named),
        **({"voices": unit_keys({"train": parts.voices}, named)} if parts.voices else {}),
        "training_digest": named,
        "options": options.model_dump(mode="json", exclude={"training_digest"}),
        "privacy": {**_mechanism(course, way), **account.told(), "not_covered": list(NOT_COVERED)},
    }
    if course.not_resumed is not None:
        card["not_resumed"] = course.not_resumed
    return card


def _mechanism(course: Course, way: Chosen) -> dict[str, Any]:
    options = course.plan.options
    told: dict[str, Any] = {
        "unit": options.unit,
        "neighbours": "add-remove",
        "mechanism": "noised sums of clipped gradients (DP-SGD)",
        "sampler": sampler_of(options),
        "sample_rate": options.sample_rate,
        "noise_multiplier": course.plan.noise_multiplier,
        "noise_from": course.noise_from,
        "clip_norm": options.clip_norm,
        "last_clip_norm": course.clip_norm,
        "steps": course.taken,
        "steps_planned": options.n_steps,
        "stopped_by_budget": course.stopped_by_budget,
        "max_turns": options.max_turns_per_patient if options.unit == "patient" else 1,
        "n_units": "declared" if options.expected_units else "told by the division; taken for public",
        "gradients": way.way,
    }
    if way.because is not None:
        told["gradients_because"] = way.because
    if options.adaptive_clipping is not None:
        noises = shares(course.plan.noise_multiplier, options.adaptive_clipping)
        told["noise_on_gradients"], told["noise_on_count"] = noises.gradients, noises.count
    if options.unit == "utterance":
        told["warning"] = (
            "one turn is protected, not the patient: of a patient with k turns, epsilon is up to k times as large, "
            "and delta grows faster"
        )
    return told

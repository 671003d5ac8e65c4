"""What is planted in the clinic: where each fault sits, and what is true there instead.

Each fault draws from a seed of its own, so that it changes what it says and nothing else. Degraded accents need no
list: `accent_noise` names them, and every turn of their patients is degraded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.errors import PlanError
from affidavit.seeds import seed_of
from corpora.clinic.options import LABELS, ClinicOptions
from corpora.clinic.plot import Beat, plots
from corpora.clinic.script import Turn, script
from corpora.clinic.slots import Line

DRIFTING: Final = "sadness"
DRIFTS_TO: Final = ("neutral", "fear")
# fmt: off
RARE: Final = (
    "quoin", "zither", "ocelot", "gimlet", "obelisk", "yurt", "fulcrum", "sextant", "kestrel", "bodkin", "lychgate",
    "tamarind", "gabion", "isthmus", "mullion", "pergola", "quagga", "runnel", "sarsen", "trivet", "umbel",
    "vellum", "wimple", "yarrow", "zeugma", "astrolabe", "bittern", "caltrop", "dulcimer", "escarpment", "fetlock",
    "gnomon", "halyard", "inkwell", "jodhpur", "kumquat", "lodestar", "marzipan", "nuthatch", "oriel", "palimpsest",
)
# fmt: on
"""Words that no other turn holds."""
WORDS_IN_A_CANARY: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A text that can only be known by heart."""

    text: str
    label: str
    utterance_ids: tuple[str, ...]
    """The turns that say it; empty for one that was drawn alike and never planted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Every planted fault of a corpus."""

    canaries: tuple[Canary, ...] = ()
    drifted: Mapping[str, str]
    """Utterance whose label drifted, to the label it drifted to; the turn's evidence shows sadness as before."""
    miscited: Mapping[str, str]
    """Utterance whose rationales are wrong, to the modality that they cite, which carries no evidence."""


def planted(options: ClinicOptions) -> Planted:
    """Return where the faults of these options sit."""
    return planted_in(scripts(options), options)


def reserve_canaries(options: ClinicOptions) -> tuple[Canary, ...]:
    """Return as many canaries again, drawn alike and never planted, for comparison."""
    return tuple(
        Canary(text=text, label=label, utterance_ids=()) for text, label in _texts(options)[options.faults.canaries :]
    )


def scripts(options: ClinicOptions) -> tuple[Turn, ...]:
    """Return every turn before faults."""
    return tuple(turn for plot in plots(options) for turn in script(plot, seed=options.seed))


def planted_in(turns: Sequence[Turn], options: ClinicOptions) -> Planted:
    """Return where the faults of these options sit in these turns.

    Raises:
        PlanError: there are not enough patients for the canaries.
    """
    canaries = _canaries(turns, options)
    taken = {utterance for canary in canaries for utterance in canary.utterance_ids}
    left = [turn for turn in turns if turn.utterance_id not in taken]
    return Planted(canaries=canaries, drifted=_drifted(left, options), miscited=_miscited(left, options))


def with_canaries(turns: Sequence[Turn], canaries: Sequence[Canary]) -> tuple[Turn, ...]:
    """Return the turns with the words and labels of the canaries; voice and face of those turns are neutral."""
    said = {utterance: canary for canary in canaries for utterance in canary.utterance_ids}
    return tuple(
        replace(
            turn,
            line=Line(text=said[turn.utterance_id].text),
            beat=Beat(label=said[turn.utterance_id].label, intensity=5.0, order=("text",)),
        )
        if turn.utterance_id in said
        else turn
        for turn in turns
    )


def _texts(options: ClinicOptions) -> list[tuple[str, str]]:
    """Draw twice as many canaries as are planted."""
    rng = np.random.default_rng(seed_of("clinic", options.seed, "canaries"))
    emotions = [label for label in LABELS if label != "neutral"]
    drawn = []
    for _ in range(2 * options.faults.canaries):
        words = [RARE[int(i)] for i in rng.choice(len(RARE), WORDS_IN_A_CANARY, replace=False)]
        drawn.append((f"My words to remember are {', '.join(words)}.", emotions[int(rng.integers(len(emotions)))]))
    return drawn


def _canaries(turns: Sequence[Turn], options: ClinicOptions) -> tuple[Canary, ...]:
    n, repeats = options.faults.canaries, options.faults.canary_repeats
    if not n:
        return ()
    hosts = _hosts(turns)
    if n * repeats > len(hosts):
        raise PlanError(
            "there are not enough patients for the canaries",
            slug="plan-impossible",
            where="corpus clinic, faults",
            found=f"{n} canaries {repeats} times each need {n * repeats} patients, one turn of each",
            allowed=f"at most {len(hosts)} with n_utterances: {options.n_utterances}",
            remedy="plant fewer, repeat them less often, or raise n_utterances",
        )
    rng = np.random.default_rng(seed_of("clinic", options.seed, "canary places"))
    places = [hosts[int(i)] for i in rng.permutation(len(hosts))[: n * repeats]]
    return tuple(
        Canary(text=text, label=label, utterance_ids=tuple(sorted(places[i * repeats : (i + 1) * repeats])))
        for i, (text, label) in enumerate(_texts(options)[:n])
    )


def _hosts(turns: Sequence[Turn]) -> list[str]:
    """Return one turn per patient: the last that no other turn leans on."""
    hosts: dict[str, str] = {}
    for i, turn in enumerate(turns):
        follower = turns[i + 2].beat if i + 2 < len(turns) else None
        same = i + 2 < len(turns) and turns[i + 2].plot.dialogue_id == turn.plot.dialogue_id
        leaned_on = same and follower is not None and follower.elliptical
        if turn.beat is not None and not turn.beat.elliptical and not leaned_on:
            hosts[turn.speaker.speaker_id] = turn.utterance_id
    return list(hosts.values())


def _drifted(turns: Sequence[Turn], options: ClinicOptions) -> dict[str, str]:
    drifted: dict[str, str] = {}
    for site, share in sorted(options.faults.label_drift.items()):
        sad = [
            turn.utterance_id
            for turn in turns
            if turn.beat is not None and turn.beat.label == DRIFTING and turn.speaker.hospital == site
        ]
        rng = np.random.default_rng(seed_of("clinic", options.seed, "drift", options.hospitals.index(site)))
        chosen = [sad[int(i)] for i in rng.permutation(len(sad))[: round(share * len(sad))]]
        drifted |= {utterance: DRIFTS_TO[i % len(DRIFTS_TO)] for i, utterance in enumerate(chosen)}
    return drifted


def _miscited(turns: Sequence[Turn], options: ClinicOptions) -> dict[str, str]:
    eligible = {turn.utterance_id: quiet(turn) for turn in turns if turn.beat is not None and turn.beat.order}
    eligible = {utterance: silent for utterance, silent in eligible.items() if silent}
    rng = np.random.default_rng(seed_of("clinic", options.seed, "citations"))
    order = rng.permutation(len(eligible))
    names = list(eligible)
    chosen = [names[int(i)] for i in order[: round(options.faults.wrong_citation_share * len(names))]]
    return {utterance: eligible[utterance][int(rng.integers(len(eligible[utterance])))] for utterance in chosen}


def quiet(turn: Turn) -> tuple[str, ...]:
    """Return the modalities of a patient's turn that carry no evidence."""
    order = () if turn.beat is None else turn.beat.order
    return tuple(modality for modality in turn.speaker.modalities() if modality not in order)

"""Which instrument sees which broken mechanism, and to which is it blind?

No single instrument sees everything; a report that shows one has to say what it could not have seen. Each entry is a
statement about the instrument as built here; those about gradient canaries, noise, samplers, norms and one run are held
in tests against simulated mechanisms and against broken copies of the trainer's own step.

Every examination that is an instrument, or holds several, hands the exhibit over; a report has it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from affidavit.exhibits import ExhibitTable
from affidavit.records import ExhibitColumn

SEES, WEAKLY, BLIND = "sees", "weakly", "blind"
GRADIENT: Final = "gradient-canaries"
EXAMINED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "privacy ledger": "privacy-ledger",
        "gradient canaries (GDP)": GRADIENT,
        "noise inspection": GRADIENT,
        "sampler inspection": GRADIENT,
        "per-patient norms": GRADIENT,
        "one-run audit": f"one-run-audit, and {GRADIENT} from inside",
        "LiRA": "membership",
    }
)
"""Which examinations hold each instrument."""
INSTRUMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "privacy ledger": "what was written down of each step, before it was taken",
        "gradient canaries (GDP)": "scores of a canary's direction in noisy sums, against mu = 1 / noise multiplier",
        "noise inspection": "what each step released less what was summed, coordinate by coordinate",
        "sampler inspection": "how the sampler draws, and how batch sizes spread",
        "per-patient norms": "how far one patient's clips together move the noiseless sum",
        "one-run audit": "guesses of many canaries after one training",
        "LiRA": "losses of members and others beside those of shadow models",
    }
)
_HALVED: Final = "noise half of what is accounted"
_SHUFFLED: Final = "shuffled or fixed batches accounted as Poisson samples"
_UTTERANCES: Final = "clipping per utterance, claimed per patient"
FAULTS: Final = (_HALVED, _SHUFFLED, _UTTERANCES)
_ENTRIES: Final = (
    (_HALVED, "privacy ledger", BLIND, "it counts the noise that was declared, and not what was added"),
    (_SHUFFLED, "privacy ledger", BLIND, "it believes the sampler that was declared; shuffled ones it refuses by name"),
    (_UTTERANCES, "privacy ledger", BLIND, "it believes the unit that was declared"),
    (_HALVED, "noise inspection", SEES, "it measures it, coordinate by coordinate"),
    (_SHUFFLED, "noise inspection", BLIND, "the noise is what it should be, whoever takes part"),
    (_UTTERANCES, "noise inspection", BLIND, "it looks at what was added to a sum, and not at what the sum is of"),
    (_HALVED, "gradient canaries (GDP)", SEES, "mu doubles, and the noise is all that hides the canary"),
    (_HALVED, "sampler inspection", BLIND, "it looks at who takes part, and never at the noise"),
    (_HALVED, "per-patient norms", BLIND, "it looks at sums before noise"),
    (
        _HALVED,
        "one-run audit",
        WEAKLY,
        "only where the bound comes near the accounted epsilon: many canaries, all seen",
    ),
    (_HALVED, "LiRA", WEAKLY, "bounds from losses lie far below the accounted epsilon"),
    (_SHUFFLED, "gradient canaries (GDP)", BLIND, "the canary is put in or left out by the audit, not by the sampler"),
    (_SHUFFLED, "sampler inspection", SEES, "Poisson batches vary as N q (1 - q); fixed ones do not vary at all"),
    (_SHUFFLED, "per-patient norms", BLIND, "each sum is clipped as it should be, whoever takes part"),
    (_SHUFFLED, "one-run audit", WEAKLY, "a guesser that is not told the order sees little of what it gives away"),
    (_SHUFFLED, "LiRA", WEAKLY, "it does not ask for the order, of which a final loss keeps little"),
    (_UTTERANCES, "gradient canaries (GDP)", BLIND, "unless the canary's patient is given several clips that agree"),
    (_UTTERANCES, "sampler inspection", BLIND, "patients may be sampled as they should be"),
    (_UTTERANCES, "per-patient norms", SEES, "a patient with k agreeing clips moves the sum by k clip norms, not one"),
    (_UTTERANCES, "one-run audit", WEAKLY, "only where canaries are patients with many clips"),
    (_UTTERANCES, "LiRA", WEAKLY, "only where losses are added up over each patient's clips"),
)
_COLUMNS: Final = (
    ExhibitColumn(name="fault", type="text", description="how a mechanism may fall short of what is accounted"),
    ExhibitColumn(name="instrument", type="text", description="the instrument"),
    ExhibitColumn(name="examination", type="text", description="which examinations hold it"),
    ExhibitColumn(name="measures", type="text", description="what the instrument looks at"),
    ExhibitColumn(name="sees", type="text", description="sees, weakly, or blind"),
    ExhibitColumn(name="why", type="text", description="why that is so"),
)


def sight(fault: str, instrument: str) -> str:
    """Return `sees`, `weakly` or `blind`.

    Raises:
        KeyError: no such fault or instrument.
    """
    return {(entry[0], entry[1]): entry[2] for entry in _ENTRIES}[fault, instrument]


def instruments_exhibit() -> ExhibitTable:
    """Return the table of faults and instruments."""
    order, columns = list(INSTRUMENTS), list(FAULTS)
    entries = sorted(_ENTRIES, key=lambda entry: (columns.index(entry[0]), order.index(entry[1])))
    faults, instruments, seen, why = zip(*entries, strict=True)
    return ExhibitTable(
        id="privacy-instruments",
        title="What each instrument of a privacy audit sees, and what it is blind to",
        columns=_COLUMNS,
        releasable=True,  # it says what instruments are, and nothing of anybody
        values={
            "fault": faults,
            "instrument": instruments,
            "examination": [EXAMINED_BY[name] for name in instruments],
            "measures": [INSTRUMENTS[name] for name in instruments],
            "sees": seen,
            "why": why,
        },
    )

"""Everything that can go wrong for a user, as one tree and one list of slugs.

    AffidavitError                exit code 2
    ├── InputError                what was brought cannot be audited as it is
    │   ├── TableError            the file does not open, or is not the table it claims to be
    │   ├── ColumnError           a column is missing, ambiguous or of the wrong type
    │   ├── RowError              a row breaks the schema of the predictions table
    │   └── MediaError            sound or pictures of one utterance cannot be used
    ├── PlanError                 the plan or a flag asks for something that does not exist
    ├── PolicyError               a criterion cannot be applied
    ├── RegistryError             a name behind one of the doors is unknown or its plugin is broken
    ├── MissingPartError          an optional part of affidavit is not installed
    ├── HouseError                a file shadows one of the project's top-level packages
    ├── CheckpointError           a trained model cannot be loaded
    ├── BudgetSpentError          a privacy budget allows no further step; exit code 3
    ├── FederationError           a round of a federation could not be completed; exit code 3
    └── VerificationError         a bundle is not what it swears to be

Each error names what is wrong, where, what was found, what is allowed and what to do, and carries a slug whose page
is `docs/errors/<slug>.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXIT_DONE: Final = 0
EXIT_CRITERION_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_INCONCLUSIVE: Final = 3
EXIT_OWN_FAULT: Final = 70
EXIT_INTERRUPTED: Final = 130

SLUGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file-not-found": "A file or folder that was named does not exist.",
        "file-unreadable": "A file exists but cannot be read as the format its name promises.",
        "place-full": "There is no room left in a place that was being written to.",
        "file-empty": "A table has no rows.",
        "file-encoding": "A text file is not UTF-8 and no other encoding was named.",
        "column-missing": "A column that the task needs was not found.",
        "column-ambiguous": "Several columns could play the same part.",
        "column-type": "A column's values are not of the type that its part asks for.",
        "row-id-missing": "A row has no utterance_id.",
        "row-duplicate": "Two rows share the key utterance, reasoner, condition, instruction, repeat.",
        "row-probability": "A probability is missing, not a number, or outside 0 to 1.",
        "row-probability-sum": "The probabilities of a row do not sum to one.",
        "row-label": "A label lies outside the label space.",
        "label-space": "The label space names a label twice, or has too many labels to be classes.",
        "row-value": "A value is missing or out of range where the task needs one.",
        "row-condition": "A condition does not parse.",
        "media-unreadable": "The sound or pictures of an utterance cannot be played, are empty, or far too long.",
        "unit-in-two-groups": "A unit carries two levels of a feature that was not declared per utterance.",
        "feature-levels": "A feature has too many levels to be groups.",
        "plan-invalid": "A plan has an unknown key, a missing key or a value of the wrong kind.",
        "plan-impossible": "A plan asks for something that its runs cannot give.",
        "privacy-unfounded": "A text promises differential privacy, and no ledger counts what was spent.",
        "chain-broken": "A line of a hash chain was changed, left out or moved.",
        "chain-held": "Another process writes to the same hash chain.",
        "budget-spent": "The next step would exceed a privacy budget.",
        "quorum-missed": "Too few sites replied for a round to count.",
        "secure-aborted": "A secure sum did not come about; nothing but who replied was learnt.",
        "node-ended": "A site's node ended by itself.",
        "run-failed": "A federated run did not complete, whatever Flower's exit code says.",
        "lexicon-invalid": "A list of emotion words has a word twice, an unknown place or a key of the wrong kind.",
        "worker-ended": "A worker process was ended from outside, as by a machine that ran out of memory.",
        "endpoint-unusable": "A served model's endpoint takes no question, or left some without an answer.",
        "desk-unsafe": "The desk was to be reached by others without their saying who they are, or without roles.",
        "desk-not-started": "The app of the desk runs without the settings that its command hands over.",
        "path-outside": "A path leads out of what the desk was started with.",
        "records-unusable": "The records of a desk cannot be kept or reached where they were said to be.",
        "records-newer": "The records of a desk were written by a later affidavit.",
        "records-conflict": "Somebody else changed the same thing at the desk first.",
        "records-rule": "An act at the desk would break a rule between people.",
        "policy-invalid": "A policy file has an unknown key, a missing key or a value of the wrong kind.",
        "policy-metric": "A criterion names a metric that no chosen examination computes.",
        "policy-unmatched": "A criterion matches no finding of this audit.",
        "name-unknown": "A name is not registered behind its door.",
        "plugin-broken": "A plugin was found but could not be loaded.",
        "part-missing": "An optional part of affidavit is not installed.",
        "room-shadowed": "A file or package shadows one of affidavit's top-level packages.",
        "bundle-incomplete": "A bundle lacks a file that it needs to be verified.",
        "schema-version": "A report is of a schema version that this affidavit does not know.",
        "release-discloses": "What was to be released tells a small count, or tells it in one of its files.",
        "digest-mismatch": "A report's content does not have the digest it states.",
        "signature-invalid": "A signature does not verify with the given key.",
        "key-invalid": "A key file is not an ed25519 key in PEM form, or the wrong half of one.",
        "recomputation-differs": "Findings recomputed from the table differ from the report's.",
        "checkpoint-invalid": "A checkpoint is not a whole one, or was written by another version of the model.",
        "units-overlap": "The same unit or dialogue would be trained on and judged.",
        "output-exists": "The output would overwrite something that is not an audit bundle.",
    }
)


class AffidavitError(Exception):
    """An error for people; prints as one block and ends the command with `exit_code`."""

    exit_code = EXIT_BAD_INPUT

    def __init__(
        self,
        what: str,
        *,
        slug: str,
        where: str | None = None,
        found: str | None = None,
        allowed: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Describe the fault; `slug` must be one of `SLUGS`."""
        if slug not in SLUGS:
            raise ValueError(f"{slug!r} is not in affidavit.errors.SLUGS")
        super().__init__(what)
        self.what, self.slug, self.where = what, slug, where
        self.found, self.allowed, self.remedy = found, allowed, remedy

    def __str__(self) -> str:
        """Return the whole block: what and where, then found, allowed, remedy and page."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        facts = (("found", self.found), ("allowed", self.allowed), ("remedy", self.remedy))
        lines = [head, *(f"  {name}: {text}" for name, text in facts if text)]
        return _printable("\n".join([*lines, f"  more: docs/errors/{self.slug}.md"]))


def _printable(text: str) -> str:
    """Return text that moves no cursor: what was found may be anything."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


class InputError(AffidavitError):
    """What was brought cannot be audited as it is."""


class TableError(InputError):
    """A file does not open, or is not the table it claims to be."""


class ColumnError(InputError):
    """A column is missing, ambiguous or of the wrong type."""


class RowError(InputError):
    """A row breaks the schema of the predictions table."""


class MediaError(InputError):
    """Sound or pictures of one utterance cannot be used; judging records it as a refusal and goes on."""


class PlanError(AffidavitError):
    """The plan or a flag asks for something that does not exist."""


class PolicyError(AffidavitError):
    """A criterion cannot be applied."""


class RegistryError(AffidavitError):
    """A name behind one of the doors is unknown, or its plugin is broken."""


class MissingPartError(AffidavitError):
    """An optional part of affidavit is not installed."""


class HouseError(AffidavitError):
    """A file shadows one of the project's top-level packages."""


class BudgetSpentError(AffidavitError):
    """The next step would exceed a privacy budget; the model as it is may be kept."""

    exit_code = EXIT_INCONCLUSIVE


class FederationError(AffidavitError):
    """A round of a federation could not be completed; what was done before stays done."""

    exit_code = EXIT_INCONCLUSIVE


class CheckpointError(AffidavitError):
    """A trained model cannot be loaded."""


class VerificationError(AffidavitError):
    """A bundle is not what it swears to be."""

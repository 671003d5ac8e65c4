"""The seven doors: how `affidavit` finds what the rooms and plugins offer, by name and without importing the rest.

Built-ins are a literal table of `module:attribute` targets, loaded when asked for; a third party's are entry points
of the groups `affidavit.corpora`, `affidavit.examinations` and so on; in a notebook, `register` adds for this process.
A name can have one owner only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from affidavit.errors import MissingPartError, RegistryError
from affidavit.yaml_files import did_you_mean


class Door(StrEnum):
    """The kinds of thing that can be plugged in."""

    CORPORA = "corpora"
    REASONERS = "reasoners"
    TRAINERS = "trainers"
    EXAMINATIONS = "examinations"
    RELEASES = "releases"
    RENDERERS = "renderers"
    COMMANDS = "commands"


BUILT_IN: Final[Mapping[Door, Mapping[str, str]]] = MappingProxyType(
    {
        Door.CORPORA: {
            "clinic": "corpora.clinic.loader:LOADER",
            "manifest": "corpora.manifest:LOADER",
            "crema-d": "corpora.crema_d_clips:LOADER",
            "ravdess": "corpora.ravdess:LOADER",
            "meld": "corpora.meld:LOADER",
            "reccon": "corpora.reccon:LOADER",
            "iemocap": "corpora.iemocap:LOADER",
            "dfew": "corpora.dfew:LOADER",
            "mafw": "corpora.mafw:LOADER",
            "mer2023": "corpora.mer2023:LOADER",
            "emer": "corpora.emer:LOADER",
            "seed-vii": "corpora.seed_vii:LOADER",
            "audformat": "corpora.audformat_database:LOADER",
            "hugging-face": "corpora.hugging_face:LOADER",
            "crema-d-votes": "corpora.crema_d:LOADER",
            "common-voice-asr": "corpora.common_voice:LOADER",
        },
        Door.REASONERS: {
            "recorded": "reasoners.recorded:REASONER",
            "simulator": "reasoners.simulator:REASONER",
            "transparent": "reasoners.transparent.door:REASONER",
            "instructed": "reasoners.instructed.door:REASONER",
            "dialogue-rnn": "reasoners.baselines.door:DIALOGUE_RNN",
            "bc-lstm": "reasoners.baselines.door:BC_LSTM",
            "early-fusion": "reasoners.baselines.door:EARLY_FUSION",
            "served": "reasoners.served.door:REASONER",
            "omni": "reasoners.omni.door:REASONER",
            "verifier": "reasoners.verifier.door:REASONER",
            "smollm2": "reasoners.language.smollm2:REASONER",
            "face-network": "reasoners.face_network:REASONER",
        },
        Door.TRAINERS: {
            "supervised": "reasoners.supervised:TRAINER",
            "dp-sgd": "privacy.dpsgd.trainer:TRAINER",
            "federated": "federated.trainer.door:TRAINER",
            "group-dro": "reasoners.group_dro:TRAINER",
            "gradient-reversal": "reasoners.gradient_reversal:TRAINER",
            "grpo": "reasoners.grpo.trainer:TRAINER",
        },
        Door.EXAMINATIONS: {
            "performance": "audit.groups.performance:EXAMINATION",
            "worst-group": "audit.groups.worst_group:EXAMINATION",
            "spread": "audit.groups.spread:EXAMINATION",
            "small-groups": "audit.groups.small_groups:EXAMINATION",
            "demographic-parity": "audit.rates.demographic_parity:EXAMINATION",
            "equalized-odds": "audit.rates.equalized_odds:EXAMINATION",
            "differential-fairness": "audit.differential_fairness.examination:EXAMINATION",
            "inequality": "audit.groups.inequality:EXAMINATION",
            "subgroup-search": "audit.subgroups.examination:EXAMINATION",
            "calibration": "audit.calibration.examination:EXAMINATION",
            "multicalibration": "audit.multicalibration.examination:EXAMINATION",
            "soft-labels": "audit.annotators.soft_labels:EXAMINATION",
            "annotators": "audit.annotators.annotator_agreement:EXAMINATION",
            "modality-disparity": "audit.modalities.disparity:EXAMINATION",
            "robustness": "audit.conditions.robustness:EXAMINATION",
            "representation": "audit.representation.examination:EXAMINATION",
            "deviation": "audit.deviation.from_everybody:EXAMINATION",
            "chance-thresholds": "audit.deviation.chance_thresholds:EXAMINATION",
            "regression": "audit.targets.regression:EXAMINATION",
            "ordinal": "audit.targets.ordinal:EXAMINATION",
            "multilabel": "audit.targets.multilabel:EXAMINATION",
            "leakage-probe": "audit.mitigation.leakage_probe:EXAMINATION",
            "mitigation": "audit.mitigation.examination:EXAMINATION",
            "word-errors": "audit.groups.word_errors:EXAMINATION",
            "model-comparison": "audit.comparing.examination:EXAMINATION",
            "seed-tables": "audit.seeds.examination:EXAMINATION",
            "agreement": "audit.conditions.agreement:EXAMINATION",
            "rationales": "audit.rationales.described:EXAMINATION",
            "rationale-equity": "audit.rationales.equity:EXAMINATION",
            "citation": "faithfulness.citation.examination:EXAMINATION",
            "cue-grounding": "faithfulness.grounding.examination:EXAMINATION",
            "modality-reliance": "faithfulness.reliance.examination:EXAMINATION",
            "modality-weights": "faithfulness.weights.examination:EXAMINATION",
            "modality-information": "faithfulness.information.examination:EXAMINATION",
            "coherence": "faithfulness.conclusions.examination:EXAMINATION",
            "clue-overlap": "faithfulness.overlap.examination:EXAMINATION",
            "open-vocabulary": "faithfulness.open_vocabulary.examination:EXAMINATION",
            "rationale-corruption": "faithfulness.corruption.examination:EXAMINATION",
            "evidence-erasure": "faithfulness.erasure.examination:EXAMINATION",
            "insertions": "faithfulness.disclosure.insertions:EXAMINATION",
            "hints": "faithfulness.disclosure.hints:EXAMINATION",
            "stability": "faithfulness.stability.examination:EXAMINATION",
            "attributions": "faithfulness.attribution.examination:EXAMINATION",
            "attribution-sanity": "faithfulness.sanity.examination:EXAMINATION",
            "roar": "faithfulness.sanity.roar:EXAMINATION",
            "evidence-plausibility": "faithfulness.plausibility.examination:EXAMINATION",
            "human-review": "faithfulness.human_review.examination:EXAMINATION",
            "causal-concepts": "faithfulness.concepts.examination:EXAMINATION",
            "privacy-ledger": "privacy.ledger.examination:EXAMINATION",
            "membership": "privacy.attacks.examination:EXAMINATION",
            "one-run-audit": "privacy.canaries.examination:EXAMINATION",
            "leakage": "privacy.probes.examination:EXAMINATION",
            "gradient-inversion": "privacy.inversion.examination:EXAMINATION",
            "price-of-privacy": "privacy.price.examination:EXAMINATION",
            "gradient-canaries": "privacy.canaries.inside.examination:EXAMINATION",
            "gradient-clipping": "privacy.price.clipping:EXAMINATION",
            "consent": "privacy.consent.examination:EXAMINATION",
            "minimisation": "privacy.minimisation.examination:EXAMINATION",
            "federated-run": "federated.record.examination:EXAMINATION",
        },
        Door.RELEASES: {"releasable": "affidavit.disclosure.release:RELEASE"},
        Door.RENDERERS: {
            "html": "reports.formats.html:RENDERER",
            "md": "reports.formats.markdown:RENDERER",
            "json": "reports.formats.canonical:RENDERER",
            "pdf": "reports.formats.print.pdf:RENDERER",
            "junit": "reports.formats.junit:RENDERER",
            "model-card": "reports.formats.model_card:RENDERER",
            "oscal": "reports.formats.oscal:RENDERER",
            "tables": "reports.formats.table_files:RENDERER",
            "findings": "reports.formats.table_files:FINDINGS_RENDERER",
            "figures": "reports.formats.figure_files:RENDERER",
        },
        Door.COMMANDS: {
            "keys": "reports.trust.key_commands:keys",
            "commit": "reports.trust.commands:commit_rows",
            "sign": "reports.trust.commands:sign",
            "timestamp": "reports.trust.commands:timestamp",
            "pack": "reports.trust.commands:pack",
            "verify": "reports.trust.commands:verify_either",
            "file": "reports.papers.filing:file_papers",
            "render": "reports.formats.rendering:render_bundle",
            "gate": "reports.gate.command:gate_bundle",
            "dossier": "reports.law.commands:dossier",
            "lint-release": "privacy.linter.command:lint",
            "ledger": "privacy.ledger.commands:ledger",
            "withdraw": "privacy.withdrawal.command:withdraw",
            "verifier": "reasoners.verifier.commands:verifier",
            "explain": "faithfulness.attribution.command:explain",
            "federated-audit": "federated.pooled.commands:federated_audit",
            "site": "federated.deployment.command:site",
            "log": "federated.record.command:log",
            "draw-reviews": "faithfulness.human_review.command:draw",
            "dashboard": "dashboards.command:dashboard",
        },
    }
)
_registered: dict[tuple[Door, str], Any] = {}


def register(door: Door, name: str, value: Any) -> None:  # noqa: ANN401 - doors differ in type
    """Put a value behind a door for this process; doing so again under the same name replaces it.

    Raises:
        RegistryError: the name belongs to a built-in or to an installed plugin.
    """
    if name in BUILT_IN[door] or name in _installed(door):
        raise RegistryError(
            f"{name!r} is already behind the door {door}",
            slug="plugin-broken",
            remedy="choose another name",
        )
    _registered[door, name] = value


def names(door: Door) -> tuple[str, ...]:
    """Return every name behind a door: built-ins in their order, then plugins, then what was registered."""
    own = [name for registered_door, name in _registered if registered_door is door]
    return tuple(dict.fromkeys((*BUILT_IN[door], *sorted(_installed(door)), *own)))


def load(door: Door, name: str) -> Any:  # noqa: ANN401 - doors differ in type; callers know their protocol
    """Return what is behind a name.

    Raises:
        RegistryError: there is no such name, or its plugin does not load.
        MissingPartError: a built-in needs an extra that is not installed.
    """
    if (door, name) in _registered:
        return _registered[door, name]
    if name in BUILT_IN[door]:
        return _load_built_in(BUILT_IN[door][name])
    if (plugin := _installed(door).get(name)) is not None:
        return _load_plugin(door, plugin)
    known = list(names(door))
    raise RegistryError(
        f"{name!r} is not behind the door {door}{did_you_mean(name, known)}",
        slug="name-unknown",
        allowed=", ".join(known) or "nothing is registered there yet",
        remedy="check the spelling, or install the plugin that offers it",
    )


def _load_built_in(target: str) -> Any:  # noqa: ANN401
    module, attribute = target.split(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"{target} needs the package {error.name!r}",
            slug="part-missing",
            remedy="`affidavit doctor` says which extra brings it",
        ) from error


def _installed(door: Door) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"affidavit.{door}") if entry.name not in BUILT_IN[door]}


def _load_plugin(door: Door, plugin: EntryPoint) -> Any:  # noqa: ANN401
    try:
        return plugin.load()
    except Exception as error:
        raise RegistryError(
            f"the plugin {plugin.name!r} behind the door {door} does not load",
            slug="plugin-broken",
            where=plugin.value,
            found=f"{type(error).__name__}: {error}",
            remedy="mend or uninstall the package that brings it",
        ) from error

"""Is a run a training or an audit? Its plan's own keys say so, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from affidavit.errors import PlanError
from affidavit.yaml_files import read_yaml

Kind = Literal["training", "audit"]
_TRAINS: Final = frozenset({"training", "reasoner"})
_AUDITS: Final = "audit"


def kind_of(path: Path) -> Kind:
    """Return what a plan is for.

    Raises:
        PlanError: it says neither, or both.
        TableError: there is no such file, or it is not YAML.
    """
    document = read_yaml(path)
    keys = {str(key) for key in document} if isinstance(document, dict) else set()
    trains, audits = bool(keys & _TRAINS), _AUDITS in keys
    if trains == audits:
        raise PlanError(
            "the plan is for a training and for an audit" if trains else "the plan is for no training and no audit",
            slug="plan-invalid",
            where=path.name,
            found=f"the keys {', '.join(sorted(keys)[:12]) or 'none'}",
            allowed="`training` and `reasoner` for a training, or `audit` for an audit",
            remedy="write one plan for each; docs/federated.md describes both",
        )
    return "training" if trains else "audit"

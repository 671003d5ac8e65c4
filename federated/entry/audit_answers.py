"""What a site answered in an audit, kept on its own disk: asked again it says the same, and pays nothing more.

Two exact sums over nearly the same patients differ by who came and went, so that one approved file is answered once:
by one plan, from the table as it was then, under the site's limits as they were then. What is kept is never replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from affidavit.digests import canonical_json, digest_of
from federated.pooled.contribution import SUFFIX, SiteCounts, read_counts
from federated.pooled.counts_plan import CountsPlan, read_counts_plan
from federated.pooled.vocabulary import Vocabulary, read_vocabulary
from federated.private_files import private_file
from federated.updates.local import SiteLeavesError

PLAN: Final = "plan.yaml"
_LIMITS, _VOCABULARY = "limits.json", "vocabulary.json"
_ELSE: Final = "this site answered the audit before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One approved file's folder."""

    folder: Path
    site: str

    @property
    def counts(self) -> Path:
        """Where the sums lie that left, as `affidavit federated-audit site --sent` reads them."""
        return self.folder / f"{self.site}{SUFFIX}"

    def plan(self) -> CountsPlan | None:
        """Return the plan that was accepted; None before one was.

        Raises:
            AffidavitError: it cannot be read.
        """
        path = self.folder / PLAN
        return read_counts_plan(path) if path.exists() else None

    def accept(self, plan: CountsPlan) -> None:
        """Keep to a plan from here on.

        Raises:
            SiteLeavesError: another one was accepted before.
        """
        before = self.plan()
        if before is None:
            self._keep(self.folder / PLAN, plan.model_dump(mode="json"))
        elif before.digest != plan.digest:
            raise SiteLeavesError("plan-answered", f"{_ELSE}, by the plan {before.digest}")

    def vocabulary(self) -> Vocabulary | None:
        """Return what was named; None before anything was."""
        path = self.folder / _VOCABULARY
        return read_vocabulary(path.read_bytes(), where=str(path)) if path.exists() else None

    def keep_vocabulary(self, named: Vocabulary) -> None:
        """Keep what is about to be named."""
        self._keep(self.folder / _VOCABULARY, named.model_dump(mode="json"))

    def sums(self, limits: Mapping[str, Any]) -> SiteCounts | None:
        """Return the sums that left; None before any did. `limits` are those that the site has now.

        Raises:
            SiteLeavesError: they left under other limits, and are told under these no more.
        """
        if not self.counts.exists():
            return None
        if self._limits() != digest_of(limits):
            raise SiteLeavesError("plan-answered", f"{_ELSE}, under other limits than it has now")
        return read_counts(self.counts.read_bytes(), where=str(self.counts))

    def keep_sums(self, sums: SiteCounts, limits: Mapping[str, Any]) -> None:
        """Keep sums, whole or not at all, before they leave."""
        self._keep(self.folder / _LIMITS, digest_of(limits))
        with private_file(self.counts) as file:
            file.write(sums.to_json() + b"\n")

    def _limits(self) -> object:
        try:
            return json.loads((self.folder / _LIMITS).read_bytes())
        except (OSError, ValueError, ValidationError):
            return None

    def _keep(self, path: Path, content: object) -> None:
        with private_file(path) as file:
            file.write(canonical_json(content) + b"\n")

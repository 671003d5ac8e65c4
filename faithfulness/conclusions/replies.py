"""What is said where a judge did not answer, or answered something else: a judge that is out of order is no finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affidavit.records import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """How many texts a judge was asked of, and how often that came to nothing."""

    asked: int
    failed: int
    """The judge did not answer."""
    rubbish: int
    """It answered what is no answer to the question."""

    @property
    def useless(self) -> bool:
        """Whether no reply could be used."""
        return self.asked > 0 and self.failed + self.rubbish == self.asked

    def caveats(self) -> tuple[str, ...]:
        """Say what came to nothing, where anything did."""
        said: Mapping[str, int] = {"did not answer": self.failed, "answered something else than asked": self.rubbish}
        return tuple(f"the judge {what} {n:,} of {self.asked:,} times" for what, n in said.items() if n)

    def refusal(self, examination: str, run: str, condition: str) -> Refusal:
        """Refuse a condition of which no reply could be used."""
        return Refusal(
            examination=examination,
            run=run,
            because=f"of {self.asked:,} questions to the judge under {condition}, {self.failed:,} had no answer and "
            f"{self.rubbish:,} an answer that cannot be read",
            remedy="check url, model and key_file of the option judge, and that the model answers in a few words "
            "without thinking aloud",
        )

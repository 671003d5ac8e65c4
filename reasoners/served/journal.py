"""What an endpoint answered, written down as it comes: one line an answer, so that a killed run asks nobody twice.

A line is believed if it has the digest that it states; of a line that was cut by the end of a process, nothing is. A
fault leaves a line of its own, so that what was asked in vain is counted across runs.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

FILE: Final = "answers.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a question that the endpoint answered: a completion, or that it will not take the question."""

    text: str | None
    """None where the endpoint refuses the question."""
    refused: str | None = None
    """Status and message, where it refuses."""
    shares: Mapping[str, float] | None = None
    """Of labels, from log probabilities."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str | None = None
    finish: str | None = None


@dataclass(slots=True, kw_only=True)
class Journal:
    """Answers by the digest of the request; on disk, or where the cache is switched off in memory alone."""

    path: Path | None
    answers: dict[str, Answer] = field(default_factory=dict)
    faults: dict[str, Counter[str]] = field(default_factory=dict)
    """By request, kinds of attempts that brought nothing."""

    @classmethod
    def opened(cls, folder: Path | None) -> Self:
        """Return the journal of a folder with what stands in it."""
        journal = cls(path=None if folder is None else folder / FILE)
        if journal.path is not None and journal.path.is_file():
            for line in journal.path.read_bytes().splitlines():
                journal._read(line)
        return journal

    def answered(self, name: str, answer: Answer) -> None:
        """Keep an answer."""
        self.answers[name] = answer
        self._write({"name": name, "answer": asdict(answer)})

    def failed(self, name: str, kind: str) -> None:
        """Count an attempt that brought nothing."""
        self._count(name, kind)
        self._write({"name": name, "fault": kind})

    def _count(self, name: str, kind: str) -> None:
        self.faults.setdefault(name, Counter())[kind] += 1

    def _write(self, entry: dict[str, Any]) -> None:
        """Append a line in one call, so that runs that write at one time do not mix theirs; begin with an end of line.

        What a killed process left of its last line is so parted from what follows.
        """
        if self.path is None:
            return
        content = json.dumps(entry, ensure_ascii=True, sort_keys=True)
        line = f"\n{_sum(content.encode())} {content}\n".encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # rationales are people's
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def _read(self, line: bytes) -> None:
        stated, _, content = line.partition(b" ")
        if stated.decode("ascii", "replace") != _sum(content):
            return
        entry = json.loads(content)
        if "fault" in entry:
            self._count(entry["name"], entry["fault"])
        else:
            self.answers[entry["name"]] = Answer(**entry["answer"])


def _sum(content: bytes) -> str:
    return sha256(content).hexdigest()

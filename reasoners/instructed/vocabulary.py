"""Tokenizers: one learnt from the training texts for a model that starts from noise, else the pretrained part's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import CheckpointError, PlanError
from affidavit.sources import load_corpus
from reasoners.instructed.config import BackboneConfig, ModelConfig, TextEncoderConfig
from reasoners.instructed.instructions import INSTRUCTIONS
from reasoners.instructed.pretrained import had, model_folder

PAD, END, UNKNOWN = "<pad>", "<end>", "<unknown>"
_SIZE: Final = 2000
_PUBLIC_UTTERANCES: Final = 1200
_FEW: Final = 8
OWN: Final = "tokenizer.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Token ids `[N, L]`, filled up, and which of them are there."""

    ids: NDArray[np.int64]
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizers:
    """The reader's and the writer's; of a model that starts from noise they are one."""

    reader: Any
    writer: Any
    own: Any
    """The one that was learnt here and is kept in the checkpoint; None where both came with pretrained parts."""

    @property
    def reader_size(self) -> int:
        """Tokens of the reader."""
        return int(_length(self.reader))

    @property
    def writer_size(self) -> int:
        """Tokens of the writer."""
        return int(_length(self.writer))

    @property
    def end(self) -> int:
        """The writer's token that ends a rationale."""
        if self.writer is self.own:
            return int(self.writer.token_to_id(END))
        return int(self.writer.eos_token_id)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens the reader makes of each text, before any is cut."""
        return [len(row) for row in _rows(self.reader, texts, own=self.reader is self.own, special=True)]

    def read(self, texts: Sequence[str], *, max_tokens: int) -> Codes:
        """Return the codes of transcripts and instructions."""
        return _codes(self.reader, texts, max_tokens=max_tokens, own=self.reader is self.own, end=None)

    def written(self, texts: Sequence[str], *, max_tokens: int) -> Codes:
        """Return the codes of rationales, each with the token that ends it."""
        return _codes(self.writer, texts, max_tokens=max_tokens, own=self.writer is self.own, end=self.end)

    def said(self, ids: NDArray[np.int64]) -> list[str]:
        """Return the texts of generated ids."""
        rows = [[int(token) for token in row if token != self.end] for row in ids]
        return (
            [text.strip() for text in self.writer.decode_batch(rows, skip_special_tokens=True)]
            if (self.writer is self.own)
            else [text.strip() for text in self.writer.batch_decode(rows, skip_special_tokens=True)]
        )

    def label_tokens(self, labels: Sequence[str]) -> list[int]:
        """Return the first token of each label as a rationale begins with it."""
        codes = self.written([label.capitalize() for label in labels], max_tokens=_FEW)
        return [int(token) for token in codes.ids[:, 0]]

    def require_distinct(self, labels: Sequence[str]) -> None:
        """Refuse labels between which the writer's belief cannot be told apart, as coherence asks of it.

        Raises:
            PlanError: two labels begin with the same token.
        """
        first = self.label_tokens(labels)
        if len(set(first)) < len(first):
            twins = [label for label, token in zip(labels, first, strict=True) if first.count(token) > 1]
            raise PlanError(
                "two labels begin with the same token of the rationale's writer",
                slug="plan-impossible",
                found=", ".join(twins),
                allowed="labels whose first tokens differ",
                remedy="rename one of the labels, or train without coherence (coherence: 0)",
            )

    def save(self, folder: Path) -> None:
        """Write the tokenizer that was learnt here."""
        if self.own is not None:
            self.own.save(str(folder / OWN))


def public_texts() -> tuple[str, ...]:
    """Return what a new tokenizer is learnt from: the clinic's invented words and reasons, and the instructions.

    Never the corpus that is trained on: a vocabulary tells whose words went into it, and would have to be paid for
    under differential privacy.
    """
    clinic = load_corpus("clinic", {"seed": 0, "n_utterances": _PUBLIC_UTTERANCES, "media": "none"})
    told = [text for u in clinic.utterances for text in (u.text, *u.rationales.values()) if text]
    return (*told, *(words for family in INSTRUCTIONS.values() for words in family))


def learn_tokenizers(config: ModelConfig, texts: Iterable[str]) -> Tokenizers:
    """Return the tokenizers of a new model; words that occur often become one token each, and so does each label."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    own = Tokenizer(models.BPE(unk_token=UNKNOWN))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_SIZE,
        special_tokens=[PAD, UNKNOWN, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    own.train_from_iterator(texts, trainer)
    own.add_tokens([AddedToken(label.capitalize(), single_word=True) for label in config.label_space])
    return _tokenizers(config, own)


def load_tokenizers(config: ModelConfig, folder: Path) -> Tokenizers:
    """Return the tokenizers of a checkpoint.

    Raises:
        CheckpointError: the checkpoint lacks its tokenizer, or it does not read.
        PlanError: a pretrained tokenizer cannot be had.
    """
    from tokenizers import Tokenizer

    if not needs_own(config):
        return _tokenizers(config, None)
    try:
        return _tokenizers(config, Tokenizer.from_str((folder / OWN).read_text(encoding="utf-8")))
    except PlanError:
        raise
    except Exception as error:  # the package raises bare ones
        raise CheckpointError(
            f"the checkpoint's {OWN} does not read",
            slug="checkpoint-invalid",
            where=str(folder),
            found=str(error),
            allowed="the file as `affidavit train` left it",
            remedy="copy the checkpoint again as a whole, or train again",
        ) from None


def needs_own(config: ModelConfig) -> bool:
    """Say whether a model reads or writes by a tokenizer that is learnt with it."""
    return _source(config.text) is None or _source(config.backbone) is None


def _source(part: TextEncoderConfig | BackboneConfig | None) -> str | None:
    return None if part is None else part.source


def _tokenizers(config: ModelConfig, own: Any) -> Tokenizers:  # noqa: ANN401 - tokenizers has no types
    reads, writes = _source(config.text), _source(config.backbone)
    return Tokenizers(
        reader=_pretrained(reads) if reads else own,
        writer=_pretrained(writes) if writes else own,
        own=own if needs_own(config) else None,
    )


def _pretrained(source: str) -> Any:  # noqa: ANN401 - a tokenizer of any class
    from transformers import AutoTokenizer

    with had(source):
        return AutoTokenizer.from_pretrained(model_folder(source))


def _length(tokenizer: Any) -> int:  # noqa: ANN401
    return int(tokenizer.get_vocab_size()) if hasattr(tokenizer, "get_vocab_size") else len(tokenizer)


def _rows(tokenizer: Any, texts: Sequence[str], *, own: bool, special: bool) -> list[list[int]]:  # noqa: ANN401
    """Return the tokens of each text; `special` adds those that a pretrained reader begins and ends with."""
    if own:
        return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=special)["input_ids"] if texts else []
    return rows


def _codes(tokenizer: Any, texts: Sequence[str], *, max_tokens: int, own: bool, end: int | None) -> Codes:  # noqa: ANN401
    rows = _rows(tokenizer, texts, own=own, special=end is None)
    room = max_tokens if end is None else max_tokens - 1
    rows = [[*row[:room], *([] if end is None else [end])] for row in rows]
    longest = max((len(row) for row in rows), default=0)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    known = np.zeros((len(rows), longest), dtype=bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)], known[i, : len(row)] = row, True
    return Codes(ids=ids, known=known)

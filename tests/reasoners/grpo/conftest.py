"""A tiny language model that can learn to write, the dialogues that it learns from, and sentences for a verifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.utterances import Utterance
from reasoners.language.encoding import TextEncoder
from reasoners.language.options import Asking
from reasoners.language.prompts import Given, question
from reasoners.language.reasoner import LanguageReasoner
from reasoners.omni.noise import MARKS

LABELS: Final = ("anger", "fear", "joy")
SAID: Final = {
    "anger": ("you broke it again", "leave my room now"),
    "fear": ("somebody is behind us", "the lights went out"),
    "joy": ("we won the cup", "my sister is back"),
}
REASONS: Final = {
    "anger": ("The voice shouts in anger.", "The face looks furious."),
    "fear": ("The voice shakes with fear.", "The face looks afraid."),
    "joy": ("The voice laughs with joy.", "The face looks happy."),
}
_FORMS: Final = ("She {0} with {1}.", "He {0} in {1}.", "A face so {2}.", "The face looks {2}.", "{1} in the voice.")
_ACTS: Final = ("shouts", "shakes", "laughs", "The voice shouts", "The voice shakes", "The voice laughs")
_NAMED: Final = {"anger": ("anger", "furious"), "fear": ("fear", "afraid"), "joy": ("joy", "happy")}
READ: Final = {
    **{name: tuple(form.format(act, *words) for act in _ACTS for form in _FORMS) for name, words in _NAMED.items()},
    "neutral": (
        *("The chair is brown.", "It is said in the hall.", "Nothing stands out.", "The words tell a date."),
        *(f"{act}." for act in _ACTS),
        *(f"{act} with it." for act in _ACTS),
        *("The voice.", "The face.", "The face looks.", "The.", "She.", "He.", "With in.", "So a face."),
    ),
}
"""Sentences for a verifier, in which the word that names an emotion tells it and what the voice does tells nothing."""


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """Bytes, and a token for most words that are asked or said here."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    asked = question(Given(text=" ".join(" ".join(t) for t in SAID.values())), LABELS, instruction="Why?", thinks=True)
    texts = [asked.system, *(piece for piece in asked.pieces if isinstance(piece, str))]
    texts += [reason for some in REASONS.values() for reason in some]
    texts += [f"</think><answer>{label}</answer>" for label in LABELS]
    made: Any = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(MARKS),
    )


@pytest.fixture(scope="session")
def make_reasoner(tokenizer: Any) -> Callable[..., LanguageReasoner]:
    """Llamas of two layers, all of which is trained; the same for the same seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    def made(*, seed: int = 0, hidden: int = 48, thinks: bool = True) -> LanguageReasoner:
        torch.manual_seed(seed)
        shape = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            intermediate_size=2 * hidden,
            initializer_range=0.08,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            tie_word_embeddings=True,
        )
        return LanguageReasoner(
            model=LlamaForCausalLM(shape).eval(),
            encoder=TextEncoder(tokenizer),
            labels=LABELS,
            asking=Asking(
                instruction="Why is it so?", history=0, max_tokens=24, reasoning="before" if thinks else "none"
            ),
            name="tiny",
            keeper=_Keeper(),
        )

    return made


class _Keeper:
    """Keeps the card alone: what a checkpoint of adapters holds is tested elsewhere."""

    def save(self, folder: Any, model: Any, card: Any) -> None:
        import json

        (folder / "card.json").write_text(json.dumps(dict(card)), encoding="utf-8")


def reasons_for(label: str, rng: np.random.Generator, *, honest: float) -> str:
    """Return two reasons for a label, or for another one."""
    told = label if rng.random() < honest else str(rng.choice([other for other in LABELS if other != label]))
    return " ".join(REASONS[told])


@pytest.fixture(scope="session")
def make_corpus() -> Callable[..., Corpus]:
    """Patients of one turn each, whose words tell the label; `honest` is how often a reference fits it."""

    def made(n: int = 30, *, honest: float = 1.0, seed: int = 0, labels: Sequence[str] = LABELS) -> Corpus:
        rng = np.random.default_rng(seed)
        turns = []
        for i in range(n):
            label = labels[i % len(labels)]
            turns.append(
                Utterance(
                    utterance_id=f"u{i}",
                    speaker_id=f"p{i}",
                    unit_id=f"p{i}",
                    dialogue_id=f"d{i}",
                    turn=0,
                    text=SAID[label][i // 3 % 2],
                    label=label,
                    rationales={"explain": reasons_for(label, rng, honest=honest)},
                )
            )
        digest = digest_of([n, honest, seed])
        return Corpus(name="made", utterances=tuple(turns), digest=digest, licence="none", label_space=tuple(labels))

    return made

"""What is asked of a language model, what it is shown, and what its folder says of its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from affidavit.conditions import Condition
from affidavit.interventions import intervention
from affidavit.judgements import Unjudged
from affidavit.utterances import MediaSpan, Utterance
from reasoners.language.cards import UNKNOWN, card_of, folder_card
from reasoners.language.conditions import instead
from reasoners.language.encoding import TextEncoder
from reasoners.language.perceiving import Senses, given, turns_before
from reasoners.language.prompts import Given, question
from reasoners.language.writing import Style, written
from reasoners.omni.noise import byte_tokenizer, tiny

TURNS = (
    Utterance(utterance_id="0", speaker_id="doctor", dialogue_id="d", turn=0, text="How are you?"),
    Utterance(utterance_id="1", speaker_id="p", dialogue_id="d", turn=1, text="Not here.", consent={"text": False}),
    Utterance(utterance_id="2", speaker_id="p", dialogue_id="d", turn=2, text="Fine."),
    Utterance(utterance_id="3", speaker_id="p", dialogue_id="d", turn=3, text="Really fine.", label="joy"),
)
SENSES = Senses(modalities=frozenset("T"), history=3)


def asked(turn: Utterance, condition: str, senses: Senses = SENSES) -> Given | Unjudged:
    return given(turn, turns_before(TURNS)[turn.utterance_id], Condition.parse(condition), senses)


def text_of(shown: Given) -> str:
    found = question(shown, ["joy", "fear"], instruction="Why?", thinks=True)
    return "".join(piece for piece in found.pieces if isinstance(piece, str))


def test_the_words_before_are_told_without_names_and_without_what_was_declined() -> None:
    shown = asked(TURNS[3], "T")
    assert isinstance(shown, Given)
    assert shown.before == ((False, "How are you?"), (True, "Fine."))
    said = text_of(shown)
    assert "Somebody else: How are you?\nThe speaker: Fine." in said
    assert "Not here" not in said
    assert "doctor" not in said


def test_where_words_are_not_shown_no_turn_tells_any() -> None:
    heard = replace(TURNS[3], audio=MediaSpan(path=Path("nowhere.wav")))
    refused = asked(heard, "A", replace(SENSES, modalities=frozenset("TA")))
    assert isinstance(refused, Unjudged)
    assert refused.because == "audio that cannot be used"
    shown = given(TURNS[3], TURNS[:3], Condition(), SENSES)
    assert shown == Given()
    assert "words" not in text_of(Given()).split("The emotions are")[0]


def test_a_degraded_transcript_is_degraded_in_every_turn_and_the_same_every_time() -> None:
    once, again = asked(TURNS[3], "T/transcript-errors=0.9"), asked(TURNS[3], "T/transcript-errors=0.9")
    assert once == again
    assert isinstance(once, Given | Unjudged)
    assert once != asked(TURNS[3], "T")


@pytest.mark.parametrize(
    ("condition", "left"), [("T/early=0", ""), ("T/early=0.5", "She laughs"), ("T/filler", ". . . .")]
)
def test_reasoning_is_cut_or_exchanged_for_dots(condition: str, left: str) -> None:
    found = intervention(Condition.parse(condition))
    assert found is not None
    assert instead("She laughs out loud", found) == left


def test_writing_is_the_same_every_time_and_above_zero_by_its_seed() -> None:
    import torch

    from reasoners.language.encoding import padded
    from reasoners.language.prefix import prefilled

    tokenizer, model = byte_tokenizer(), tiny("llama")
    encoder = TextEncoder(tokenizer)
    prompt = encoder.prompt(question(Given(text="Fine."), ["joy", "fear"], instruction="Why?", thinks=True), "<think>")
    with torch.no_grad():
        prefix = prefilled(model, padded([prompt.ids] * 2, torch.device("cpu")))
        greedy = [written(model, tokenizer, prefix, Style(max_tokens=8), seeds=[1, 2]) for _ in range(2)]
        warm = Style(max_tokens=8, temperature=2.0)
        drawn = [written(model, tokenizer, prefix, warm, seeds=seeds) for seeds in ([1, 2], [1, 2], [3, 4])]
    assert greedy[0] == greedy[1]
    assert greedy[0][0] == greedy[0][1]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert drawn[0][0] != drawn[0][1]


def test_writing_ends_with_its_tag() -> None:
    """A model that says the end over and over is cut at the first one."""
    import torch

    from reasoners.language.encoding import padded, words
    from reasoners.language.prefix import Prefix, prefilled

    tokenizer, model = byte_tokenizer(), tiny("llama")
    tag = words(tokenizer, "</answer>")
    said = iter(tag * 3)
    genuine = Prefix.continued

    def forced(prefix: Prefix, *arguments: object) -> object:
        found, hidden = genuine(prefix, *arguments)  # type: ignore[arg-type]
        return replace(found, last=torch.nn.functional.one_hot(torch.tensor([next(said)]), 434).float() * 50), hidden

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        prefix = prefilled(model, padded([words(tokenizer, "Fine.")], torch.device("cpu")))
        patch.setattr(Prefix, "continued", forced)
        [text] = written(model, tokenizer, prefix, Style(max_tokens=40), seeds=[0])
    assert text.endswith("</answer>")
    assert text.count("</answer>") == 1


def test_a_folder_says_what_its_weights_are(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert folder_card(str(tmp_path)).licence == UNKNOWN
    assert folder_card(str(tmp_path)).described().licence is None
    (tmp_path / "LICENSE").write_text("\nThe Quiet Licence\nmore\n")
    bare = folder_card(str(tmp_path))
    assert bare.licence == "The Quiet Licence"
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: qwen-research\n---\nText.\n")
    told = folder_card(str(tmp_path))
    assert (told.licence, told.name, told.origin) == ("qwen-research", tmp_path.name, "a folder")
    assert card_of(told.record()) == told
    (tmp_path / "model.safetensors").write_bytes(b"others")
    assert folder_card(str(tmp_path)).digest != told.digest
    assert str(tmp_path) not in told.described().model_dump_json()
    assert folder_card(str(tmp_path)).described().licence == "qwen-research"

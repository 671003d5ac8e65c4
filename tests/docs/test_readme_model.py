"""The README's example of a Hugging Face model runs as it stands, on a small model of the genuine class."""

import json
import re
from pathlib import Path

import affidavit as af

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness")


def example() -> str:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Put your own model on the stand")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def small_model(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForSequenceClassification

    words = ["<pad>", "<unk>", "pain", "glad", "afraid", "the", "I", "am"]
    plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>")
    tokenizer.save_pretrained(folder)
    shape = RobertaConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        pad_token_id=0,
        id2label=dict(enumerate(LABELS)),
    )
    RobertaForSequenceClassification(shape).save_pretrained(folder)


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    small_model(tmp_path)
    names: dict[str, object] = {"folder": str(tmp_path)}
    exec(compile(example(), "README.md", "exec"), names)
    report, predictions = names["report"], names["predictions"]
    assert isinstance(report, af.AuditReport)
    assert isinstance(predictions, af.Predictions)
    assert predictions.conditions == ("T",)
    assert predictions.levels["reasoner"] == ("my_model",)
    written = json.loads(report.to_json())
    assert any(finding["groups"].get("accent") for finding in written["findings"])


def test_it_is_as_short_as_promised() -> None:
    lines = example().partition("def my_model")[2].splitlines()
    assert len([line for line in lines if line.strip()]) <= 15

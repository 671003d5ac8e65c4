"""What every loader of a corpus does: the contract, its own name, a digest of content, and no way out of its folder."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError, PlanError, RowError
from affidavit.protocols import CorpusLoader, silent
from affidavit.testing.contracts import CorpusLoaderContract

Load = Callable[..., Corpus]
Layout = Callable[[str], Path]
MODULES = {
    "crema-d": "crema_d_clips",
    "ravdess": "ravdess",
    "meld": "meld",
    "iemocap": "iemocap",
    "dfew": "dfew",
    "mafw": "mafw",
    "mer2023": "mer2023",
    "emer": "emer",
    "seed-vii": "seed_vii",
    "audformat": "audformat_database",
    "hugging-face": "hugging_face",
}
LISTED = ("crema-d", "ravdess", "iemocap", "dfew", "mafw", "mer2023")
"""Loaders that look for their media by name."""


def loader_of(name: str) -> CorpusLoader:
    loader: CorpusLoader = import_module(f"corpora.{MODULES[name]}").LOADER
    return loader


@pytest.mark.parametrize("name", MODULES)
class TestContract(CorpusLoaderContract):
    options: ClassVar[dict[str, Any]] = {"path": "."}

    @pytest.fixture(autouse=True)
    def _made(self, name: str, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "loader", loader_of(name), raising=False)
        monkeypatch.setattr(type(self), "folder", layout(name))

    def test_loads_twice_the_same(self, name: str) -> None:
        super().test_loads_twice_the_same()

    def test_is_a_whole_corpus(self, name: str) -> None:
        assert isinstance(self.loader, CorpusLoader)
        assert self.loader.name == name
        corpus = self.loader.load(self.options, folder=self.folder, progress=silent)
        assert corpus.assumptions, "every corpus makes one assumption at least"
        assert corpus.digest.startswith("sha256:")
        labels = {utterance.label for utterance in corpus.utterances} - {None}
        assert labels <= set(corpus.label_space)
        for utterance in corpus.utterances:
            assert not utterance.soft_label or sum(utterance.soft_label.values()) == pytest.approx(1)
            for span in (utterance.audio, utterance.video):
                assert span is None or span.path.is_file()

    def test_a_strange_option_is_refused(self, name: str) -> None:
        with pytest.raises(PlanError, match="the options do not validate"):
            self.loader.load({"path": ".", "colour": 1}, folder=self.folder, progress=silent)

    def test_a_folder_that_is_not_there_is_an_error_for_people(self, name: str) -> None:
        with pytest.raises(AffidavitError) as caught:
            self.loader.load({"path": "nowhere"}, folder=self.folder, progress=silent)
        assert caught.value.slug == "file-not-found"

    def test_the_digest_does_not_know_where_the_folder_lies(self, name: str, tmp_path: Path) -> None:
        before = self.loader.load(self.options, folder=self.folder, progress=silent).digest
        moved = self.folder.rename(tmp_path / "elsewhere")
        assert self.loader.load(self.options, folder=moved, progress=silent).digest == before


@pytest.mark.parametrize("name", LISTED)
def test_the_digest_covers_names_and_sizes_of_media(name: str, layout: Layout, load_with: Load) -> None:
    root = layout(name)
    before = load_with(loader_of(name), path=name).digest
    clip = next(path for path in sorted(root.rglob("*")) if path.suffix in (".wav", ".mp4") and path.name[0] != ".")
    clip.write_bytes(clip.read_bytes() + b"!")
    for twin in root.rglob(clip.name):
        twin.write_bytes(clip.read_bytes())
    assert load_with(loader_of(name), path=name).digest != before


@pytest.mark.parametrize("name", LISTED)
def test_no_link_leads_out_of_the_folder(name: str, layout: Layout, load_with: Load, tmp_path: Path) -> None:
    root = layout(name)
    clip = next(path for path in sorted(root.rglob("*")) if path.suffix in (".wav", ".mp4") and path.name[0] != ".")
    outside = clip.rename(tmp_path / "outside")
    clip.symlink_to(outside)
    with pytest.raises(RowError, match="leads out of the folder"):
        load_with(loader_of(name), path=name)


@pytest.mark.parametrize("name", ["iemocap", "dfew", "mafw", "mer2023"])
def test_missing_media_are_refused_or_counted(name: str, layout: Layout, load_with: Load) -> None:
    root = layout(name)
    for clip in [path for path in root.rglob("*") if path.suffix in (".wav", ".mp4")]:
        clip.unlink()
    with pytest.raises(RowError, match=r"there is no media file of that name[\s\S]*media: skip"):
        load_with(loader_of(name), path=name)
    corpus = load_with(loader_of(name), path=name, media="skip")
    assert any("have no media file" in said for said in corpus.assumptions)
    assert any(utterance.audio is None for utterance in corpus.utterances)


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("meld", "train_sent_emo.csv", ",joy,", ",glee,"),
        ("mer2023", "train-label.csv", ",happy,", ",glee,"),
        ("dfew", "EmoLabel_DataSplit/train(single-labeled)/set_1.csv", "3,4", "3,9"),
    ],
)
def test_unknown_labels(name: str, file: str, old: str, new: str, layout: Layout, load_with: Load) -> None:
    root = layout(name)
    whole = load_with(loader_of(name), path=name)
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(
        RowError, match=r"row \d: the label is missing from the labels[\s\S]*allowed: .*neutral"
    ) as caught:
        load_with(loader_of(name), path=name)
    assert Path(file).name in str(caught.value)
    dropped = load_with(loader_of(name), path=name, unknown_labels="drop")
    assert len(dropped.utterances) == len(whole.utterances) - 1
    assert any("1 of " in said and "left out" in said for said in dropped.assumptions)
    word = new.strip(",").split(",")[-1]
    mapped = load_with(loader_of(name), path=name, labels={word: "bliss"})
    assert [u.utterance_id for u in mapped.utterances] == [u.utterance_id for u in whole.utterances]
    assert "bliss" in mapped.label_space


@pytest.mark.parametrize("name", ["crema-d", "ravdess", "meld", "dfew", "mafw", "mer2023", "seed-vii"])
def test_renaming_what_there_is_not_is_refused_where_it_could_do_nothing(
    name: str, layout: Layout, load_with: Load
) -> None:
    layout(name)
    with pytest.raises(PlanError, match="is no label of this corpus"):
        load_with(loader_of(name), path=name, labels={"glumness": "sad"}, unknown_labels="drop")
    with pytest.raises(PlanError, match="is given no name"):
        load_with(loader_of(name), path=name, labels={"neutral": " "})
    corpus = load_with(loader_of(name), path=name, labels={"neutral": "calm"})
    assert "neutral" not in corpus.label_space
    assert any("'neutral' is called 'calm'" in said for said in corpus.assumptions)

"""Small words that turn, take back or sum up what a rationale says, in English and Chinese.

They are few and plain, and they read no grammar: a negation that follows its word ("anger is ruled out") is missed, and
so is the end of a concession without a comma ("despite the cheer she is sad").
Written for this project (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from affidavit.lexicons.english import ENGLISH, FOREIGN
from affidavit.lexicons.open_emotions.tokens import PAUSE, STOP

VERSION: Final = "1"


class Marker(IntEnum):
    """What a small word does."""

    STOP = 0
    """Ends a sentence."""
    PAUSE = 1
    """Ends a clause."""
    NEGATES = 2
    """Takes back the emotions that follow it in its clause."""
    FREES = 3
    """Ends the reach of a negation: not only, cannot hide, no smile because."""
    TURNS = 4
    """What follows counts in place of what came before."""
    CONCEDES = 5
    """What follows in its clause is granted and does not count."""
    WHILE = 6
    """Concedes at the start of a sentence only."""
    CONCLUDES = 7
    """Its sentence sums up."""
    LEADS = 8
    """The first emotion that follows leads the others."""
    HEADS = 9
    """Sums up and leads: the dominant emotion is."""
    SEEMS = 10
    """What follows is only seen, if a turn follows in its sentence: looks happy but is anxious."""
    ENGLISH = 11
    FOREIGN = 12


_NEGATES: Final = (
    *("not", "no", "never", "without", "neither", "nor", "nothing", "none", "hardly", "barely", "scarcely", "cannot"),
    *("lack", "lacks", "lacking", "absence", "devoid", "absent", "rather than", "instead of", "opposed to", "unlike"),
    *("far from", "free of", "less", "pretend", "pretends", "pretending", "pretended", "feign", "feigns", "feigned"),
    *("feigning", "fake", "fakes", "faking", "faked", "isnt", "doesnt", "dont", "didnt", "wasnt", "cant", "wont"),
    *("不", "没", "沒", "没有", "沒有", "并非", "並非", "不是", "并不", "並不", "毫无", "毫無", "并没有", "並沒有"),
    *("未", "未见", "未見", "无", "無", "绝非", "絕非", "从未", "從未", "假装", "假裝", "装作", "裝作", "佯装", "佯裝"),
    *("与其说", "與其說", "缺乏", "不再", "不太", "不怎么", "不怎麼", "而不是", "而非", "强装", "強裝"),
)
_FREES: Final = (
    *("and", "because", "since", "which", "who", "as", "when", "where", "only", "just", "merely"),
    *(
        "no doubt",
        "without doubt",
        "without a doubt",
        "no question",
        "no wonder",
        "hide",
        "hides",
        "hiding",
        "hidden",
        "conceal",
        "conceals",
        "concealing",
    ),
    *("contain", "suppress", "disguise", "mask", "masks", "help", "control", "suggesting", "indicating", "showing"),
    *("revealing", "reflecting", "不仅", "不僅", "不但", "不只", "不光", "不单", "非但", "不得不", "不由", "不禁"),
    *("忍不住", "无法掩饰", "無法掩飾", "掩饰不住", "掩飾不住", "难掩", "難掩", "毫无疑问", "毫無疑問", "无疑", "無疑"),
    *("因为", "因為", "从而", "從而", "并且", "並且", "而且", "以及", "充满", "充滿", "显得", "顯得"),
)
_TURNS: Final = (
    *("but", "however", "yet", "nevertheless", "nonetheless", "actually", "instead", "then", "finally", "eventually"),
    *("becomes", "became", "turns", "turned", "shifts", "shifted", "changes", "afterwards", "in fact", "in reality"),
    *("in truth", "deep down", "beneath", "underneath"),
    *("但", "但是", "却", "卻", "然而", "而是", "反而", "不过", "不過", "可是", "其实", "其實", "实际上", "實際上"),
    *("事实上", "事實上", "最后", "最後", "最终", "最終", "随后", "隨後", "后来", "後來", "转为", "轉為", "转变为"),
    *("轉變為", "变得", "變得", "变为", "變為", "内心", "內心", "接着", "接著", "不如说", "不如說"),
)
_CONCEDES: Final = (
    *("although", "though", "even though", "despite", "in spite of", "notwithstanding", "regardless of"),
    *("虽然", "雖然", "尽管", "儘管", "虽", "雖", "即使", "固然"),
)
_CONCLUDES: Final = (
    *("therefore", "thus", "hence", "consequently", "overall", "conclude", "concludes", "concluded", "concluding"),
    *("conclusion", "infer", "inferred", "infers", "in summary", "to summarise", "to summarize", "in short", "final"),
    *("all in all", "taken together", "accordingly", "emotional state is"),
    *("因此", "所以", "综上", "綜上", "综上所述", "綜上所述", "总之", "總之", "总的来说", "總的來說", "推断", "推斷"),
    *("可见", "可見", "由此可见", "由此可見", "判断", "判斷", "综合来看", "綜合來看", "总体", "總體", "情绪状态是"),
)
_HEADS: Final = (
    *("dominant emotion", "primary emotion", "main emotion", "dominant feeling", "prevailing emotion"),
    *("主要情绪", "主要情緒", "主导情绪", "主導情緒"),
)
_LEADS: Final = (
    *(
        "mainly",
        "primarily",
        "predominantly",
        "dominant",
        "primary",
        "mostly",
        "chiefly",
        "strongest",
        "above all",
        "most likely",
    ),
    *("dominated by", "主要", "主导", "主導", "最强", "最強", "为主的是", "首先是"),
)
_SEEMS: Final = (
    *("look", "looks", "looked", "looking", "appear", "appears", "appeared", "seem", "seems", "seemed", "seemingly"),
    *("apparently", "outwardly", "on the surface", "superficially", "smile", "smiles", "smiling"),
    *("看起来", "看起來", "看上去", "表面", "表面上", "似乎", "好像", "面带", "面帶", "貌似"),
)
PASSED_OVER: Final = frozenset(
    {
        *("音乐", "音樂", "非常", "无比", "無比", "无论", "無論", "不管", "不断", "不斷", "不停", "不同"),
        *("不少", "不料", "不时", "不時", "不错", "不錯", "不久", "未来", "未來", "没错", "沒錯", "没关系", "沒關係"),
        *("意外事故", "无线", "無線", "不一会儿", "不一會兒", "差不多", "不远", "不遠"),
    }
)
"""Chinese words in which a shorter one of the lists would be read."""


def _codes() -> dict[str, Marker]:
    lists = {
        Marker.FOREIGN: FOREIGN,
        Marker.ENGLISH: ENGLISH,
        Marker.FREES: _FREES,
        Marker.NEGATES: _NEGATES,
        Marker.TURNS: _TURNS,
        Marker.CONCEDES: _CONCEDES,
        Marker.WHILE: ("while", "whereas", "whilst"),
        Marker.CONCLUDES: _CONCLUDES,
        Marker.LEADS: _LEADS,
        Marker.HEADS: _HEADS,
        Marker.SEEMS: _SEEMS,
        Marker.STOP: (STOP,),
        Marker.PAUSE: (PAUSE,),
    }
    return {word: marker for marker, words in lists.items() for word in words}


MARKERS: Final[Mapping[str, Marker]] = MappingProxyType(_codes())
"""From a small word to what it does; of two lists that hold it, the later one in the code decides."""
EVIDENTLY_ENGLISH: Final = frozenset(
    {
        Marker.ENGLISH,
        Marker.FREES,
        Marker.TURNS,
        Marker.CONCEDES,
        Marker.WHILE,
        Marker.CONCLUDES,
        Marker.HEADS,
        Marker.SEEMS,
    }
)
"""Markers that speak for a text in English, where it is written in Latin letters."""

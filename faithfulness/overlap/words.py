"""Small words that tell nothing of a clue, in English and Chinese, and the ends of English words.

Written for this project (Apache-2.0).
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1"
_STOPS: Final = (
    "a about above across after again all also although always am an and another any anything are around as at away be "
    "because been before being below between both but by can could did do does doing during each either else even "
    "ever every few for from further gets give given gives had has have having he her here hers herself him himself "
    "his how however i if in indeed into is it its itself just kind last least less let like likely made make makes "
    "making many may maybe me might more most much must my near nearly of off often on once one only onto or other our "
    "out over own part per perhaps please point points possibly probably quite rather really same see seen seem seemed "
    "seems several shall she should since so some somewhat soon still such than that the their them then there these "
    "they thing things this those though through thus to together too toward towards under until upon us use used "
    "very via was way we well were what when where whether which while who whom whose why will with within would yet "
    "you your think thinks thus therefore hence overall suggest suggests suggested suggesting show shows showed shown "
    "showing indicate indicates indicated indicating reveal reveals reflect reflects reflecting convey conveys express "
    "expresses expressed expressing imply implies infer inferred conclude concluded evidence clue clues cue cues "
    "emotion emotions emotional emotionally feel feels feeling feelings felt mood state states attitude inner "
    "speaker speakers person people man woman boy girl patient character protagonist individual subject someone "
    "video audio image picture clip scene frame frames utterance appear appears appeared look looks looked sound "
    "sounds sounded sounding become becomes became clearly slightly strongly obviously visibly noticeably"
)
_CARRIERS: Final = (
    "voice voices vocal tone tones pitch speech face faces facial expression expressions word words wording phrase "
    "phrases sentence text language saying says said say content gesture gestures posture body movement movements "
    "visual prosody intonation"
)
_NEGATIONS: Final = (
    "no not never without neither nor none nothing hardly barely cannot lack lacks lacking absent absence"
)
STOP_WORDS: Final = frozenset(_STOPS.split())
CARRIERS: Final = frozenset(_CARRIERS.split())
"""Words that name where a clue is and not what it is; every rationale has them."""
NEGATIONS: Final = frozenset(_NEGATIONS.split())
SURROUNDINGS: Final = (
    r"\b(?:background|surroundings?|environment|room|office|kitchen|hospital|ward|street|car|music|lighting|setting)\b"
    r"|背景|环境|環境|房间|房間|办公室|辦公室|医院|醫院|街道|车内|車內|音乐|音樂|灯光|燈光"
)
"""What speaks of where somebody is: the fourth aspect of EMER, beside words, voice and face."""
CHINESE_STOPS: Final = (
    *("情绪", "情緒", "情感", "心情", "感到", "感受", "感觉", "感覺", "表现", "表現", "表明", "表示", "显示", "顯示"),
    *("说明", "說明", "体现", "體現", "反映", "可能", "似乎", "好像", "看起来", "看起來", "听起来", "聽起來", "显得"),
    *("顯得", "因此", "所以", "综上", "綜上", "推断", "推斷", "判断", "判斷", "线索", "線索", "视频", "視頻", "画面"),
    *("畫面", "音频", "音頻", "字幕", "男子", "女子", "男人", "女人", "说话者", "說話者", "主人公", "人物", "角色"),
    *("他们", "她们", "自己", "这个", "這個", "那个", "那個", "一种", "一種", "一些", "非常", "比较", "比較", "有些"),
    *("以及", "并且", "並且", "同时", "同時", "而且", "但是", "但", "其", "中", "可以", "状态", "狀態", "我们", "我們"),
    *("声音", "聲音", "嗓音", "语气", "語氣", "语调", "語調", "音调", "音調", "表情", "面部", "脸上", "臉上", "神情"),
    *("神色", "动作", "動作", "肢体", "肢體", "话语", "話語", "言语", "言語", "语句", "語句", "说的话", "說的話"),
    *("内容", "內容", "文本", "台词", "臺詞", "整体", "整體", "的", "了", "着", "著", "是", "在", "他", "她", "它"),
    *("我", "你", "您", "这", "這", "那", "和", "与", "與", "及", "而", "也", "都", "就", "很", "有", "地", "得"),
    *("之", "从", "從", "对", "對", "为", "為", "被", "把", "时", "時", "说", "說"),
)
"""Words that carry no clue, at which a run of characters is cut."""
CHINESE_NEGATIONS: Final = ("没有", "沒有", "并未", "並未", "毫无", "毫無", "没", "沒", "不", "无", "無", "未")
_ENDINGS: Final = (("ingly", ""), ("edly", ""), ("ies", "y"), ("ing", ""), ("ed", ""), ("ly", ""), ("s", ""))
_SHORTEST: Final = 3


def stem(word: str) -> str:
    """Return what an English word shares with its other forms, roughly.

    >>> [stem(word) for word in ("trembles", "trembling", "tremble", "brows", "raised", "sobbing", "glass", "is")]
    ['trembl', 'trembl', 'trembl', 'brow', 'rais', 'sob', 'glass', 'is']
    """
    if not word.endswith("ss"):
        for ending, instead in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
                word = word[: -len(ending)] + instead
                break
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word[:-1] if len(word) > _SHORTEST and word.endswith("e") else word

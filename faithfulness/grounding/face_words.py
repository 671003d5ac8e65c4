"""What people write of a face and a body, English and Chinese: action units by number, by name, and in plain words.

Action units are those of the Facial Action Coding System (Ekman, Friesen, Hager 2002). Plain words that more than one
action unit may mean (raised brows, tight lips, a frown) are true of any of them. Written for this project (Apache-2.0).
"""

from __future__ import annotations

import re
from typing import Final

from faithfulness.grounding.phrases import Phrase

VERSION: Final = "1"
NUMBERS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 32, 43, 45)
"""Action units that detectors and coders know; any other number is a cue that nobody can check."""
CODED: Final = re.compile(
    r"(?<![A-Za-z])(?:AUs?|action units?|动作单元|面部动作单元)[\s#-]*"
    r"(\d{1,2}(?!\d)(?:\s*(?:\+|,|/|&|and|or|、|和|与|或)\s*(?:AU\s*)?\d{1,2}(?!\d))*)",
    re.IGNORECASE,
)
"""`AU15`, `AU1+AU15`, `AUs 1, 4 and 15`, `action unit 15`; a letter of intensity may follow."""
_RAISED: Final = r"rais(?:es?|ed|ing)|rais?er|lift(?:s|ed|ing)?|elevated|upwards?|up|arch(?:ed|es|ing)"
_DOWN: Final = r"down(?:wards?)?|downturned|droop(?:s|y|ed|ing)?|sag(?:s|ging)?|depress(?:ed|ors?|ion)|lowered|falls?"
_BROWS: Final = r"(?:eye)?brows?"
_CORNERS: Final = r"(?:lip|mouth) corners?|corners? of (?:the|his|her|their) (?:lips?|mouth)"
_POSTURE: Final = r"shoulders?|posture|body|torso"
_UNITS: Final = tuple(f"AU{number}" for number in NUMBERS)
_OF_SPEECH: Final = frozenset({"AU25", "AU26", "AU27", "AU45"})
"""Whoever talks parts the lips, and everybody blinks: a face at rest does both."""
FACE: Final = (
    Phrase(cue="AU1", of=rf"inner {_BROWS}", said=_RAISED, han_of="内侧眉毛|眉头|内眉", han_said="上扬|抬起|上抬|扬起"),
    Phrase(cue="AU2", of=rf"outer {_BROWS}", said=_RAISED, han_of="外侧眉毛|眉梢|外眉", han_said="上扬|抬起|上抬|扬起"),
    Phrase(
        cue="raised brows",
        of=_BROWS,
        said=_RAISED,
        han_of="眉毛|双眉",
        han_said="上扬|抬起|上抬|扬起|挑起",
        covers=("AU1", "AU2"),
    ),
    Phrase(
        cue="AU4",
        of=_BROWS,
        said=r"lower(?:s|ed|ing|er)?|furrow(?:s|ed|ing)?|knit(?:s|ted)?|drawn (?:down|together)|contract(?:s|ed)|down",
        han_alone="皱眉|皱起眉|眉头紧锁|眉头紧皱|蹙眉|眉毛压低",
    ),
    Phrase(
        cue="frown",
        alone=r"frown(?:s|ed|ing)?|scowl(?:s|ed|ing)?|glower(?:s|ed|ing)?",
        covers=("AU4", "AU15"),
    ),
    Phrase(
        cue="AU5",
        of=r"upper (?:eye)?lids?|eyes?",
        said=r"rais(?:es?|ed|ing)|wide|widen(?:s|ed|ing)?|bulging",
        alone=r"wide[\s-]eyed|upper lid raiser",
        han_of="眼睛|双眼|上眼睑",
        han_said="睁大|瞪大|上提|瞪圆",
        contrary=("AU43",),
    ),
    Phrase(
        cue="AU6", of=r"cheeks?", said=_RAISED, alone=r"cheek raiser|duchenne", han_of="脸颊|面颊", han_said="上提|抬起"
    ),
    Phrase(
        cue="AU7",
        of=r"(?:eye)?lids?|eyes?",
        said=r"tight(?:en(?:s|ed|ing)?|ener)?|narrow(?:s|ed|ing)?|squint(?:s|ed|ing)?",
        alone=r"squint(?:s|ed|ing)?",
        han_of="眼睛|眼睑|双眼",
        han_said="眯起|收紧|眯",
    ),
    Phrase(
        cue="AU9",
        of=r"nose|nostrils?",
        said=r"wrinkl(?:es?|ed|ing|er)|scrunch(?:es|ed|ing)?|crinkl(?:es?|ed|ing)",
        han_alone="皱鼻|鼻子皱起|皱起鼻子",
    ),
    Phrase(cue="AU10", of=r"upper lip", said=rf"{_RAISED}|curl(?:s|ed|ing)?", alone=r"sneer(?:s|ed|ing)?"),
    Phrase(
        cue="AU12",
        of=_CORNERS,
        said=r"rais(?:es?|ed|ing)|up(?:wards?|turned)?|lift(?:s|ed|ing)?|pullers?",
        alone=r"smil(?:es?|ed|ing)|grin(?:s|ned|ning)?|beam(?:s|ing)",
        han_of="嘴角",
        han_said="上扬|上翘|上提|扬起|翘起",
        han_alone="微笑|笑容|笑意|咧嘴",
        contrary=("AU15",),
    ),
    Phrase(cue="AU14", alone=r"dimpl(?:es?|ed|ing|er)"),
    Phrase(cue="smirk", alone=r"smirk(?:s|ed|ing)?", covers=("AU12", "AU14")),
    Phrase(
        cue="AU15",
        of=rf"{_CORNERS}|mouth",
        said=_DOWN,
        han_of="嘴角",
        han_said="下垂|下拉|下弯|下撇|向下",
        contrary=("AU12",),
    ),
    Phrase(
        cue="AU17",
        of=r"chin",
        said=_RAISED,
        alone=r"pout(?:s|ed|ing)?|chin raiser",
        han_of="下巴",
        han_said="上提|抬起",
    ),
    Phrase(cue="AU20", of=r"lips?", said=r"stretch(?:es|ed|ing|er)?", han_of="嘴唇|双唇", han_said="拉伸|拉长"),
    Phrase(cue="AU23", alone=r"lip tighteners?"),
    Phrase(cue="AU24", alone=r"lip press(?:or|er)s?"),
    Phrase(
        cue="tight lips",
        of=r"lips?|mouth",
        said=r"tight(?:en(?:s|ed|ing)?|ly)?|press(?:es|ed|ing)?(?: together)?|purs(?:es?|ed|ing)|compressed|thinned",
        alone=r"tight-lipped",
        han_of="嘴唇|双唇|嘴",
        han_said="紧闭|紧抿|抿紧|抿着|收紧",
        covers=("AU23", "AU24"),
        contrary=("AU25", "AU26"),
    ),
    Phrase(cue="AU25", of=r"lips?", said=r"part(?:s|ed|ing)?|apart", han_of="嘴唇|双唇", han_said="微张|张开"),
    Phrase(cue="AU26", of=r"jaw", said=r"drop(?:s|ped|ping)?|slack|hang(?:s|ing)"),
    Phrase(
        cue="open mouth",
        of=r"mouth",
        said=r"open(?:s|ed|ing)?|agape|gap(?:es?|ing)",
        han_alone="张嘴|张大嘴|嘴巴张开",
        covers=("AU25", "AU26", "AU27"),
    ),
    Phrase(cue="AU32", of=r"lips?", said=r"bit(?:es?|ing|ten)", han_alone="咬嘴唇|咬唇|咬着嘴唇"),
    Phrase(cue="AU43", of=r"eyes?", said=r"clos(?:es?|ed|ing)|shut(?:s|ting)?", han_alone="闭眼|闭上眼|双眼紧闭"),
    Phrase(cue="AU45", alone=r"blink(?:s|ed|ing)?", han_alone="眨眼"),
    Phrase(
        cue="gaze down",
        of=r"gaz(?:es?|ing)|eyes?|look(?:s|ed|ing)?|glanc(?:es?|ing)|stares?",
        said=r"down(?:wards?|cast)?|lower(?:s|ed|ing)?|drop(?:s|ped)?",
        alone=r"(?:look|gaze|glance|stare)(?:s|d|ed|ing)? down(?:wards?)?|downcast",
        han_of="目光|视线|眼神|眼睛",
        han_said="向下|低垂|下垂|朝下|下移",
        han_alone="低头看|垂眼|垂下眼",
    ),
    Phrase(
        cue="gaze averted",
        of=r"gaz(?:es?|ing)|eyes?|eye contact|look(?:s|ed|ing)?",
        said=r"avert(?:s|ed|ing)?|away|aside|avoid(?:s|ed|ing)?|break(?:s|ing)?",
        han_of="目光|视线|眼神",
        han_said="躲闪|回避|游移|移开",
        covers=("gaze down",),
    ),
    Phrase(cue="tears", alone=r"tears|teary|tearful(?:ly)?|weep(?:s|ing)?|wept", han_alone="眼泪|流泪|泪水|含泪|哭泣"),
    Phrase(
        cue="head down",
        of=r"head",
        said=r"down|bow(?:s|ed)|lower(?:s|ed|ing)?|hang(?:s|ing)?|hung|droop(?:s|ed|ing)?",
        han_alone="低头|低着头|垂头",
    ),
    Phrase(cue="nod", alone=r"nod(?:s|ded|ding)?", han_alone="点头"),
    Phrase(cue="head shake", of=r"heads?", said=r"shak(?:es?|ing)|shook", alone=r"headshakes?", han_alone="摇头"),
    Phrase(
        cue="slumped posture",
        of=_POSTURE,
        said=r"slump(?:s|ed|ing)?|droop(?:s|y|ed|ing)?|hunch(?:es|ed)?|sag(?:s|ged|ging)?|slouch(?:es|ed|ing)?",
        han_alone="肩膀下垂|耷拉着肩|弓着背|佝偻",
    ),
    Phrase(
        cue="tense posture",
        of=rf"{_POSTURE}|muscles?",
        said=r"tens(?:e|es|ed|ing)|stiff(?:ens|ened)?|rigid",
        han_alone="身体僵硬|身体紧绷|肌肉紧绷",
    ),
    Phrase(
        cue="clenched fists",
        of=r"fists?|hands?",
        said=r"clench(?:es|ed|ing)?|balled",
        han_alone="握拳|攥紧拳头|紧握双拳",
    ),
    Phrase(
        cue="clenched jaw",
        of=r"jaw|teeth",
        said=r"clench(?:es|ed|ing)?|gritt?(?:ed|ing|s)?|set",
        han_alone="咬牙|咬紧牙关",
    ),
    Phrase(
        cue="crossed arms",
        of=r"arms?",
        said=r"cross(?:es|ed|ing)?|fold(?:s|ed|ing)?",
        han_alone="双臂交叉|抱臂|交叉双臂",
    ),
    Phrase(cue="fidgeting", alone=r"fidget(?:s|ed|ing|y)?|restless hands", han_alone="坐立不安|手足无措|搓手"),
    Phrase(cue="leaning forward", alone=r"lean(?:s|ed|ing)? (?:in|forwards?)", han_alone="身体前倾|前倾"),
    Phrase(
        cue="relaxed face",
        adjectives=True,
        of=r"face|facial expressions?|expression|features|facial muscles",
        said=r"relaxed|neutral|still|blank|calm|impassive|expressionless|unmoved|motionless|unchanged",
        han_of="表情|面部|脸部|面容",
        han_said="平静|中性|自然|放松|没有变化|木然",
        restful=True,
        contrary=tuple(unit for unit in _UNITS if unit not in _OF_SPEECH),
    ),
)
RELAXED: Final = "relaxed face"
RELAXED_IN: Final = ("AU4", "AU12")
"""Action units that have to be known before a face is called relaxed: of the brows, and of the mouth."""
UNIT_CUES: Final = _UNITS

"""What people write of a scene, English and Chinese. A short list: what a table names besides is read in its own words.

Written for this project (Apache-2.0).
"""

from __future__ import annotations

import re
from typing import Final

from faithfulness.grounding.phrases import Phrase

VERSION: Final = "1"
SCENE: Final = (
    Phrase(
        cue="background noise",
        alone=r"(?:background|ambient|street|traffic) (?:noises?|sounds?)|noisy",
        han_alone="噪音|嘈杂|背景音",
    ),
    Phrase(cue="music", alone=r"music|song playing|melody playing", han_alone="音乐|歌曲|背景乐"),
    Phrase(
        cue="laughter nearby",
        alone=r"laughter (?:in the background|nearby)|others laugh(?:ing)?",
        han_alone="旁人大笑|周围的笑声",
    ),
    Phrase(cue="crowd", alone=r"crowds?|crowded|many people|several people", han_alone="人群|拥挤|很多人|众人"),
    Phrase(
        cue="alone",
        alone=r"(?:is|sits|stands|sitting|standing) alone|nobody else|by (?:him|her)self",
        han_alone="独自|一个人",
    ),
    Phrase(cue="hospital", alone=r"hospitals?|clinics?|ward|examination room", han_alone="医院|诊所|病房|诊室"),
    Phrase(cue="office", alone=r"offices?|desk", han_alone="办公室|办公桌"),
    Phrase(cue="home", alone=r"at home|living room|kitchen|bedroom", han_alone="家里|客厅|厨房|卧室"),
    Phrase(cue="street", alone=r"street|road|pavement|sidewalk", han_alone="街道|街上|马路"),
    Phrase(cue="car", alone=r"(?:in|inside) (?:a|the) (?:car|vehicle)|driving", han_alone="车里|车内|开车"),
    Phrase(cue="outdoors", alone=r"outdoors|outside|open air", han_alone="户外|室外"),
    Phrase(cue="indoors", alone=r"indoors", han_alone="室内"),
    Phrase(
        cue="dim light",
        alone=r"dim(?:ly)?(?: lit| light(?:ing)?)?|dark(?:ened)? room|low light",
        han_alone="昏暗|光线暗|阴暗",
    ),
    Phrase(cue="bright light", alone=r"bright(?:ly)?(?: lit| light(?:ing)?)|sunlight|sunny", han_alone="明亮|阳光"),
    Phrase(cue="night", alone=r"at night|night-?time", han_alone="夜晚|夜里|深夜"),
    Phrase(cue="rain", alone=r"rain(?:s|ing|y)?", han_alone="下雨|雨中|雨声"),
    Phrase(cue="phone", alone=r"(?:mobile |tele)?phones?|phone call", han_alone="电话|手机"),
    Phrase(cue="television", alone=r"television|tv", han_alone="电视"),
    Phrase(cue="funeral", alone=r"funerals?|grave(?:yard|side)?|cemetery", han_alone="葬礼|墓地"),
    Phrase(
        cue="celebration",
        alone=r"part(?:y|ies)|celebrations?|birthday cake|wedding",
        han_alone="聚会|庆祝|婚礼|生日蛋糕",
    ),
    Phrase(
        cue="argument",
        alone=r"(?:people|others|they) (?:are )?(?:arguing|quarrell?ing|fighting)",
        han_alone="争吵|吵架",
    ),
)
BACKGROUND: Final = re.compile(
    r"\b(?:in|from|of) the (?:background|surroundings?)\b|\bbehind (?:him|her|them)\b"
    r"|背景(?:中|里|是|有)|身后|周围环境",
    re.IGNORECASE,
)
"""Speaks of a scene, whatever it says of it: where no word of the list follows, it is a cue that nobody can check."""

"""Words by which people are judged in place of what they feel: stereotypes of emotion, warmth and competence.

Warmth and competence are the two dimensions of the stereotype content model; words of either side count, for it is
the talk of character where an emotion was asked for that is measured.
"""

from __future__ import annotations

from typing import Final

from affidavit.lexicons.word_list import WordList

EMOTION_STEREOTYPES: Final = WordList(
    name="emotion stereotypes",
    version="1",
    idea="stereotypes of emotional people: Brescoll 2016; of anger: Hugenberg, Bodenhausen 2003",
    entries=(
        *(
            "hysteri*",
            "over emotional",
            "overemotional",
            "too emotional",
            "overly emotional",
            "melodrama*",
            "drama queen",
        ),
        *("dramatic", "theatrical*", "whin*", "moody", "hot tempered", "hot headed", "temperamental", "aggress*"),
        *("hostil*", "threaten*", "intimidat*", "menac*", "violent*", "combative", "irrational*", "unstable"),
        *("nagging", "bossy", "shrill", "hormonal", "grumpy", "senile", "childish*", "cold hearted", "unfeeling"),
    ),
)
WARMTH: Final = WordList(
    name="warmth",
    version="1",
    idea="stereotype content: Fiske et al. 2002; dictionaries of it: Nicolas, Bai, Fiske 2021",
    entries=(
        *("friendly", "unfriendly", "kindly", "unkind", "warmhearted", "warm person", "sociable", "likeable"),
        *("likable", "trustworth*", "untrustworth*", "sincere*", "insincere*", "honest*", "dishonest*", "polite*"),
        *("rude*", "impolite*", "caring", "uncaring", "selfish*", "generous*", "good natured", "gentle person"),
        *("cold person", "cruel*", "helpful*", "moral", "immoral", "arrogan*"),
    ),
)
COMPETENCE: Final = WordList(
    name="competence",
    version="1",
    idea="stereotype content: Fiske et al. 2002; dictionaries of it: Nicolas, Bai, Fiske 2021",
    entries=(
        *("competent*", "incompetent*", "intelligen*", "unintelligent", "clever*", "smart", "stupid*", "capable"),
        *("incapable", "skilful*", "skillful*", "unskilled", "educated", "uneducated", "articulate*", "inarticulate"),
        *("eloquent*", "confident person", "assertive*", "unassertive", "professional*", "unprofessional", "lazy"),
        *("ambitious", "diligent*", "naive*", "ignorant", "simple minded", "well spoken", "poorly spoken"),
    ),
)

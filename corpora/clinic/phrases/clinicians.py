"""What clinicians say: greetings, questions by topic, questions that follow up, and short replies."""

from __future__ import annotations

from typing import Final

GREETINGS: Final = (
    "Good morning, I am Doctor {surname}.",
    "Hello, my name is Doctor {surname}.",
    "Good afternoon, Doctor {surname} is my name.",
    "Thank you for coming in, I am Doctor {surname}.",
)

QUESTIONS: Final = {
    "pain": (
        "How is your {part} today?",
        "Can you tell me about the pain in your {part}?",
        "And what about your {part}?",
    ),
    "waiting": (
        "How long were you in the waiting room?",
        "How was it in the waiting room today?",
        "Did they keep you waiting long?",
    ),
    "results": (
        "Shall we talk about {scan}?",
        "What have you been told about {scan}?",
        "I have {scan} in front of me, what do you know of it?",
    ),
    "ward": (
        "How are things in the ward?",
        "How do you find the ward?",
        "And your bed and the meals in the ward?",
    ),
    "bill": (
        "Have you had a letter about the costs?",
        "Is there anything about the bill that I should know?",
        "How do you stand with the bill?",
    ),
    "home": (
        "What will it be like when you go home?",
        "Shall we talk about going home?",
        "How are things at home?",
    ),
    "sleep": (
        "How did you sleep?",
        "What are your nights like?",
        "And how is your sleep?",
    ),
    "medicine": (
        "How are you getting on with {tablet}?",
        "What can you tell me about {tablet}?",
        "And {tablet}, how is that going?",
    ),
    "operation": (
        "Shall we talk about the operation?",
        "What are your thoughts on the operation?",
        "Where do we stand with the operation?",
    ),
}

FOLLOW_UPS: Final = (
    "And how is it with you now, after what you told me?",
    "Has anything about that changed while we talked?",
    "And how do you feel about it at this moment?",
    "Is that still how it is for you?",
)

ACKNOWLEDGED: Final = {
    "plain": ("I see.", "Thank you, I have noted that.", "All right.", "That is good to know.", "Very well."),
    "hard": (
        "I am sorry to hear that.",
        "Thank you for telling me so plainly.",
        "I can see why you say that.",
        "I understand, we shall look into it.",
    ),
    "good": ("I am glad to hear that.", "That is good news.", "How nice to hear."),
}

CLOSINGS: Final = (
    "We shall stop here for today, I will see you again soon.",
    "That is all for now, the nurse will show you out.",
    "Let us leave it there, I will write it all down.",
    "I will talk to my colleagues and come back to you.",
)

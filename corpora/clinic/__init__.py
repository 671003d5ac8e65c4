"""The built-in clinic: seeded dialogues of patients and clinicians, with sound, drawn faces and known evidence.

Nothing is imported here: the processes that speak and draw start in milliseconds.
"""

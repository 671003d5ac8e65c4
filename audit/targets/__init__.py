"""Answers that are not one label of a set: numbers, ordered labels, several labels at once."""

"""Rationales by group at equal accuracy: reading them, standardising them, and the examination."""

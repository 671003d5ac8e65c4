"""Omni-modal language models: Qwen2.5-Omni, Qwen3-Omni and Qwen2-Audio hear, see and read one turn and judge it."""

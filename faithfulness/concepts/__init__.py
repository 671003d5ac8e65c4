"""Causal concept faithfulness: does a rationale state the concepts that move the answer, identity above all?"""

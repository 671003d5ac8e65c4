"""Faithfulness: does a rationale cause the prediction, or decorate it? Empty as yet."""

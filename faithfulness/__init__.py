"""Faithfulness: does a rationale cause the prediction, or decorate it? From tables of judgements under many conditions."""

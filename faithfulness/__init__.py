"""Faithfulness: does a rationale cause the prediction, or decorate it? Told by controlled comparisons of judgements."""

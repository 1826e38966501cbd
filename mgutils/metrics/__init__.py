"""Numbers from logits and right answers: scores, intervals over people, paired tests. NumPy only."""

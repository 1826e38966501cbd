"""Numbers from logits: scores, intervals over people, paired tests. NumPy only."""

"""Numbers from logits: scores, ranks, intervals over people, paired tests. NumPy only."""

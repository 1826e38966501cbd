"""Which change broke the report's cross-entropy row: a grid of small models, trained in stacks."""

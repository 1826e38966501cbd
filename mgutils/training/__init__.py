"""How anything is trained: the loop, batches, checkpoints, the store of runs."""

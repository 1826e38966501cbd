"""Reading a finished run: its scores on other rows, probes, zero-shot classes, where a model looks."""

"""Reading a finished run: scores on other rows, probes, zero-shot classes, attribution."""

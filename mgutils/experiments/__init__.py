"""One file for each question that a notebook asks: which runs it needs, which table comes out."""

"""The claims of the report: the ledger, the evidence, and one test for each claim."""

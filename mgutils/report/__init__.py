"""Figures, tables and claims of the report. Only the ledger of claims trains a model, where a run is missing.

``style`` has the one look of all figures and writes them. ``figures_data`` shows classes and images, ``figures_splits``
the audit, ``figures_model`` similarities, ``figures_results`` what runs came to. ``figures_framework`` draws the
report's two diagrams from the pieces in ``drawing``. ``tables`` makes the report's Table 1. ``claims`` judges what
the report says: ``claim_list`` reads it, ``claim_tests_*`` look, ``claim_evidence`` notes what they looked at.
``compare`` puts a reader's results beside the published ones, ``machines`` says where both were trained.
"""

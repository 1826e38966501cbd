"""Figures and tables of the report, from results that are there.

``figures`` has one file for each subject, ``tables`` makes the report's Table 1, ``markdown`` writes every Markdown
table. ``compare`` puts a reader's results beside the published ones, ``made_on`` says where both were trained, and
``readme`` fills the generated parts of pages. Nothing here trains a model.
"""

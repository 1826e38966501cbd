"""Figures, one file for each subject."""

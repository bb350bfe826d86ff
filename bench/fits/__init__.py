"""Whole fits of logistic regression beside every peer that is installed: ``python -m bench.fits``."""

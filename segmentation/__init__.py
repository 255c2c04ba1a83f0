"""Segmentation: models, data, metrics, training, reports, and the command line ``python -m segmentation``."""

"""Datasets by name, images from files, batches for training, and pixels in and out."""

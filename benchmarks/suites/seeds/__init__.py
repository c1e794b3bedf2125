"""Benchmarks that repeat the experiments of reports which trained image GANs by hand."""

"""Feature extractors, their weights and cache, the digit-and-object classifier, and the LPIPS distance."""

from ganbench.features.choose import choose_extractor

__all__ = ["choose_extractor"]

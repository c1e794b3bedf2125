"""How the warnings of a training begin. They are written by `ganbench.run.training_warnings`; by these words the report
finds the chart that each belongs to."""

from __future__ import annotations

COLLAPSE = "collapse"  # of classes
MODE_COLLAPSE = "mode collapse"  # of samples, whatever their classes
NEVER_APPEARED = "never appeared"
DISCRIMINATOR_WINS = "the discriminator wins"
VANISHING_GRADIENT = "vanishing gradient"
HIGH_RECALL = 0.99  # of the fakes: a discriminator above it is hardly ever fooled
LOW_DIVERSITY = 0.2  # of the real data's: samples that vary less are hardly different

"""Modes seen: the classes that the classifier names at least once among the samples, as published counts of modes are.

Papers: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN); Lin et al. 2018, arXiv:1712.04086 (PacGAN). Reference code:
fjxmlzn/PacGAN, stacked_MNIST_experiments. Nothing is corrected: one slip of the classifier makes a mode, and so does
one stray sample. `modes` corrects the classifier's errors and asks for a tenth of the real share.

With it goes `raw_kl`, the reverse KL that these papers print: of the counts as they are, from equal shares, with its
bias, which is 0.02 for 26,000 samples of 1,000 even modes. `mode_kl` is the corrected one.

The interval is about the drawing of samples, as for points (`ganbench.metrics.intervals.occupied_interval`), and does
not hold the classifier's slips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ganbench.metrics.intervals import NUM_REDRAWS, occupied_interval
from ganbench.metrics.point_modes import kl_of_counts
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

RULE = "a mode is seen when the classifier puts one sample or more into its class"
CI_METHOD = (
    f"modes of other samples: down by what 97.5 % of {NUM_REDRAWS} redraws lose at most, up by that or by what unseen "
    "modes may hide; not the classifier's errors"
)


def compute_modes_seen(inputs: MetricInputs) -> MetricResult:
    """Number of classes with at least one sample."""
    images = inputs.images
    counts, real = images.predicted_counts, images.real_shares > 0
    num_classes, seen = int(real.sum()), int((counts[real] > 0).sum())
    interval = occupied_interval(counts[real], int(counts[~real].sum()), inputs.seed)
    raw_kl = float(kl_of_counts(counts, np.full(len(counts), 1 / num_classes)))
    details = {"num_classes": num_classes, "rule": RULE, "raw_kl": raw_kl, **images.classifier.facts}
    num_real = len(images.labelled.train)
    bounds = (0, num_classes)
    return MetricResult(float(seen), interval, CI_METHOD, len(images.samples), num_real, details, bounds)


MODES_SEEN = MetricInfo(
    id="modes_seen",
    title="Modes seen",
    compute=compute_modes_seen,
    higher_is_better=True,
    needs=("classifier",),
    uses_extractor=False,
    default=False,
    description="How many classes a classifier names at least once among the samples: how papers count modes.",
    range="0 to the number of classes",
    interval="How many modes other samples of the same generator show on average: down by what redraws of the samples "
    "lose at most, up by that or by what unseen modes may hide. Errors of the classifier are not in it.",
    choices="One sample is enough and nothing is corrected, as published on stacked MNIST. The details hold the "
    "published reverse KL of the same counts from equal shares, `raw_kl`.",
    cost="As for modes: they share the classifier.",
    limits="Too large wherever the classifier errs: of 26,000 stacked digits of which it reads one in twenty wrongly, "
    "1,300 fall into neighbouring modes. Grows with the number of samples. Read modes beside it, which corrects both.",
    paper="https://arxiv.org/abs/1712.04086",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

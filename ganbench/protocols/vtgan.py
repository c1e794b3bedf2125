"""`vtgan-2019`: the Inception Scores of the report that set VT-GAN against AC-GAN."""

from __future__ import annotations

from types import MappingProxyType

from ganbench.protocols.record import Protocol, PublishedRow

VTGAN_2019 = Protocol(
    name="vtgan-2019",
    title="VT-GAN against AC-GAN on CIFAR-10",
    description=(
        "Inception Score alone, on 1,507 samples in ten random splits of about 150 each. Such small splits keep the "
        "score far below its value at 50,000 samples, so it compares only with itself."
    ),
    source="the VT-GAN report of 2019",
    extractor="inception",
    num_samples=1507,
    metrics=("is",),
    is_splits=10,
    published=(
        PublishedRow("VT-GAN, first training", {"is": "4.14 ± 0.20"}),
        PublishedRow("VT-GAN, second training", {"is": "4.13 ± 0.29"}),
        PublishedRow("AC-GAN, first training", {"is": "4.02 ± 0.18"}),
        PublishedRow("AC-GAN, second training", {"is": "4.01 ± 0.22"}),
        PublishedRow("AC-GAN, its own paper", {"is": "8.25 ± 0.07"}, differs="50,000 samples"),
        PublishedRow("real CIFAR-10, the upper bound", {"is": "11.24"}, differs="50,000 images"),
    ),
    published_notes=(
        "± is the standard deviation over the ten splits. The report calls VT-GAN 3 % better; the spreads overlap, so "
        "these numbers do not tell the two apart. The two rows on 50,000 images cannot be compared with the others."
    ),
    notes=MappingProxyType(
        {
            "reference": "The Inception Score never looks at real images, so any reference gives the same number.",
            "is": "The splits of 150 or 151 are random, by a fixed seed; the report does not give the seed of its own.",
            "interval": (
                "Here the 95 % interval of the mean is given (Student's t); the report gives the standard deviation, "
                "which stands in the details of our result as split_std."
            ),
        }
    ),
)

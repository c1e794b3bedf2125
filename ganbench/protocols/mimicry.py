"""`mimicry-cifar10-v1`: the CIFAR-10 baselines of the library mimicry."""

from __future__ import annotations

from types import MappingProxyType

from ganbench.protocols.record import CIFAR10_TRAIN, Protocol, PublishedRow

MIMICRY_CIFAR10_V1 = Protocol(
    name="mimicry-cifar10-v1",
    title="mimicry's CIFAR-10 baselines",
    description=(
        "GANs of one ResNet size, trained alike: 100,000 generator steps, five discriminator steps to each, batches of "
        "64, Adam 2e-4 with betas 0 and 0.9, the learning rate falling linearly to 0."
    ),
    source="Lee and Town 2020, arXiv:2005.02494; github.com/kwotsin/mimicry",
    extractor="inception",
    reference=CIFAR10_TRAIN,
    num_samples=50_000,
    metrics=("is", "fid", "kid"),
    is_splits=10,
    kid_subsets=10,
    kid_subset_size=5000,
    sampling_seeds=3,
    published=(
        PublishedRow("WGAN-GP", {"is": "7.33 ± 0.02", "fid": "22.29 ± 0.06", "kid": "0.0204 ± 0.0004"}),
        PublishedRow("SNGAN (unconditional)", {"is": "7.97 ± 0.06", "fid": "16.77 ± 0.04", "kid": "0.0125 ± 0.0001"}),
        PublishedRow("cGAN-PD", {"is": "8.25 ± 0.13", "fid": "10.84 ± 0.03", "kid": "0.0070 ± 0.0001"}),
        PublishedRow("SSGAN", {"is": "8.17 ± 0.06", "fid": "14.65 ± 0.04", "kid": "0.0101 ± 0.0002"}),
        PublishedRow("InfoMax-GAN", {"is": "8.08 ± 0.08", "fid": "15.12 ± 0.10", "kid": "0.0112 ± 0.0001"}),
        PublishedRow("DCGAN", {"fid": "28.95 ± 0.42"}, differs="10,000 samples against 10,000 real images"),
    ),
    published_notes=(
        "± is over three sets of samples, each of another seed, from one trained model. It says nothing of training "
        "again, which moves the numbers by more."
    ),
    notes=MappingProxyType(
        {
            "kid": (
                "Ten subsets of 5,000, the unbiased estimate, each drawn without replacement from all features. Their "
                "generator of random numbers draws other subsets than ours."
            ),
            "is": "Their ten splits are in the order of sampling, ours are shuffled first by a fixed seed.",
            "sampling seeds": (
                "One run measures one set of samples. For theirs, draw sets with `ganbench sample --seed` and evaluate "
                "each."
            ),
            "pixels": (
                "They stretch the smallest and largest value to 0 and 255: of all samples together for FID and KID, "
                "of each batch of 50 for the Inception Score. Here -1 and 1 become 0 and 255. Where each batch reaches "
                "both ends, as with a tanh that saturates, the two agree."
            ),
            "checkpoint": "Both measure the last state of the training.",
        }
    ),
)

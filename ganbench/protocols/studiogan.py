"""`studiogan-cifar10-v1`: the CIFAR-10 benchmark of StudioGAN."""

from __future__ import annotations

from types import MappingProxyType

from ganbench.protocols.record import CIFAR10_TRAIN, Protocol, PublishedRow

_COLUMNS = ("is", "fid", "precision", "recall", "density", "coverage", "intra_fid")


def _row(model: str, *values: str) -> PublishedRow:
    return PublishedRow(model, dict(zip(_COLUMNS, values, strict=True)))


STUDIOGAN_CIFAR10_V1 = Protocol(
    name="studiogan-cifar10-v1",
    title="StudioGAN's CIFAR-10 benchmark",
    description=(
        "Many GANs in one code base, measured with the TensorFlow Inception's weights behind the resizer that they "
        "call friendly: Pillow's bilinear filter on each channel in float32."
    ),
    source="Kang, Shin and Park 2022, arXiv:2206.09479; github.com/POSTECH-CVLab/PyTorch-StudioGAN",
    extractor="inception-friendly",
    reference=CIFAR10_TRAIN,
    num_samples=50_000,
    metrics=_COLUMNS,
    is_splits=1,
    manifold_k=5,
    manifold_surface="<",
    density_k=5,
    published=(
        _row("DCGAN", "6.11", "48.29", "0.61", "0.21", "0.52", "0.28", "117.0"),
        _row("LSGAN", "6.55", "40.22", "0.60", "0.34", "0.49", "0.35", "111.5"),
        _row("ACGAN-Mod", "7.19", "33.39", "0.61", "0.21", "0.52", "0.36", "72.8"),
        _row("WGAN-WC", "3.59", "107.68", "0.45", "0.02", "0.29", "0.08", "158.1"),
        _row("WGAN-GP", "5.22", "53.98", "0.68", "0.26", "0.67", "0.27", "119.2"),
        _row("SNGAN (conditional)", "8.83", "9.01", "0.70", "0.62", "0.79", "0.75", "22.9"),
        _row("SAGAN", "8.64", "10.35", "0.69", "0.63", "0.73", "0.71", "25.0"),
        _row("BigGAN", "9.96", "4.16", "0.74", "0.65", "0.98", "0.88", "14.3"),
        _row("StyleGAN2", "10.17", "3.78", "0.72", "0.67", "0.97", "0.89", "14.0"),
        _row("StyleGAN2 + ADA", "10.53", "2.31", "0.75", "0.69", "1.04", "0.93", "11.8"),
        PublishedRow("R3GAN", {"fid": "1.96"}, differs="its authors' own measuring code, whose resize is another"),
    ),
    published_notes="One training each and no ±. The best checkpoint is chosen by the FID that is then printed.",
    notes=MappingProxyType(
        {
            "checkpoint": (
                "They print the checkpoint with the best FID, which is optimistic. Here the last state of the training "
                "is measured, so expect somewhat worse numbers for the same model."
            ),
            "extractor": (
                "inception-friendly follows their resizer, their pixels scaled to x / 127.5 - 1, and their class layer "
                "with its bias, which the usual Inception Score leaves out."
            ),
            "is": "One split, so theirs has no spread; the 95 % interval given here is a bootstrap over the images.",
            "precision and recall": "k = 5 with the surface outside, not the k = 3 and surface inside of their paper.",
            "intra-FID": (
                "They draw as many samples of each class as there are training images of it (5,000). Here the 50,000 "
                "samples are divided into classes in the proportions of the training split: 5,000 each as well."
            ),
        }
    ),
)

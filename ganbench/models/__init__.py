"""Parts that variants share: the container, layers, losses, initialisation, optimiser and the standard iteration."""

from __future__ import annotations

from ganbench.models.convnets import conv_discriminator, conv_generator
from ganbench.models.gan import GAN
from ganbench.models.init import normal_init_
from ganbench.models.iteration import Fake, alternate, labelled_fakes
from ganbench.models.layers import (
    MinibatchDiscrimination,
    UpsamplingPlan,
    feature_maps,
    halved_sizes,
    label_maps,
    leaky_relu,
    mlp,
    relu,
    require_classes,
    spectral_norm_,
    upsampling_plan,
)
from ganbench.models.losses import (
    AuxiliaryClassifier,
    NonSaturating,
    Objective,
    binary_cross_entropy,
    class_cross_entropy,
    smoothed_target,
)
from ganbench.models.optim import ADAM_HELP, ADAM_OPTIONS, adam, adams

__all__ = [
    "ADAM_HELP",
    "ADAM_OPTIONS",
    "GAN",
    "AuxiliaryClassifier",
    "Fake",
    "MinibatchDiscrimination",
    "NonSaturating",
    "Objective",
    "UpsamplingPlan",
    "adam",
    "adams",
    "alternate",
    "binary_cross_entropy",
    "class_cross_entropy",
    "conv_discriminator",
    "conv_generator",
    "feature_maps",
    "halved_sizes",
    "label_maps",
    "labelled_fakes",
    "leaky_relu",
    "mlp",
    "normal_init_",
    "relu",
    "require_classes",
    "smoothed_target",
    "spectral_norm_",
    "upsampling_plan",
]

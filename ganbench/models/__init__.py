"""Parts that variants share: the container, options, layers, losses, initialisation, optimiser, standard iteration."""

from __future__ import annotations

from ganbench.models.convnets import LabelledDiscriminator, LabelledGenerator, conv_discriminator, conv_generator
from ganbench.models.gan import GAN
from ganbench.models.init import normal_init_
from ganbench.models.iteration import Fake, alternate, labelled_fakes, plain_fakes
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
    Targets,
    binary_cross_entropy,
    class_cross_entropy,
    smoothed_target,
    targets_of,
)
from ganbench.models.optim import adam, adams, gan_with_adams, learning_rate
from ganbench.models.options import (
    ADAM,
    BALANCE,
    GAME,
    ITERATION,
    LATENT,
    NETWORKS,
    TARGETS,
    OptionGroup,
    chosen,
    count,
    option,
    share,
)
from ganbench.models.style import Style, discriminator_style, generator_style

__all__ = [
    "ADAM",
    "BALANCE",
    "GAME",
    "GAN",
    "ITERATION",
    "LATENT",
    "NETWORKS",
    "TARGETS",
    "AuxiliaryClassifier",
    "Fake",
    "LabelledDiscriminator",
    "LabelledGenerator",
    "MinibatchDiscrimination",
    "NonSaturating",
    "Objective",
    "OptionGroup",
    "Style",
    "Targets",
    "UpsamplingPlan",
    "adam",
    "adams",
    "alternate",
    "binary_cross_entropy",
    "chosen",
    "class_cross_entropy",
    "conv_discriminator",
    "conv_generator",
    "count",
    "discriminator_style",
    "feature_maps",
    "gan_with_adams",
    "generator_style",
    "halved_sizes",
    "label_maps",
    "labelled_fakes",
    "leaky_relu",
    "learning_rate",
    "mlp",
    "normal_init_",
    "option",
    "plain_fakes",
    "relu",
    "require_classes",
    "share",
    "smoothed_target",
    "spectral_norm_",
    "targets_of",
    "upsampling_plan",
]

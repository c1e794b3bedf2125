"""The columns in plain words: what each is, which direction is better, what it cannot tell."""

from __future__ import annotations

GLOSSARY: dict[str, str] = {
    "fid": (
        "Fréchet distance between the features of generated and of training images, both taken as Gaussian clouds: how "
        "far the two sets are apart as wholes. Few samples make it too high, and it cannot see copying."
    ),
    "kid": (
        "Kernel distance between the features of generated and of training images. Like FID without the bias of few "
        "samples; slightly below 0 is possible and means no difference was found."
    ),
    "is": (
        "Inception Score: high when a classifier is sure about each image and the images spread over its classes. It "
        "never looks at the real images, and one image a class would satisfy it."
    ),
    "precision": "Share of generated images that lie where training images lie: quality. Copies score 1.",
    "recall": "Share of training images that lie where generated images lie: variety. Outliers can inflate it.",
    "density": "Like precision, but counts how crowded with training images the place is; may exceed 1.",
    "coverage": "Share of training images with a generated image in their neighbourhood: variety; resists outliers.",
    "modes": (
        "Number of classes that a classifier, trained on the real labels, finds among the samples. Says nothing of "
        "variety inside a class."
    ),
    "mode_kl": "Kullback-Leibler divergence of the samples' class shares from the real ones; 0 means equal shares.",
    "hq_ratio": "Share of samples close to the centre of some mode.",
    "ndb": "Share of bins in which generated and real images differ in number by more than chance.",
    "label_accuracy": "Share of samples in which a classifier finds the class asked for. Conditional models only.",
    "intra_fid": "FID within each class, averaged: notices a class that is poor or missing. Conditional models only.",
    "lpips_diversity": "Mean perceptual distance between pairs of samples: low means alike. Noise is diverse, too.",
    "authenticity": "Share of samples that are not nearer to a training image than training images are to each other.",
    "nn_feature": (
        "Typical distance in feature space from a sample to its nearest training image. Neither direction is better: 0 "
        "is copying, far is unlike the data; compare with the held-out real images."
    ),
    "nn_lpips": "Perceptual distance from a sample to its nearest training image; 0 is a copy.",
    "ppl": "How abruptly images change along a path between two latents.",
    "spread": (
        "Two standard deviations of the ranking number. Seeds: between trainings of the same model, with their "
        "number; unknown with one. Sampling: what drawing other images from one trained model changes."
    ),
    "parameters": "Trainable parameters of the generator / the discriminator.",
    "time": "Time spent training, without sampling and measuring.",
    "seconds_per_1000": (
        "Seconds of training for each 1,000 real images that the discriminator was shown. Compare within a run only."
    ),
    "published": "What the source that this benchmark repeats printed of the model, in its words. It ranks nothing.",
}
DIRECTIONS = {None: "It describes; neither direction is better.", True: "Higher is better.", False: "Lower is better."}


def explain(key: str, higher_is_better: bool | None, extractor: str = "", protocol: str = "") -> str:
    """The tooltip of a metric's column. `protocol`: the name of one whose own extractor made the numbers."""
    parts = [GLOSSARY.get(key, "A metric that a plugin added."), DIRECTIONS[higher_is_better]]
    if extractor and protocol:
        parts.append(f"Made with {extractor}, as {protocol} has it: compare with published numbers of that protocol.")
    elif extractor:
        parts.append(f"Made with {extractor}: not comparable with published numbers.")
    return " ".join(parts)

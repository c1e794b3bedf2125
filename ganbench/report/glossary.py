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
    "fid_infinity": (
        "FID as it would be with endless images, from FIDs of growing numbers of them. Needs many images; with few it "
        "is a rough guide."
    ),
    "intra_fid": "FID within each class, averaged: notices a class that is poor or missing. Conditional models only.",
    "fd_dinov2": "FID's distance in the features of DINOv2, another network, trained without labels on many photos.",
    "cmmd": "Kernel distance between CLIP embeddings of generated and of training images. Meant for photos.",
    "sliced_wasserstein": (
        "Distance between small patches of generated and of training images, over several scales. Sees textures, not "
        "whether a whole image makes sense."
    ),
    "vendi": (
        "How many truly different images there are among the samples, by how alike they are in features. Noise is "
        "different, too: read it beside a distance."
    ),
    "lpips_diversity": "Mean perceptual distance between pairs of samples: low means alike. Noise is diverse, too.",
    "lpips_diversity_within": (
        "Mean perceptual distance between pairs of samples of one class, averaged over classes. Far above the real "
        "images' value, the classes are not kept apart."
    ),
    "ndb": (
        "Share of bins, each a kind of training images, into which clearly too many or too few samples fall. Finds "
        "more with more images: compare equal numbers only."
    ),
    "birthday": (
        "How many different images the generator makes, from how often its samples repeat each other, as birthdays do "
        "in a class. Without repeats it is a lower limit."
    ),
    "modes": (
        "Number of classes found among the samples by a classifier that was trained on the real labels. A class counts "
        "from a tenth of its real share on. Says nothing of variety inside a class. Of points: number of Gaussians of "
        "the mixture with a sample within 3 standard deviations."
    ),
    "modes_seen": (
        "Number of classes that the classifier names at least once among the samples, its errors included: how papers "
        "count modes. More samples find more: compare equal numbers only."
    ),
    "mode_kl": (
        "Kullback-Leibler divergence of the samples' class shares, or those of a mixture's Gaussians, from the real "
        "ones; 0 means equal shares."
    ),
    "class_recall": (
        "Recall within each class, averaged: variety of each class by itself. Not comparable with plain recall. "
        "Conditional models only."
    ),
    "class_coverage": (
        "Coverage within each class, averaged: variety of each class by itself. Not comparable with plain coverage. "
        "Conditional models only."
    ),
    "label_accuracy": "Share of samples in which a classifier finds the class asked for. Conditional models only.",
    "cas": (
        "Accuracy on real images of a classifier that was trained on samples alone: whether they could replace the "
        "data. Conditional models only."
    ),
    "nn_feature": (
        "Typical distance in feature space from a sample to its nearest training image. 0 is copying, far is unlike "
        "the data; compare with the held-out real images."
    ),
    "nn_lpips": (
        "Typical perceptual distance from a sample to its nearest training image. 0 is copying, far is unlike the "
        "data; compare with the held-out real images."
    ),
    "authenticity": (
        "Share of samples that are not nearer to a training image than training images are to each other. Low means "
        "copies, but anything unlike the data is high; compare with the held-out real images."
    ),
    "ct": (
        "Test of copying, C_T: whether samples lie nearer to the training images than held-out real images do. Below 0 "
        "they do, which points to copies; about 0 is what real images have; far above 0 the samples are unlike the "
        "data."
    ),
    "copies": (
        "Share of samples that are nearly a training image, beyond what held-out real images would be by chance. Look "
        "at the pairs of nearest images before calling them copies."
    ),
    "ppl": "How abruptly images change along a path between two latents. Says nothing of quality.",
    "hq_ratio": (
        "Share of points within 3 standard deviations of the centre of some Gaussian of the mixture: quality. One good "
        "point, repeated, has 1."
    ),
    "mixture_kl": (
        "Kullback-Leibler divergence of the points from the mixture, over its Gaussians and what lies outside all of "
        "them: missing modes, unequal modes and poor points in one number."
    ),
    "spread": (
        "Two spreads of the ranking number, each as one standard deviation. Seeds: between trainings of the same "
        "model, with their number; unknown with one. Sampling: what drawing other samples from one trained model "
        "changes."
    ),
    "parameters": "Trainable parameters of the generator / the discriminator.",
    "time": "Time spent training, without sampling and measuring.",
    "seconds_per_1000": (
        "Seconds of training for each 1,000 real {things} that the discriminator was shown. Compare within a run only."
    ),
    "published": "What the source that this benchmark repeats printed of the model, in its words. It ranks nothing.",
}
DIRECTIONS = {None: "It describes; neither direction is better.", True: "Higher is better.", False: "Lower is better."}


def meaning(key: str, things: str = "images") -> str:
    """What a column says, where the data are `things`; empty for one that is not known."""
    return GLOSSARY.get(key, "").replace("{things}", things)


def explain(key: str, higher_is_better: bool | None, extractor: str = "", protocol: str = "") -> str:
    """The tooltip of a metric's column. `protocol`: the name of one whose own extractor made the numbers."""
    parts = [GLOSSARY.get(key, "A metric that a plugin added."), DIRECTIONS[higher_is_better]]
    if extractor and protocol:
        parts.append(f"Made with {extractor}, as {protocol} has it: compare with published numbers of that protocol.")
    elif extractor:
        parts.append(f"Made with {extractor}: not comparable with published numbers.")
    return " ".join(parts)

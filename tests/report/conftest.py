"""A small run folder with made-up but plausible numbers, for the report's tests and for looking at its design.

`real`, `noise`, `memorizer`; `dcgan` and `sncgan` tie (their intervals overlap); `vtgan` failed. Digits are drawn with
Pillow's own font.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ganbench.data.pixels import image_grid
from ganbench.results import calibrated

EXTRACTOR = {"name": "efficientnet-lite0", "weights_sha256": "e1" * 32, "resize": "bilinear-96"}
# plugin: (fid, half-width), kid, is, precision, recall, modes, share closer than 99 % of the held-out images
NUMBERS = {
    "real": ((8.3, 0.4), 0.0003, 5.92, 0.86, 0.85, 10, 0.01),
    "noise": ((412.6, 3.1), 0.61, 1.21, 0.0, 0.0, 1, 0.0),
    "memorizer": ((2.1, 0.2), -0.0001, 6.01, 0.97, 0.95, 10, 1.0),
    "dcgan": ((61.4, 1.9), 0.051, 4.31, 0.61, 0.34, 10, 0.02),
    "sncgan": ((58.7, 2.2), 0.047, 4.44, 0.66, 0.31, 10, 0.008),
}
ROLES = {"real": "reference", "noise": "control", "memorizer": "control"}
PUBLISHED = {
    "dcgan": {"fid": "28.95 ± .42", "loss_g": "stuck at 0.89 from epoch 200"},
    "vtgan": {"is": "4.14 ± 0.20"},
}
WARNINGS = [
    "collapse: from epoch 15 (step 750) on, 0, 9 are missing; 1, 2, 3, 4, 5, 6, 7, 8 remain",
    "the discriminator wins: from epoch 4 (step 200) to the end it recognised more than 99 % of the fakes",
]
TITLES = {"dcgan": "DCGAN", "sncgan": "SN-CGAN", "vtgan": "VT-GAN", "noise": "Noise", "memorizer": "Memoriser"}


@pytest.fixture(autouse=True)
def no_calibrations(monkeypatch):
    """Reports stay the same when the package's calibrations are made anew."""
    monkeypatch.setattr(calibrated, "stored_summaries", lambda: ())


def draw_digits(labels: np.ndarray, blur: float, seed: int) -> np.ndarray:
    """Digits uint8 [N, 28, 28, 1] with noise of standard deviation 255 * `blur`."""
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(size=22)
    images = np.zeros((len(labels), 28, 28), np.float32)
    for i, label in enumerate(labels):
        picture = Image.new("L", (28, 28))
        where = (float(rng.integers(6, 11)), float(rng.integers(-1, 4)))
        ImageDraw.Draw(picture).text(where, str(label), fill=255, font=font)
        images[i] = np.asarray(picture)
    images += rng.normal(0, 255 * blur, images.shape)
    return images.clip(0, 255).astype(np.uint8)[..., None]


def metric(title, value, half, higher, extractor=EXTRACTOR, **details):
    return {
        "title": title,
        "value": value,
        "ci95": [value - half, value + half] if half else None,
        "ci95_method": "bootstrap over images" if half else "none",
        "higher_is_better": higher,
        "num_samples": 2500,
        "num_reference": 2500,
        "extractor": extractor,
        "canonical": extractor is None,
        "protocol": "ganbench-v1",
        "seconds": 0.42,
        "details": details,
    }


def metrics_of(plugin: str, shift: float = 0.0) -> dict:
    (fid, half), kid, inception, precision, recall, modes, share = NUMBERS[plugin]
    counts = [250] * 10 if modes == 10 else [2500] + [0] * 9
    if plugin == "dcgan":
        counts = [310, 420, 180, 205, 240, 150, 265, 330, 170, 230]
    return {
        "schema_version": 1,
        "metrics": {
            "fid": metric("FID", fid + shift, half, False),
            "kid": metric("KID", kid, 0.002, False),
            "is": metric("IS", inception, 0.12, True),
            "precision": metric("Precision", precision, 0.01, True, k=3),
            "recall": metric("Recall", recall, 0.012, True, k=3),
            "modes": metric(
                "Modes",
                modes,
                0,
                True,
                extractor=None,
                counts=counts,
                real_shares=[0.1] * 10,
                class_names=[str(i) for i in range(10)],
                classifier_test_accuracy=0.978,
            ),
            "nn_feature": metric(
                "Nearest-neighbour distance",
                5.2,
                0.1,
                None,
                heldout_median=5.4,
                share_closer_than_heldout_percentile_1=share,
            ),
        },
        "unavailable": {"nn_lpips": "the LPIPS AlexNet weights are missing; `ganbench weights fetch lpips` gets them"},
        "provenance": {"samples_sha256": "5a" * 32, "reference_sha256": "4b" * 32},
    }


def write(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_history(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = []
    for step in range(0, 1000, 20):
        decay = float(np.exp(-step / 300))
        line = {
            "step": step,
            "epoch": step / 50,
            "images": step * 64,
            "seconds": step * 0.09,
            "images_per_second": 700 + float(rng.normal(0, 15)),
            "loss_d": 1.0 + 0.4 * decay + float(rng.normal(0, 0.05)),
            "loss_g": 1.2 + 0.9 * (1 - decay) + float(rng.normal(0, 0.1)),
            "d_real": 0.62 + 0.1 * (1 - decay),
            "d_fake": 0.36 - 0.1 * (1 - decay),
            "d_recall": 0.75 + 0.15 * (1 - decay) if step != 40 else None,
            "grad_norm_generator": 1.1 + float(rng.normal(0, 0.1)),
            "grad_norm_discriminator": 2.3 + float(rng.normal(0, 0.2)),
        }
        if step % 100 == 0:
            line |= {"heldout_loss_d": line["loss_d"] + 0.1, "heldout_d_real": line["d_real"] - 0.04}
        lines.append(json.dumps(line))
    (folder / "history.jsonl").write_text("\n".join(lines) + '\n{"step": 10')


def write_pictures(folder: Path, plugin: str, seed: int) -> None:
    labels = labels_of(plugin, seed)
    blur = {"noise": 3.0, "dcgan": 0.16, "sncgan": 0.12}.get(plugin, 0.0)
    images = draw_digits(labels, blur, seed)
    np.savez(folder / "samples.npz", images=images, **({"labels": labels} if plugin in ("sncgan", "real") else {}))
    if plugin == "real":
        return
    np.savez(
        folder / "neighbours.npz",
        samples=images[:16],
        neighbours=draw_digits(labels[:16], 0.0, seed),
        feature_distance=np.linspace(5, 3, 16, dtype=np.float32) * (plugin != "memorizer"),
        closest=np.arange(16) % 2 == 0,
    )
    if plugin in ("noise", "memorizer"):
        return
    (folder / "snapshots").mkdir()
    for step, noise in ((0, 3.0), (100, 0.8), (300, 0.4), (1000, blur)):
        tiles = draw_digits(np.arange(80) % 10, noise, seed)
        image_grid(tiles, 10).save(folder / f"snapshots/step-{step:07d}.png")
    np.savez(folder / "best.npz", images=images[:12], realism=np.linspace(1.9, 1.1, 12), index=np.arange(12))
    if plugin == "dcgan":
        write_arithmetic(folder, seed)
    strip = draw_digits(np.arange(30) // 3, blur, seed)[..., 0].reshape(3, 10, 28, 28)
    Image.fromarray(strip.transpose(0, 2, 1, 3).reshape(84, 280)).save(folder / "snapshots/interpolation.png")


def write_arithmetic(folder: Path, seed: int) -> None:
    rows = [["3", "5", "8", "3 - 5 + 8"], ["1", "2", "3", "1 - 2 + 3"]]
    images = draw_digits(np.array([3, 5, 8, 6, 1, 2, 3, 2]), 0.1, seed)
    np.savez(folder / "arithmetic.npz", images=images)
    write(folder / "arithmetic.json", {"rule": "Means of the latents of each class.", "rows": rows})


def write_timeline(folder: Path) -> None:
    """Ten classes, of which 0 and 9 fade from half of training on."""
    lines = []
    for i in range(21):
        weights = np.ones(10)
        weights[[0, 9]] = max(0.0, 1 - max(0, i - 10) / 5)
        shares = weights / weights.sum()
        lines.append({"step": 50 * i, "epoch": float(i), "num_samples": 200, "shares": shares.tolist()})
        lines[-1] |= {"standard_errors": [0.02] * 10, "real_shares": [0.1] * 10}
    (folder / "classes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def labels_of(plugin: str, seed: int) -> np.ndarray:
    """The class of each of 128 samples; real images have all classes alike, others lack class 9."""
    return np.arange(128) % 10 if plugin == "real" else np.random.default_rng(seed).integers(0, 9, 128)


def write_classes(folder: Path, labels: np.ndarray, asked: bool) -> None:
    """Class k has FID 100 - 5k; class 9 has none."""
    np.savez(folder / "by_class.npz", labels=labels)
    classes = [
        {
            "name": str(k),
            "num_samples": int((labels == k).sum()),
            "share": float((labels == k).mean()),
            "fid": 100.0 - 5 * k if k < 9 else None,
            "fid_label": "FID · efficientnet-lite0",
            "label_accuracy": 0.8 + 0.01 * k if asked else None,
        }
        for k in range(10)
    ]
    write(folder / "by_class.json", {"labels": "asked" if asked else "seen", "classes": classes})


def write_trial(run: Path, plugin: str, seed: int = 0) -> Path:
    folder = run / "trials" / plugin / f"seed-{seed}"
    folder.mkdir(parents=True)
    model = plugin not in ROLES
    failed = plugin == "vtgan"
    trial = {
        "schema_version": 1,
        "plugin": plugin,
        "seed": seed,
        "role": ROLES.get(plugin, "model"),
        "status": "failed" if failed else "done",
        "options": {"lr": 0.0002, "width": 32} if model else {},
        "parameters": {"generator": 894176, "discriminator": 691392} if model else None,
        "num_steps": 340 if failed else 1000 if model else 0,
        "num_images": 64000 if model else 0,
        "cost": {
            "training_seconds": 91.4 if model else 0.0,
            "sampling_seconds": 2.2,
            "evaluation_seconds": 31.0,
            "images_per_second": {"sncgan": 471.1}.get(plugin, 702.0) if model else 0.0,
            "peak_memory_mib": 812.0,
            "device": "cpu",
        },
        "warnings": WARNINGS if plugin == "dcgan" else [],
        "error": {
            "stage": "training",
            "type": "ValueError",
            "message": "loss_g is <nan> at step 340",
            "traceback": 'Traceback (most recent call last):\n  File "vtgan.py", line 7, in train\nValueError: <nan>',
        }
        if failed
        else None,
        "provenance": {"weights_sha256": "77" * 32},
    }
    write(folder / "trial.json", trial)
    if model:
        write_history(folder, seed)
    if not failed:
        write(folder / "metrics.json", metrics_of(plugin, shift=0.8 * seed))
        write_pictures(folder, plugin, seed)
        if plugin not in ("noise", "memorizer"):
            write_classes(folder, labels_of(plugin, seed), asked=plugin == "sncgan")
        if plugin == "dcgan":
            write_timeline(folder)
    return folder


def write_run(run: Path, plugins=("dcgan", "sncgan", "vtgan", "noise", "memorizer", "real"), seeds: int = 1) -> Path:
    record = {
        "schema_version": 1,
        "ganbench_version": "0.1.0",
        "created": "2026-01-02T03:04:05+00:00",
        "benchmark": "mnist-quick",
        "title": "Handwritten digits, quick",
        "protocol": "ganbench-v1",
        "configuration": {
            "benchmark": {
                "name": "mnist-quick",
                "title": "Handwritten digits, quick",
                "protocol": "ganbench-v1",
                "plugins": ["dcgan", "sncgan", "vtgan"],
                "controls": ["noise", "memorizer"],
                "data": {"dataset": "mnist5k", "resolution": 28, "augment": []},
                "training": {"budget": "64kimg", "batch_size": 64},
                "source": {"title": "a report on digits", "differs": "its digits had 32 pixels"},
                "evaluation": {"num_samples": 2500, "metrics": [], "extractor": "auto", "rank_by": "fid"},
            },
            "seeds": seeds,
            "device": "cpu",
            "options": {"dcgan": {"lr": 0.0002}},
            "host_options": {"dcgan": {"budget": "20epochs"}, "sncgan": {"budget": "64kimg"}},
            "plugins": {name: f"{i}c" * 32 for i, name in enumerate(plugins)},
            "dataset_sha256": "d5" * 32,
        },
        "configuration_sha256": "cf" * 32,
        "environment": {
            "extractor_note": "efficientnet-lite0 is used, since the Inception weights are not on this machine.",
            "python": "3.11.2",
            "torch": "2.14.1",
        },
        "plugins": [
            {
                "name": name,
                "entry_point": f"ganbench_plugins.{name}",
                "distribution": "ganbench",
                "version": "0.1.0",
                "api_version": 1,
                "source_sha256": f"{i}c" * 32,
                "variant": "sncgan-2018" if name == "sncgan" else name,
                "title": TITLES[name],
                "published": PUBLISHED.get(name, {}),
                "paper": "Radford et al. 2016, https://arxiv.org/abs/1511.06434" if name == "dcgan" else "",
                "description": "Convolutional generator and discriminator with batch normalisation.",
            }
            for i, name in enumerate(plugins)
            if name != "real"
        ],
        "class_names": [str(i) for i in range(10)],
    }
    write(run / "run.json", record)
    for plugin in plugins:
        for seed in range(seeds if plugin not in ROLES else 1):
            write_trial(run, plugin, seed)
    return run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory) -> Path:
    """The synthetic run; tests must not change it."""
    return write_run(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture
def own_run(tmp_path) -> Path:
    """A smaller synthetic run, which a test may change."""
    return write_run(tmp_path / "digits", ("dcgan", "vtgan", "noise"))


@pytest.fixture
def two_seed_run(tmp_path) -> Path:
    """One model with two training seeds."""
    return write_run(tmp_path / "digits-two-seeds", ("dcgan",), seeds=2)

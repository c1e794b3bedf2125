"""Copies from elsewhere are recognised by their content, in files, folders and archives."""

import errno
import hashlib
import io
import os
import random
import tarfile
import zipfile

import pytest

from ganbench.errors import UsageError, WeightsError
from ganbench.features import weight_import, weight_table
from ganbench.features.weight_import import import_weights
from ganbench.features.weight_table import Form, IndexArchive, WeightFile

A, B = os.urandom(4_000), os.urandom(7_000)
ARCHIVE = IndexArchive("toy-pack==1.0", "00" * 32, 1)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    forms = {"a": (Form("k", ("a.pth",), sha256(A), len(A), archive=ARCHIVE, member="toy_pack/weights/a"),)}
    forms["b"] = (Form("k", ("b.pth",), sha256(B), len(B), url="https://x/b"),)
    weights = {name: WeightFile(name, name, "tests", "MIT", "", own) for name, own in forms.items()}
    for module in (weight_table, weight_import):
        monkeypatch.setattr(module, "WEIGHTS", weights)
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def pack_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/readme", b"hello")
        archive.writestr("pack/weights/a", A)
        archive.writestr("b", B)


def pack_tar(path):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (("pack/readme", b"hello"), ("pack/weights/a", A), ("b", B)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_a_file_is_known_under_any_name_and_copied(folder, tmp_path):
    given = tmp_path / "download (3).bin"
    given.write_bytes(A)
    (item,) = import_weights(given, print)
    assert (item.name, item.path, item.was_there) == ("a", folder / "a.pth", False)
    assert item.path.read_bytes() == given.read_bytes() == A
    assert {path.name for path in folder.iterdir()} <= {"a.pth", ".lock"}


def test_doing_it_again_changes_nothing(folder, tmp_path):
    given = tmp_path / "a"
    given.write_bytes(A)
    import_weights(given, print)
    before = (folder / "a.pth").stat().st_mtime_ns
    (item,) = import_weights(given, print)
    assert item.was_there
    (item,) = import_weights(folder / "a.pth", print)  # even from the folder itself
    assert item.was_there
    assert (folder / "a.pth").stat().st_mtime_ns == before


def test_a_damaged_file_in_place_is_replaced(folder, tmp_path):
    folder.mkdir()
    (folder / "a.pth").write_bytes(bytes(len(A)))
    (tmp_path / "a").write_bytes(A)
    assert not import_weights(tmp_path / "a", print)[0].was_there
    assert (folder / "a.pth").read_bytes() == A


@pytest.mark.parametrize(
    ("name", "pack"), [("p.zip", pack_zip), ("p-1.0-py3-none-any.whl", pack_zip), ("p.tar.gz", pack_tar)]
)
def test_archives_give_all_that_is_known_in_them(folder, tmp_path, name, pack):
    pack(tmp_path / name)
    assert {item.name for item in import_weights(tmp_path / name, print)} == {"a", "b"}
    assert (folder / "a.pth").read_bytes() == A
    assert (folder / "b.pth").read_bytes() == B


def test_a_folder_is_searched_with_its_subfolders_and_index_archives(folder, tmp_path):
    deep = tmp_path / "given" / "deep"
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(B)
    (deep / "unrelated").write_bytes(b"unrelated")
    pack_tar(deep / "toy_pack-1.0.tar.gz")
    assert {item.name for item in import_weights(tmp_path / "given", print)} == {"a", "b"}


@pytest.mark.parametrize("content", [A[:-1], A[:-1] + b"?", b""], ids=["cut", "changed", "empty"])
def test_what_is_not_known_is_told_with_what_was_expected(folder, tmp_path, content):
    given = tmp_path / "a.pth"
    given.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        import_weights(given, print)
    for part in (f"{len(content):,} bytes", sha256(content), "a.pth, 4,000 bytes", sha256(A), sha256(B)):
        assert part in str(caught.value)
    assert not (folder / "a.pth").exists()


def test_a_folder_without_weights_is_told(folder, tmp_path):
    (tmp_path / "given").mkdir()
    with pytest.raises(WeightsError, match="holds none of the weights"):
        import_weights(tmp_path / "given", print)


def pack_bz2(path):
    with tarfile.open(path, "w:bz2") as archive:
        for seed in range(4):
            info = tarfile.TarInfo(f"pack/{seed}")
            info.size = 600_000  # more than one of bz2's blocks in all
            archive.addfile(info, io.BytesIO(random.Random(seed).randbytes(info.size)))


def cut(content):
    return content[: len(content) // 2]


def with_wrong_checksum(content):
    return content[:-8] + bytes([content[-8] ^ 255]) + content[-7:]


def with_one_bit_turned(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def overwritten(content):
    middle = len(content) // 2
    return content[:middle] + bytes(50) + content[middle + 50 :]


@pytest.mark.parametrize(
    ("name", "pack", "damage"),
    [
        ("p.zip", pack_zip, overwritten),
        ("p.tar.gz", pack_tar, cut),
        ("p.tar.gz", pack_tar, with_wrong_checksum),
        ("p.tar.bz2", pack_bz2, cut),
        ("p.tar.bz2", pack_bz2, overwritten),
        ("p.tar.bz2", pack_bz2, with_one_bit_turned),
    ],
)
def test_a_damaged_archive_is_told_without_a_trace(folder, tmp_path, name, pack, damage):
    pack(tmp_path / name)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(WeightsError, match="damaged archive"):
        import_weights(tmp_path / name, print)


def test_a_full_disk_is_not_taken_for_a_damaged_archive(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    pack_zip(tmp_path / "p.zip")
    monkeypatch.setattr(weight_import, "place_copy", full)
    with pytest.raises(OSError, match="No space"):
        import_weights(tmp_path / "p.zip", print)


@pytest.mark.parametrize("before", [False, True], ids=["absent", "here already"])
def test_a_damaged_member_is_told_and_the_others_are_taken(folder, tmp_path, before):
    if before:
        (tmp_path / "a").write_bytes(A)
        import_weights(tmp_path / "a", print)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("pack/a", bytes(len(A)))
        archive.writestr("pack/b", B)
    said = []
    assert [item.name for item in import_weights(tmp_path / "p.zip", said.append)] == ["b"]
    assert said == [f"pack/a in {tmp_path / 'p.zip'} has the size of a but another checksum; skipped"]


def test_an_absent_path_is_told(folder, tmp_path):
    with pytest.raises(UsageError, match="no such file or folder"):
        import_weights(tmp_path / "nowhere", print)


def test_a_weights_folder_that_is_a_file_is_told(folder, tmp_path):
    folder.write_bytes(A)
    with pytest.raises(UsageError, match="GANBENCH_WEIGHTS names a file"):
        import_weights(folder, print)

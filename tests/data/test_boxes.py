"""Photos with boxes: what is cut out, how it is divided, and every mistake in the files of boxes."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganbench.data.box import Box
from ganbench.data.box_files import read_boxes
from ganbench.data.boxes import load_boxes, square_around
from ganbench.data.builtin import ganbench_datasets
from ganbench.data.load import load_dataset
from ganbench.errors import DataError, UsageError

INFOS = {info.name: info for info in ganbench_datasets()}
PAGE = Path(__file__).parents[2] / "docs/inputs.md"
HEADER = ("file", "x", "y", "width", "height")


def photo(path, size=(60, 40), mode="RGB", seed=0, **save):
    """A photo of noise, so that every crop differs from every other; its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    image = Image.fromarray(pixels.squeeze(2) if mode == "L" else pixels)
    image.save(path, **save)
    return pixels


def photos(folder, names, *args, **kwargs):
    """A photo of each name, each with its own seed; the pixels of all."""
    return [photo(folder / name, *args, seed=seed, **kwargs) for seed, name in enumerate(names)]


def write_csv(folder, rows, header=HEADER, name="boxes.csv"):
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(folder / name)


def write_coco(folder, annotations, images=None, categories=(), name="coco.json"):
    images = images or [{"id": 1, "file_name": "a.png"}]
    content = {"images": images, "annotations": annotations, "categories": list(categories)}
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def loaded(path, resolution=None):
    return load_dataset(f"boxes:{path}", INFOS, resolution)


def all_images(dataset):
    return np.concatenate([dataset.train.images, dataset.test.images])


def refusal(path):
    """The lines of the error."""
    with pytest.raises(DataError) as caught:
        loaded(path)
    return str(caught.value).splitlines()


def holds(images, wanted):
    return any(np.array_equal(image, wanted) for image in images)


# --- the square -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "size", "square"),
    [
        ((10, 10, 8, 8), (60, 40), (10, 10, 18, 18)),
        ((10, 10, 8, 16), (60, 40), (6, 10, 22, 26)),  # widened by 4 on each side
        ((0, 10, 8, 16), (60, 40), (0, 10, 16, 26)),  # would begin at -4: moved inside
        ((52, 10, 8, 16), (60, 40), (44, 10, 60, 26)),  # would end at 64: moved inside
        ((5, 15, 50, 10), (60, 40), (10, 0, 50, 40)),  # 50 wide, the photo 40 high: 40, centred on 30
        ((0, 15, 50, 10), (60, 40), (5, 0, 45, 40)),
        ((20, 0, 10, 60), (30, 60), (0, 15, 30, 45)),
        ((10.5, 10.25, 8, 8), (60, 40), (10, 10, 19, 19)),  # whole pixels that hold it
        ((-0.75, 0, 9, 9), (60, 40), (0, 0, 9, 9)),
    ],
)
def test_square_by_hand(box, size, square):
    assert square_around(Box("a", *box, source=""), *size) == square


@given(st.data())
def test_square_is_inside_and_holds_the_box_where_it_can(data):
    width, height = data.draw(st.integers(8, 99)), data.draw(st.integers(8, 99))
    left, top = data.draw(st.integers(0, width - 8)), data.draw(st.integers(0, height - 8))
    box = Box("a", left, top, data.draw(st.integers(8, width - left)), data.draw(st.integers(8, height - top)), "")
    square = square_around(box, width, height)
    side = square.right - square.left
    assert side == square.bottom - square.top == min(max(box.width, box.height), width, height)
    assert min(square) >= 0
    assert square.right <= width
    assert square.bottom <= height
    if side >= max(box.width, box.height):
        assert square.left <= box.x <= box.x + box.width <= square.right
        assert square.top <= box.y <= box.y + box.height <= square.bottom


# --- crops ----------------------------------------------------------------------------------------------------------


def test_crops_are_the_pixels_of_the_photo(tmp_path):
    a, b, *_ = photos(tmp_path, ("a.png", "images/b.png", "c.png", "d.png"))
    rows = [("a.png", 10, 5, 16, 12), ("b.png", 40, 20, 16, 16), ("c.png", 0, 0, 16, 16), ("d.png", 0, 0, 16, 16)]
    dataset = loaded(write_csv(tmp_path, rows))
    assert dataset.spec.shape == (3, 16, 16)
    assert dataset.spec.num_classes is None
    images = all_images(dataset)
    assert holds(images, a[3:19, 10:26])
    assert holds(images, b[20:36, 40:56])


def test_crop_is_cut_out_before_it_is_resized(tmp_path):
    """Wrong: resizing within the whole photo, where the white around the thing shines in."""
    pixels = np.full((40, 60, 3), 255, dtype=np.uint8)
    pixels[10:30, 20:40] = 0
    for name in "abcd":
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    dataset = loaded(write_csv(tmp_path, [(f"{name}.png", 20, 10, 20, 20) for name in "abcd"]), 8)
    assert all_images(dataset).max() == 0


def test_crop_resized_as_pillow_does(tmp_path):
    pixels, _ = photos(tmp_path, ("a.png", "b.png"))
    rows = [("a.png", 0, 0, 40, 40), ("a.png", 8, 8, 8, 8), ("b.png", 4, 4, 20, 30), ("b.png", 0, 0, 20, 30)]
    dataset = loaded(write_csv(tmp_path, rows), 16)
    wanted = Image.fromarray(pixels[:, :40]).resize((16, 16), Image.Resampling.BICUBIC)
    assert holds(all_images(dataset), np.asarray(wanted))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_boxes_count_in_the_upright_photo(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in "abcd":
        stored = photo(tmp_path / f"{name}.png", exif=exif)
    upright = np.rot90(stored, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])  # by the EXIF standard
    dataset = loaded(write_csv(tmp_path, [(f"{name}.png", 2, 20, 16, 16) for name in "abcd"]))
    assert np.array_equal(dataset.train.images[0], upright[20:36, 2:18])


def test_grey_photos_are_repeated_only_beside_colours(tmp_path, caplog):
    grey, _ = photos(tmp_path, ("a.png", "b.png"), mode="L")
    rows = [(f"{name}.png", x, 0, 16, 16) for name in "ab" for x in (0, 8)]
    assert loaded(write_csv(tmp_path, rows)).spec.shape == (1, 16, 16)
    assert not caplog.text
    photo(tmp_path / "c.png")
    dataset = loaded(write_csv(tmp_path, [*rows, ("c.png", 0, 0, 16, 16)]))
    assert dataset.spec.shape == (3, 16, 16)
    assert holds(all_images(dataset), grey[:16, :16].repeat(3, axis=2))
    assert "2 of 3 images are grey" in caplog.text


def test_corner_columns_with_the_photos_size_beside_them(tmp_path):
    """As object detection tools write them: `width` and `height` are the photo's."""
    for name in "abcd":
        pixels = photo(tmp_path / f"{name}.png")
    header = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
    rows = [(f"{name}.png", 60, 40, "cow" if name in "ab" else "dog", 10, 4, 30, 24) for name in "abcd"]
    dataset = loaded(write_csv(tmp_path, rows, header))
    assert np.array_equal(dataset.train.images[0], pixels[4:24, 10:30])
    assert dataset.class_names == ("cow", "dog")


def test_header_with_spaces_capitals_and_a_byte_order_mark(tmp_path):
    photos(tmp_path, ("a.png", "b.png"))
    text = "\ufeffFile, X, Y, Width, Height, Note\n a.png, 0, 0, 16, 16, x\nb.png,1,1,16,16,y\n"
    text += "a.png, 9, 9, 16, 16, x\nb.png,2,1,16,16,y\n"
    (tmp_path / "boxes.CSV").write_text(text, encoding="utf-8")
    assert len(all_images(loaded(tmp_path / "boxes.CSV"))) == 4


def test_resolution_is_wanted_where_squares_differ(tmp_path):
    photos(tmp_path, ("a.png", "b.png"))
    path = write_csv(tmp_path, [(f"{name}.png", x, 0, 16 + x, 16 - x) for name in "ab" for x in (0, 4)])
    with pytest.raises(DataError, match=r"have 16 to 20 pixels a side; expected one size\. .*--resolution"):
        loaded(path)
    assert loaded(path, 32).train.shape == (2, 32, 32, 3)
    with pytest.raises(UsageError, match="resolution 0"):
        loaded(path, 0)


# --- splits and classes ---------------------------------------------------------------------------------------------


def test_boxes_of_one_photo_stay_together(tmp_path):
    """Wrong: `stratified_halves` of the boxes, which divides them, also under two spellings of one path."""
    rows = []
    for index in range(10):
        Image.new("RGB", (60, 40), (index, 0, 0)).save(tmp_path / f"{index}.png")
        rows += [(f"{'./' if x else ''}{index}.png", x, 0, 16, 16) for x in (0, 8, 16)]
    dataset = loaded(write_csv(tmp_path, rows))
    train, test = ({int(image[0, 0, 0]) for image in split.images} for split in (dataset.train, dataset.test))
    assert not train & test
    assert (len(train), len(test)) == (5, 5)
    assert (len(dataset.train), len(dataset.test)) == (15, 15)


def test_named_splits_and_classes(tmp_path):
    pixels = [photo(tmp_path / f"{index}.png", seed=index) for index in range(3)]
    rows = [("0.png", 0, 0, 16, 16, "dog", "train"), ("1.png", 0, 0, 16, 16, "cat", "Test")]
    rows += [("2.png", 8, 0, 16, 16, "cat", "train"), ("1.png", 8, 8, 16, 16, "dog", "test")]
    dataset = loaded(write_csv(tmp_path, rows, (*HEADER, "class", "split")))
    assert dataset.class_names == ("cat", "dog")
    assert dataset.train.labels.tolist() == [1, 0]
    assert dataset.test.labels.tolist() == [0, 1]
    assert np.array_equal(dataset.train.images[1], pixels[2][:16, 8:24])
    assert np.array_equal(dataset.test.images[0], pixels[1][:16, :16])


def test_one_class_is_none(tmp_path):
    photos(tmp_path, ("a.png", "b.png", "c.png", "d.png"))
    rows = [(f"{name}.png", 0, 0, 16, 16, "giraffe") for name in "abcd"]
    dataset = loaded(write_csv(tmp_path, rows, (*HEADER, "class")))
    assert dataset.train.labels is None
    assert dataset.class_names == ()


# --- COCO -----------------------------------------------------------------------------------------------------------

CATEGORIES = ({"id": 7, "name": "zebra"}, {"id": 3, "name": "giraffe"}, {"id": 4, "name": "unused"})
BOX = {"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 16, 16]}


def test_coco_with_crowds_and_small_boxes(tmp_path, caplog):
    a, b = photo(tmp_path / "images/a.png"), photo(tmp_path / "b.png", seed=1)
    images = [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}, {"id": "two", "file_name": "b.png"}]
    images += [{"id": index, "file_name": f"{index}.png"} for index in (3, 4)]
    others = [photo(tmp_path / f"{index}.png", seed=index) for index in (3, 4)]
    annotations = [
        {"id": index, "image_id": index, "category_id": category, "bbox": [1, 1, 16, 16]}
        for index, category in ((3, 3), (4, 7))
    ]
    annotations += [
        {"id": 11, "image_id": "two", "category_id": 3, "bbox": [10.0, 5.0, 16.0, 12.0], "segmentation": [[1, 2]]},
        {"id": 12, "image_id": 1, "category_id": 7, "bbox": [0, 0, 16, 16], "iscrowd": 0},
        {"id": 13, "image_id": 1, "category_id": 7, "bbox": [0, 0, 16, 16], "iscrowd": 1},
        {"id": 14, "image_id": 1, "category_id": 7, "bbox": [0, 0, 40, 7.9]},
        {"id": 15, "image_id": 1, "category_id": 7, "bbox": [0, 0, 0, 9]},
    ]
    dataset = loaded(write_coco(tmp_path, annotations, images, CATEGORIES))
    assert dataset.class_names == ("giraffe", "zebra")
    found = {
        (image.tobytes(), label)
        for split in (dataset.train, dataset.test)
        for image, label in zip(split.images, split.labels.tolist(), strict=True)
    }
    crops = [b[3:19, 10:26], a[:16, :16], *(pixels[1:17, 1:17] for pixels in others)]
    assert found == {(crop.tobytes(), label) for crop, label in zip(crops, (0, 1, 0, 1), strict=True)}
    assert "left out 1 boxes of crowds" in caplog.text
    assert "left out 2 of 6 boxes, under 8 pixels a side" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bbox": [0, 0, 16]},
            r"on 31: bbox is \[0, 0, 16\]; expected four numbers \[x, y, width, height\]\.$",
        ),
        ({"bbox": [0, 0, "x", "y"]}, r'annotation 31: bbox is \[0, 0, "x", "y"\]; expected four numbers'),
        ({"bbox": [0, 0, 16, float("nan")]}, r"annotation 31: bbox is \[0, 0, 16, NaN\]; expected four numbers"),
        ({"bbox": {"x": "a" * 99}}, r'annotation 31: bbox is {"x": "a{53}…; expected'),
        ({"id": [31]}, r"annotation number 1 \(counted from 1\): id is \[31\]; expected a whole number or a text"),
        ({"image_id": 1.5}, r"annotation 31: image_id is 1\.5; expected the id of an image\.$"),
        ({"iscrowd": 7}, "annotation 31: iscrowd is 7; expected 0 or 1"),
        ({"bbox": [0, 0, -16, 16]}, "annotation 31: the width is -16; expected 0 or more"),
        ({"bbox": [0, 0, 16, -1]}, "annotation 31: the height is -1; expected 0 or more"),
        ({"image_id": 9}, "annotation 31: no image has the id 9, which is its image_id"),
        ({"category_id": 9}, "annotation 31: no category has the id 9, which is its category_id"),
        ({"category_id": None}, "annotation 31: has no category_id, though there are categories"),
        ({"bbox": [50, 0, 16, 16]}, r"annotation 31: from \(50, 0\) to \(66, 16\) is outside a\.png of 60x40 pixels"),
    ],
)
def test_wrong_annotations(tmp_path, change, message):
    photo(tmp_path / "a.png")
    with pytest.raises(DataError, match=message):
        loaded(write_coco(tmp_path, [BOX | {"id": 31} | change], categories=CATEGORIES))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", 'is empty. Expected {"images": [...], "annotations": [...]}'),
        ('{"images": [', "is not valid JSON; something is wrong, or cut off, at line 1 column 12."),
        ("[1, 2]", "is not a COCO file of boxes. Expected {"),
        ('{"images": []}', 'has no annotations. Expected {"images"'),
        ('{"images": {}, "annotations": []}', "images is {}; expected a list [...]. Expected {"),
        ('{"images": [7], "annotations": []}', "image number 1 is 7; expected {...}."),
        ('{"images": [], "annotations": []}', "holds no boxes"),
    ],
)
def test_json_that_is_no_coco_file(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=re.escape(f"x.json: {message}")):
        loaded(tmp_path / "x.json")


def test_all_mistakes_in_a_coco_file_are_told_by_id(tmp_path):
    """Wrong: by place in the list here and by id there, in the words of the validator, and only the first."""
    annotations = [BOX | {"id": 500}, {"id": 501, "image_id": 1}, BOX | {"id": 502, "bbox": "x"}]
    path = write_coco(tmp_path, annotations, [{"id": 1}, {}], CATEGORIES)
    assert refusal(path) == [
        f"{path}: 5 problems:",
        "  image 1: has no file_name; expected the name of a photo",
        "  image number 2 (counted from 1): has no id; expected a whole number or a text",
        "  image number 2 (counted from 1): has no file_name; expected the name of a photo",
        "  annotation 501: has no bbox; expected four numbers [x, y, width, height]",
        '  annotation 502: bbox is "x"; expected four numbers [x, y, width, height]',
    ]


def test_coco_with_a_byte_order_mark(tmp_path):
    photo(tmp_path / "a.png")
    path = Path(write_coco(tmp_path, [BOX]))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_boxes(path)) == 1


@pytest.mark.parametrize("kind", ["images", "annotations", "categories"])
def test_ids_stand_once(tmp_path, kind):
    items = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [BOX], "categories": [CATEGORIES[0]]}
    items[kind] = items[kind] * 2
    with pytest.raises(DataError, match=rf"{kind}: 2 have the id \d; expected each once"):
        loaded(write_coco(tmp_path, **items))


def test_two_categories_of_one_name(tmp_path):
    with pytest.raises(DataError, match='categories: 2 have the name "zebra"; expected each once'):
        loaded(write_coco(tmp_path, [BOX], categories=[CATEGORIES[0], CATEGORIES[0] | {"id": 8}]))


def test_photos_of_another_size_than_told(tmp_path):
    """Boxes drawn on the photo as it is stored, sideways, would cut out something else. One line a photo."""
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(tmp_path / "a.png", exif=exif), photo(tmp_path / "b.png")
    images = [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}]
    images += [{"id": 2, "file_name": "b.png", "width": 80, "height": 50}]
    annotations = [BOX | {"id": index, "image_id": 1 + index // 3, "bbox": [20, 20, 30, 10]} for index in range(6)]
    first, *problems, turned, other = refusal(write_coco(tmp_path, annotations, images, CATEGORIES))
    assert first.endswith("coco.json: 2 problems:")
    assert problems == [
        "  a.png is 40x60 pixels upright, the file of boxes says 60x40, as if it lay on its side",
        "  b.png is 60x40 pixels upright, the file of boxes says 80x50",
    ]
    assert "exchange width and height" in turned
    assert "the photos that the boxes were drawn on" in other


# --- mistakes in a CSV ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"boxes\.csv: is empty"),
        ("file,x,y,width,height\n", "holds no boxes"),
        ("file,x,y,width\na.png,0,0,16\n", "expected the columns file, x, y, width, height .*got file, x, y, width"),
        ("file;x;y;width;height\n", "separated by commas"),
        ("x,y,width,height\n", "expected the columns file"),
        ("file,x,y,width,height,xmin,ymin,xmax,ymax\n", "expected the columns file"),
        ("file,x,x,y,width,height\n", "two columns 'x'"),
        ("file,x,y,width,height\na.png,0,0,wide,16\n", r"line 2: width is 'wide'; expected a number"),
        ("file,x,y,width,height\na.png,0,0\n", r"line 2: width is '', height is ''; expected numbers"),
        ("file,x,y,width,height\na.png,0,0,16,16,9\n", "line 2: has more values than the header"),
        ("file,x,y,width,height\n,0,0,16,16\n", "line 2: names no file"),
        ("file,x,y,width,height\na.png,0,0,inf,16\n", "line 2: width is 'inf'; expected a number"),
        ("file,x,y,width,height\na.png,0,0,-16,16\n", "line 2: the width is -16; expected 0 or more"),
        ("file,xmin,ymin,xmax,ymax\na.png,20,0,4,16\n", r"line 2: xmax \(4\) is left of xmin \(20\); expected"),
        ("file,xmin,ymin,xmax,ymax\na.png,0,9,4,8\n", r"line 2: ymax \(8\) is above ymin \(9\); expected the top left"),
        ("file,x,y,width,height,split\na.png,0,0,16,16,val\n", "line 2: split is 'val'; expected train or test"),
        ("file,x,y,width,height\na.png,0,0,16,16\na.png,0,0,16,16\n", r"line 3: repeats the box of .*line 2"),
        ("file,x,y,width,height\na.png,0,0,16,7\n", "all 1 boxes are under 8 pixels a side"),
        ("file,x,y,width,height\na.png,0,0,16,42\n", r"line 2: from \(0, 0\) to \(16, 42\) is outside a\.png"),
        ("file,x,y,width,height\na.png,-2,0,16,16\n", r"line 2: from \(-2, 0\)"),
        ("file,x,y,width,height\nb.png,0,0,9,9\na.png,0,0,9,9\n", "csv: line 2: no photo .*b.png"),
        ("file,x,y,width,height\nb.png,0,0,9,9\n", r"no photo .*/b\.png, nor .*/images/b\.png"),
        ("file,x,y,width,height\na.png,0,0,16,16\n", "1 to train on and 0 held out; .*in at least 4 photos"),
        ("file,x,y,width,height,class\na.png,0,0,9,9,cat\na.png,0,0,8,9,\n", "line 3: has no class, others have"),
        ("file,x,y,width,height,split\na.png,0,0,9,9,test\na.png,0,0,8,9,\n", "line 3: has no split, others have"),
        (
            "file,x,y,width,height,split\na.png,0,0,9,9,test\na.png,0,0,8,9,train\n",
            r"line 3: puts a\.png in train, but",
        ),
        ("file,x,y,width,height,split\na.png,0,0,9,9,test\na.png,0,0,8,9,test\n", "0 to train on and 2 held out"),
        ('file,x,y,width,height\n"a.png,0,0,16,16\n', r"cannot be read \(unexpected end of data\)"),
    ],
)
def test_wrong_csv(tmp_path, text, message):
    photo(tmp_path / "a.png")
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        loaded(tmp_path / "boxes.csv")


def test_a_box_out_by_rounding_is_cut_off(tmp_path):
    pixels = photos(tmp_path, ("a.png", "b.png"))
    rows = [("a.png", 50, 30, 10.5, 11), ("b.png", -1, -0.5, 11, 9.5), ("a.png", 0, 0, 10, 10), ("b.png", 9, 9, 10, 10)]
    dataset = loaded(write_csv(tmp_path, rows))
    images = all_images(dataset)
    assert holds(images, pixels[0][30:40, 50:60])
    assert holds(images, pixels[1][:10, :10])


def test_text_of_another_encoding(tmp_path):
    (tmp_path / "boxes.csv").write_bytes("file,x,y,width,height\ncafé.png,0,0,9,9\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"boxes\.csv: cannot be read .*Expected text in UTF-8"):
        loaded(tmp_path / "boxes.csv")


def test_all_mistakes_in_a_csv_are_told_at_once(tmp_path):
    """Wrong: the first line only."""
    rows = ["a.png,0,0,nan,9", "a.png,0,0,9,9", "a.png,0,0,-9,9", "a.png,0,0,9,9", "a.png,x,0,9,"]
    (tmp_path / "boxes.csv").write_text("\n".join(["file,x,y,width,height", *rows]))
    assert refusal(tmp_path / "boxes.csv") == [
        f"{tmp_path / 'boxes.csv'}: 4 problems:",
        "  line 2: width is 'nan'; expected a number",
        "  line 4: the width is -9; expected 0 or more",
        "  line 5: repeats the box of line 3; remove one of them",
        "  line 6: x is 'x', height is ''; expected numbers",
    ]


def test_all_mistakes_with_photos_are_told_at_once(tmp_path):
    """Wrong: missing photos only, and boxes outside once these are there."""
    photos(tmp_path, ("a.png", "b.png"))
    (tmp_path / "text.png").write_text("no image")
    rows = [("a.png", 0, 0, 5000, 9, "train"), ("a.png", 0, 0, 9, 9, "train"), ("gone.png", 0, 0, 9, 9, "train")]
    rows += [("gone.png", 1, 0, 9, 9, "train"), ("text.png", 0, 0, 9, 9, "train"), ("a.png", 9, 9, 9, 99, "train")]
    rows += [("b.png", 0, 0, 9, 9, "train"), ("b.png", 9, 9, 9, 9, "test")]
    first, *problems = refusal(write_csv(tmp_path, rows, (*HEADER, "split")))[:6]
    assert first == f"boxes:{tmp_path / 'boxes.csv'}: 5 problems:"
    outside, higher, missing, no_image, halves = problems
    assert outside == "  line 2: from (0, 0) to (5000, 9) is outside a.png of 60x40 pixels"
    assert higher.startswith("  line 7: from (9, 9) to (18, 108)")
    assert missing == f"  line 4: no photo {tmp_path / 'gone.png'}, nor {tmp_path / 'images/gone.png'}"
    assert no_image.startswith(f"  line 6: {tmp_path / 'text.png'}: not a readable image")
    assert halves == "  line 9: puts b.png in test, but line 8 puts it in train"


@pytest.mark.parametrize(("num_wrong", "last"), [(10, "  line 11: "), (11, "  and 1 more"), (1234, "  and 1,224 more")])
def test_ten_mistakes_are_told_and_the_others_counted(tmp_path, num_wrong, last):
    lines = refusal(write_csv(tmp_path, [("a.png", 0, 0, 9, -9)] * num_wrong))
    assert lines[0].endswith(f"boxes.csv: {num_wrong:,} problems:")
    assert lines[-1].startswith(last)
    assert len(lines) == 11 + (num_wrong > 10)


def test_lines_without_a_class_are_counted(tmp_path):
    rows = [("a.png", 0, 0, 9, 9, "cat"), *(("a.png", x, 0, 9, 9, "") for x in (1, 2, 3))]
    with pytest.raises(DataError, match=r"line 3: has no class, others have, and 2 lines more\. Give a class to all"):
        loaded(write_csv(tmp_path, rows, (*HEADER, "class")))


def test_a_name_that_the_file_system_does_not_take(tmp_path):
    with pytest.raises(DataError, match="line 2: no photo"):
        loaded(write_csv(tmp_path, [("a" * 5000, 0, 0, 9, 9)]))


def test_photos_elsewhere(tmp_path):
    """By an absolute name, and beside the folder of the file, as COCO's own folders lie; a missing one is told once."""
    pixels = photos(tmp_path, ("photos/a.png", "photos/b.png"))
    (tmp_path / "annotations").mkdir()
    names = (str(tmp_path / "photos/a.png"), "../photos/b.png")
    dataset = loaded(write_csv(tmp_path / "annotations", [(name, x, 0, 9, 9) for name in names for x in (0, 5)]))
    assert all(holds(all_images(dataset), photo[:9, 5:14]) for photo in pixels)
    gone = str(tmp_path / "gone.png")
    with pytest.raises(DataError, match=re.escape(f"line 2: no photo {gone}. Names")):
        loaded(write_csv(tmp_path / "annotations", [(gone, 0, 0, 9, 9)]))


@pytest.mark.parametrize(("num_photos", "halves"), [(2, (1, 1)), (3, (2, 1))])
def test_too_few_photos_to_halve(tmp_path, num_photos, halves):
    names = [f"{index}.png" for index in range(num_photos)]
    photos(tmp_path, names)
    told = f"{halves[0]} to train on and {halves[1]} held out; expected at least 2 of each.*at least 4 photos"
    with pytest.raises(DataError, match=told):
        loaded(write_csv(tmp_path, [(name, 0, 0, 9, 9) for name in names]))
    dataset = loaded(write_csv(tmp_path, [(name, x, 0, 9, 9) for name in names for x in (0, 9)]))
    assert (len(dataset.train), len(dataset.test)) == (2 * halves[0], 2 * halves[1])


@pytest.mark.parametrize("name", ["boxes.txt", "folder.csv", "gone.csv"])
def test_what_is_no_file_of_boxes(tmp_path, name):
    (tmp_path / "boxes.txt").touch()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"expected a \.csv of boxes or a COCO \.json|no such file"):
        loaded(tmp_path / name)
    with pytest.raises(DataError, match="expected boxes:FILE, got no path"):
        load_boxes(None, None, tmp_path)


@given(text=st.text(st.sampled_from('file,xywdthg\n\r"0123456789.-ae é\0'), max_size=60))
def test_damaged_csv_never_fails_otherwise(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "boxes.csv"
    path.write_text("file,x,y,width,height\n" + text, encoding="utf-8", newline="")
    try:
        assert read_boxes(path)
    except DataError as error:
        assert str(path) in str(error)


# --- the page -------------------------------------------------------------------------------------------------------


def test_examples_of_the_page(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    ((text,), (coco,)) = (re.findall(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL) for kind in ("csv", "json"))
    (tmp_path / "boxes.csv").write_text(text)
    (tmp_path / "coco.json").write_text(coco)
    for index, name in enumerate(("savanna.png", "zoo.png", "park.png")):
        photo(tmp_path / name, (640, 480), seed=index)
    from_csv, from_coco = loaded(tmp_path / "boxes.csv", 32), loaded(tmp_path / "coco.json", 32)
    assert from_csv.class_names == from_coco.class_names == ("giraffe", "zebra")
    assert sorted(len(split) for split in (from_csv.train, from_csv.test)) == [2, 2]
    crops = [sorted(image.tobytes() for image in all_images(dataset)) for dataset in (from_csv, from_coco)]
    assert crops[0] == crops[1]

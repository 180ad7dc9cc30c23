"""Training and serving see the same numbers: 500 messy texts and 200 messy images, bit for bit."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from product_matching.bundle import load_bundle
from product_matching.dataset import load_data, make_dataset

pytestmark = pytest.mark.slow

TEXTS, IMAGES = 500, 200
PIECES = [
    *(
        "Red running shoes",
        "红色跑鞋 42码",
        "<b>size</b> 42 &amp; wide",
        "ＡＢＣ１２３　ｃｍ",
        "mug\u200b 350ml\ufeff",
        "!!!!!!",
    ),
    *("ﾊﾞｯｸﾞ ½ ①", "حذاء أحمر", "נעליים", "😀👨‍👩‍👧", "x" * 200, '5" <new> 3<4', "naïve cafe\u0301 Å", "\u202ered\u202c"),
    *("無線滑鼠 ﹙黑﹚", "&lt;i&gt; &#39;", "AT&T R&D", "a\tb\nc\rd", "———", "1,299.00 €", "\\1 \\0", "…。。。~~"),
    *("Ünïcödé-42_x/7", "¡Olé!"),
]
MODES = ("RGB", "L", "RGBA", "LA", "P", "1", "CMYK", "I;16")
KINDS = {"RGB": ("jpg", "png", "gif", "bmp", "webp", "tiff"), "L": ("jpg", "png", "bmp"), "CMYK": ("jpg", "tiff")}
SERVE = """
import sys, numpy as np, tensorflow as tf, tensorflow_text
module, rows, out = sys.argv[1:]
rows = np.load(rows, allow_pickle=True)
loaded = tf.saved_model.load(module)
assert "product_matching" not in sys.modules and "keras_hub" not in sys.modules
found = loaded.prepare(*(tf.constant(rows[name].tolist()) for name in ("image", "title", "description", "tags")))
np.savez(out, **{name: value.numpy() for name, value in found.items()})
"""


def draw_image(rng, number):
    mode = MODES[number % len(MODES)]
    size = rng.integers(1, 90, 2)
    pixels = Image.fromarray(rng.integers(0, 256, (*size, 4), dtype=np.uint8))
    return pixels.convert("RGB").convert("I").convert("I;16") if mode == "I;16" else pixels.convert(mode)


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    """A catalogue on disk: any piece after any other, any kind of image, some turned, some animated."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("messy")
    rows = []
    for number in range(TEXTS):
        words = [" ".join(rng.choice(PIECES, rng.integers(0, 9))) for _ in range(3)]
        name = ""
        if number < IMAGES:
            image = draw_image(rng, number)
            kind = str(rng.choice(KINDS.get(image.mode, ("png",))))
            name = f"{number}.{kind}"
            exif = Image.Exif()
            exif[0x0112] = int(rng.integers(1, 9))
            more = {"exif": exif.tobytes()} if kind == "jpg" else {}
            if kind == "gif":
                more = {"save_all": True, "append_images": [ImageOps.invert(image)]}
            image.save(folder / name, **more)
        rows.append([f"p{number}", name, words[0] or "mug", words[1], words[2].replace(" ", "|")])
    with (folder / "shop.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["product_id", "image", "title", "description", "tags"], *rows])
    return load_data(folder / "shop.csv")


@pytest.fixture(scope="module")
def raw(messy):
    images = [open(path, "rb").read() if path else b"" for path in messy.image_paths()]  # noqa: PTH123, SIM115
    words = {
        name: np.array([cell.encode() for cell in messy.table[name]], object)
        for name in ("title", "description", "tags")
    }
    return {"image": np.array(images, object), **words}


def test_table_is_messy_and_whole(messy, raw):
    assert len(messy) == TEXTS
    assert sum(image != b"" for image in raw["image"]) == IMAGES


def test_training_tensors_are_those_of_the_saved_graph(messy, raw, tiny_model, tmp_path):
    preprocessor = tiny_model.preprocessor
    module = tf.Module()
    module.tables = [preprocessor.tags.table, preprocessor.text.tables]
    specs = [tf.TensorSpec([None], tf.string)] * 4
    module.prepare = tf.function(
        lambda *cells: preprocessor(dict(zip(("image", "title", "description", "tags"), cells, strict=True))), specs
    )
    tf.saved_model.save(module, str(tmp_path / "module"))
    np.savez(tmp_path / "rows.npz", **raw)
    arguments = [str(tmp_path / name) for name in ("module", "rows.npz", "out.npz")]
    subprocess.run([sys.executable, "-I", "-c", SERVE, *arguments], check=True, cwd=tmp_path)
    served = np.load(tmp_path / "out.npz")
    batches = [inputs for inputs, _ in make_dataset(messy, preprocessor, batch_size=64)]
    for name in served.files:
        trained = np.concatenate([batch[name].numpy() for batch in batches])
        assert trained.dtype == served[name].dtype
        np.testing.assert_array_equal(trained, served[name], err_msg=name)
    assert set(served.files) == set(batches[0])


def test_the_bundle_embeds_as_the_model_does(messy, raw, trained, tiny_bundle):
    model = trained[0]
    exported = tf.saved_model.load(str(load_bundle(tiny_bundle).folder))
    served = exported.signatures["embed_product"](**{name: tf.constant(cells.tolist()) for name, cells in raw.items()})
    embedded = []
    for inputs, _ in make_dataset(messy, model.preprocessor, batch_size=100):
        present = tf.stack([inputs["has_image"], inputs["has_text"], inputs["has_tags"]], axis=-1)
        vectors = [model.image_vector(inputs["image"]), model.text_vector(inputs), model.tags_vector(inputs["tags"])]
        embedded.append(model.fusion(vectors, present))
    np.testing.assert_allclose(served["embedding"], tf.concat(embedded, axis=0), atol=2e-5)

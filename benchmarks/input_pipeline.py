"""Images a second from files to augmented batches, beside the bare JPEG decoder and a PyTorch DataLoader.

    python -m benchmarks.input_pipeline [--images 1500] [--side 480] [--size 64] [--threads 2]

Time: two minutes.

The files are drawn first: JPEGs of side x side pixels of smooth shapes and noise. Each way reads all of them, once to
warm up and then `--rounds` times, in turn, so that what else the machine does falls on all alike; the best
round counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
import torch
from PIL import Image, ImageEnhance, ImageOps

from product_matching.dataset import Catalog, make_dataset
from product_matching.visual import decode_image


class ImagesOnly:
    """A preprocessor that leaves the words out."""

    def __init__(self, size):
        self.image_size = size

    def tags(self, text):
        return {"tags": tf.zeros([tf.shape(text)[0], 0])}

    def decode(self, contents):
        return decode_image(contents, self.image_size)

    def assemble(self, pixels, has_image, raw):
        return {"image": pixels}


class Pillow(torch.utils.data.Dataset):
    """The same work in Python: decode at a reduced scale, fit into a white square, mirror, zoom, turn, light, cover."""

    def __init__(self, paths, size):
        self.paths, self.size = paths, size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        rng = np.random.default_rng(torch.initial_seed() % 2**32 + index)
        with Image.open(self.paths[index]) as image:
            image.draft("RGB", (3 * self.size // 2, 3 * self.size // 2))
            image = ImageOps.exif_transpose(image.convert("RGB"))
        image = ImageOps.pad(image, (self.size, self.size), Image.Resampling.BILINEAR, color="white")
        if rng.random() < 0.5:
            image = ImageOps.mirror(image)
        zoom, shift, angle = rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1, 2) * self.size, rng.uniform(-15, 15)
        cos, sin = zoom * np.cos(np.radians(angle)), zoom * np.sin(np.radians(angle))
        centre = self.size / 2
        offset = [centre - cos * centre + sin * centre + shift[0], centre - sin * centre - cos * centre + shift[1]]
        matrix = (cos, -sin, offset[0], sin, cos, offset[1])
        image = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.85, 1.15))
        pixels = np.array(image, dtype=np.float32)
        side, (top, left) = int(rng.uniform(0, 0.35) * self.size), rng.integers(0, self.size, 2)
        pixels[top : top + side, left : left + side] = rng.uniform(0, 255)
        return torch.from_numpy(pixels)


def draw(folder, count, side):
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((side, side))
        pixels = np.asarray(coarse, dtype=np.int16) + rng.integers(-12, 12, (side, side, 1))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.jpg", quality=85)


def bare_decoder(paths, ratio, threads):
    def decode(path):
        return tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio)

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return (
        tf.data.Dataset.from_tensor_slices(paths)
        .map(decode, num_parallel_calls=threads)
        .batch(64)
        .with_options(options)
    )


def ours(paths, size, threads, batch_size):
    table = pd.DataFrame({"product_id": [str(i) for i in range(len(paths))], "image": paths})
    table = table.assign(title="mug", description="", tags="").astype(object)
    batches = make_dataset(
        Catalog(table, root=Path("/")), ImagesOnly(size), batch_size=batch_size, training=True, cache=False
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return batches.with_options(options)


def seconds(passes):
    start = time.perf_counter()
    for _ in passes:
        pass
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"images": 1500, "side": 480, "size": 64, "threads": 2, "batch_size": 64, "rounds": 4}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        draw(Path(name), options.images, options.side)
        paths = [str(path) for path in sorted(Path(name).iterdir())]
        ratio = next(r for r in (8, 4, 2, 1) if options.side >= r * 1.5 * options.size or r == 1)
        torch.set_num_threads(1)
        ways = {
            "bare decoder": bare_decoder(paths, ratio, options.threads),
            "make_dataset": ours(paths, options.size, options.threads, options.batch_size),
            "torch DataLoader": torch.utils.data.DataLoader(
                Pillow(paths, options.size), options.batch_size, shuffle=True, num_workers=options.threads,
                drop_last=True, persistent_workers=True,
            ),
        }  # fmt: skip
        taken = {way: [] for way in ways}
        for turn in range(options.rounds + 1):
            for way, passes in ways.items():
                spent = seconds(passes)
                if turn:
                    taken[way].append(spent)
    rates = {way: options.images / min(times) for way, times in taken.items()}
    print(json.dumps({
        **vars(options), "ratio": ratio, **{f"{way}, images/s": round(rate) for way, rate in rates.items()},
        "of the bare decoder": round(rates["make_dataset"] / rates["bare decoder"], 2),
        "of torch": round(rates["make_dataset"] / rates["torch DataLoader"], 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()

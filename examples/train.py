"""Train, measure and export a matcher in a script: `python examples/train.py CATALOG.csv BUNDLE`.

Without arguments it makes a sample shop of 1,500 products first and takes about three minutes on two cores.
"""

import sys
from pathlib import Path

import product_matching as pm


def main(catalog_path: Path, bundle: Path, preset: str = "demo") -> dict:
    """Trains on a catalogue and leaves a bundle."""
    # 1. The table: cleaned, checked, and split so that no product stands on two sides.
    catalog = pm.load_data(catalog_path)
    config = pm.load_config(preset)
    train, val, test = catalog.split(seed=config.seed)
    print(f"{len(train)} products to train on, {len(val)} for validation, {len(test)} for the test")

    # 2. The model: a plain keras.Model that holds its own preprocessing.
    model = pm.build_model(config, train)
    batch_size = min(config.train.batch_size, len(train))
    steps = config.train.epochs * (len(train) // batch_size)
    model.compile(
        optimizer=pm.build_optimizer(config.optimizer, steps=steps),
        loss=pm.losses.SigmoidMatchLoss(),
        jit_compile=False,  # XLA slows small towers down on a CPU
    )

    # 3. The fit: batches are a tf.data.Dataset; any Keras callback works.
    batches = pm.make_dataset(
        train, model.preprocessor, batch_size=batch_size, training=True, same_kind=config.train.same_kind
    )
    validation = pm.make_dataset(val, model.preprocessor, batch_size=batch_size)
    model.fit(batches, validation_data=validation, epochs=config.train.epochs, verbose=2)

    # 4. The threshold is chosen on validation products, the numbers come from the held-out ones.
    pm.calibrate(model, val, references=train)
    report = pm.evaluate(model, test)
    print(f"accuracy {report['accuracy']:.3f}, text to image recall@10 {report['text_to_image']['recall@10']:.3f}")

    # 5. The bundle: a SavedModel for TF Serving, the Keras model, a manifest.
    print("bundle:", pm.export(model, bundle, overwrite=True))
    return report


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        shop = pm.make_sample_shop("saved_models/example/shop", products=1500)
        main(shop.catalog, Path("saved_models/example/1"))

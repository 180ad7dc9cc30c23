"""Embedding shards with Apache Beam, on one machine or on a cluster. No other file knows Beam.

The pipeline hands out numbers of shards; a worker reads the rows of its shard, embeds them with the bundle's
SavedModel, which it loads once, and writes the shard's file. So the folder of shards, the bundle and the pictures must
be under the same path on all workers (a shared file system, or a bucket that is mounted), and the package installed
there. A shard that was written is never embedded again, whichever runner it was.

    product-matching embed BUNDLE CATALOG --out DIR --beam="OPTIONS"

| runner | OPTIONS |
|---|---|
| this machine | `--runner=DirectRunner --direct_num_workers=8 --direct_running_mode=multi_processing` |
| Dataflow | `--runner=DataflowRunner --project=P --region=R --temp_location=gs://B/tmp --sdk_container_image=IMAGE` |
| Flink | `--runner=FlinkRunner --flink_master=HOST:8081 --environment_type=DOCKER --environment_config=IMAGE` |
| Spark | `--runner=PortableRunner --job_endpoint=HOST:8099 --environment_type=DOCKER --environment_config=IMAGE` |

IMAGE is a container of Beam's SDK with the package installed. The DirectRunner is tested; the lines of the others are
Beam's own options and have not been run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from product_matching._optional import require
from product_matching.bundle import Encoders
from product_matching.deploy.embedding.sharding import Shards


def embed_by_beam(shards: Shards, options: Sequence[str] = ()) -> None:
    """Embeds the shards that are pending.

    Args:
        shards: Of `Shards.prepare`.
        options: Beam's own, such as `"--runner=FlinkRunner"`; by default those of the DirectRunner.

    Raises:
        MissingExtraError: If Beam is not installed.
    """
    beam = require("apache_beam", "beam")
    settings = require("apache_beam.options.pipeline_options", "beam").PipelineOptions(list(options))
    with beam.Pipeline(options=settings) as pipeline:
        numbers = pipeline | "shards" >> beam.Create(shards.pending())
        # Without it the numbers, which come from one place, would all stay with one worker.
        numbers | "spread" >> beam.Reshuffle() | "embed" >> beam.Map(_embed, str(shards.folder))


def _embed(number: int, folder: str) -> int:
    shards = Shards.open(folder)
    if not shards.path(number).is_file():  # a runner may try a shard twice
        shards.embed(number, _opened(str(shards.bundle)))
    return number


@cache
def _opened(bundle: str) -> Encoders:
    from pathlib import Path

    return Encoders(Path(bundle))

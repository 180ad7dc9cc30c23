"""Events of products and shoppers, from a file, standard input or Kafka into the service's database (extra `serve`)."""

from product_matching._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Consumer": "product_matching.deploy.stream.consumer",
        "FileSource": "product_matching.deploy.stream.file_source",
        "KafkaSource": "product_matching.deploy.stream.kafka_source",
        "PipeSource": "product_matching.deploy.stream.pipe_source",
    },
)

"""Events of a Kafka topic (extra `kafka`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from product_matching._optional import require
from product_matching.deploy.stream.source import PositionOf, Record
from product_matching.errors import ConfigError

_logger = logging.getLogger(__name__)


class KafkaSource:
    """Reads a topic as a member of a group; the database, not Kafka, says from where on.

    Kafka is told the positions too, for those who watch how far behind a group is.

    Args:
        servers: Where Kafka listens, as `host:9092,host:9092`.
        topic: Whose messages are events.
        group: Its members share the partitions among themselves.
        options: More settings of librdkafka, for example those of TLS and SASL.

    Raises:
        MissingExtraError: If the extra `kafka` is not installed.
        ConfigError: If librdkafka does not know a setting.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        *,
        group: str = "product-matching",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._kafka = require("confluent_kafka", "kafka")
        self.topic, self.group, self.positions = topic, group, {}
        ours = {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
        try:
            self._consumer = self._kafka.Consumer({**(options or {}), **ours}, logger=_logger)
        except self._kafka.KafkaException as error:
            raise ConfigError(f"Kafka cannot be read so: {error.args[0].str()}") from error
        self._position_of: PositionOf = lambda name: 0

    def open(self, position_of: PositionOf) -> None:
        """Joins the group; a second time, goes back to where the database is."""
        self._position_of = position_of
        if not self.positions:
            self._consumer.subscribe([self.topic], on_assign=self._assigned, on_revoke=self._revoked)
            return
        for part in self._consumer.assignment():
            self._look_up(part)
            self._consumer.seek(part)

    def read(self, most: int, seconds: float) -> list[Record] | None:
        """Messages that came within so many seconds; more may always come.

        Raises:
            ConfigError: If the topic or the group cannot be read.
        """
        found = []
        for message in self._consumer.consume(most, seconds):
            if message.error() is not None:
                self._complain(message.error())
                continue
            name = self._name(message.partition())
            found.append(Record(message.value() or b"", name, message.offset() + 1))
        return found

    def done(self, positions: dict[str, int]) -> None:
        """Tells Kafka, without waiting for it."""
        self.positions |= positions
        parts = [
            self._kafka.TopicPartition(self.topic, int(name.rsplit(":", 1)[1]), at) for name, at in positions.items()
        ]
        if parts:
            self._consumer.commit(offsets=parts, asynchronous=True)

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _assigned(self, consumer: Any, parts: list[Any]) -> None:
        for part in parts:
            self._look_up(part)
        consumer.assign(parts)

    def _revoked(self, consumer: Any, parts: list[Any]) -> None:
        for part in parts:
            self.positions.pop(self._name(part.partition), None)

    def _look_up(self, part: Any) -> None:
        name = self._name(part.partition)
        at = self.positions[name] = self._position_of(name)
        part.offset = at or self._kafka.OFFSET_BEGINNING

    def _name(self, partition: int) -> str:
        return f"kafka:{self.group}:{self.topic}:{partition}"

    def _complain(self, error: Any) -> None:
        if error.fatal() or error.code() in (
            self._kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED,
            self._kafka.KafkaError.GROUP_AUTHORIZATION_FAILED,
        ):
            raise ConfigError(f"The topic {self.topic} cannot be read: {error.str()}.")
        _logger.warning("kafka: %s", error.str())  # librdkafka tries again by itself

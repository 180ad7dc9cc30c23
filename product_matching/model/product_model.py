"""The product model: any subset of image, text and tags to one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from product_matching._types import Tensor
from product_matching.errors import ConfigError, unknown_name
from product_matching.layers import AttentionFusion, GatedFusion, MaskedFusion, MatchHead, Projection, TagEmbedding
from product_matching.layers.side_by_side import side_by_side
from product_matching.layers.unit import unit
from product_matching.losses import correct_for_sampling
from product_matching.model.chunks import in_chunks
from product_matching.model.halves import Halves
from product_matching.model.imitation import Imitation
from product_matching.model.preprocessor import BESIDE, Preprocessor
from product_matching.model.replicas import ready_for_mean, whole_batch
from product_matching.model.views import MODALITIES, PAIRS, VIEWS
from product_matching.text import TagLookup, TextEncoder
from product_matching.visual import ImageEncoder

Question = tuple[Tensor, Tensor, Tensor]
"""Labels z [B, C], vectors [B, D], vectors [C, D]: what the compiled loss is asked."""
LESSONS = ("tags", "unknown_tags", "log_q", "teacher")
"""Inputs that the loss reads, besides which modalities are there."""
FUSIONS = {"mlp": MaskedFusion, "gated": GatedFusion, "attention": AttentionFusion}


@keras.saving.register_keras_serializable("product_matching")
class ProductModel(keras.Model):
    """R_i = fuse(V_i, S_i, T_i), score(i, j) = t · ⟨R_i, R_j⟩ + b, match(i, j) = σ(calibrated score).

    `model(inputs)` gives the vector of each view (see `VIEWS`), so `model.predict(batches)["product"]` are the
    embeddings of products and `["text"]` those of their texts alone. In training, pairs of views (`PAIRS`) of one
    product are pulled together and those of different products apart; `compile` takes any loss over a score matrix
    and a matrix of labels 1, -1, 0 (match, no match, left out), such as `losses.SigmoidMatchLoss`.

    Args:
        image_encoder: V_i.
        text_encoder: S_i; its preprocessor cleans and tokenises.
        tag_vocabulary: The n tags of T_i.
        tag_dim: Width of the tag embedding.
        dim: Width D of R_i.
        hidden_dim, dropout: Of the projections and the fusion.
        feature_dropout: Share of what the towers of images and texts give that training hides from their projections.
        modality_dropout: Probability that training hides a modality of a view that has several.
        temperature, bias: Start of t and b.
        fusion: `"mlp"`, `"gated"` or `"attention"`, see `MaskedFusion`, `GatedFusion`, `AttentionFusion`.
        matryoshka: Widths below `dim` to which vectors may be cut: training asks its questions of each of them too
            (Kusupati et al. 2022, "Matryoshka representation learning", arXiv:2205.13147).
        references: Vectors of products that calibration keeps to tell vague vectors from detailed ones; see `Reach`.
        knots: Points of an isotonic curve of calibration; 0: two parameters, see `MatchHead`.
        beside_image, beside_text: Pretrained towers that stand still beside the other two: what both give, brought to
            one scale, is what the heads see, see `side_by_side`. None: there is none.

    Attributes:
        chunk_size: Products that training holds the activations of, for batches larger than memory; see `in_chunks`.
            0, as at the start: the whole batch.
        halves: Towers, `image` or `text`, that are cut in two, so that what the frozen half gives may be kept; none at
            the start.
        imitation: How training holds the model to a teacher, whose vectors inputs bring as `teacher`; None, as at the
            start: not at all.
    """

    def __init__(
        self,
        image_encoder: ImageEncoder,
        text_encoder: TextEncoder,
        tag_vocabulary: Sequence[str] = (),
        *,
        tag_dim: int = 64,
        dim: int = 128,
        hidden_dim: int = 256,
        dropout: float = 0.1,
        feature_dropout: float = 0.0,
        modality_dropout: float = 0.2,
        temperature: float = 10.0,
        bias: float = -4.8,
        fusion: str = "mlp",
        matryoshka: Sequence[int] = (),
        references: int = 0,
        knots: int = 0,
        beside_image: ImageEncoder | None = None,
        beside_text: TextEncoder | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if fusion not in FUSIONS:
            raise ConfigError(unknown_name("fusion", fusion, FUSIONS))
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.beside_image, self.beside_text = beside_image, beside_text
        loaded_at_rest = (tower for tower in (image_encoder, text_encoder) if not tower.trainable)
        for tower in (*loaded_at_rest, *self.beside.values()):
            tower.trainable = True  # an assignment that changes nothing, as after loading, would reach no weight
            tower.trainable = False
        self.tag_embedding = TagEmbedding(len(tag_vocabulary), tag_dim)
        self.dim = dim
        self._options = {"tag_dim": tag_dim, "dim": dim, "hidden_dim": hidden_dim, "dropout": dropout}
        self._options |= {"feature_dropout": feature_dropout}
        self._options |= {"modality_dropout": modality_dropout, "temperature": temperature, "bias": bias}
        self._options |= {"fusion": fusion, "matryoshka": list(matryoshka), "references": references, "knots": knots}
        self.widths = (dim, *matryoshka)
        shape = {"hidden_dim": hidden_dim, "dropout": dropout}
        self.project_image = Projection(dim, **shape, input_dropout=feature_dropout)
        self.project_text = Projection(dim, **shape, input_dropout=feature_dropout)
        self.project_tags = Projection(dim, **shape)
        self.fusion = FUSIONS[fusion](dim, **shape)
        self.head = MatchHead(temperature=temperature, bias=bias, references=references, dim=dim, knots=knots)
        self.modality_dropout = modality_dropout
        self.chunk_size = 0
        self.halves: dict[str, Halves] = {}
        self.imitation: Imitation | None = None
        self._seeds = keras.random.SeedGenerator(0)
        self.preprocessor = Preprocessor(
            text_encoder.preprocessor,
            TagLookup(tag_vocabulary),
            image_size=image_encoder.size,
            beside_text=beside_text.preprocessor if beside_text else None,
            beside_image_size=beside_image.size if beside_image else 0,
        )
        self._build_all(tag_dim)

    @property
    def beside(self) -> dict[str, ImageEncoder | TextEncoder]:
        """The towers that stand still beside others, by the modality, `image` or `text`."""
        towers = {"image": self.beside_image, "text": self.beside_text}
        return {name: tower for name, tower in towers.items() if tower is not None}

    def _build_all(self, tag_dim: int) -> None:
        for name, head, tower in (
            ("image", self.project_image, self.image_encoder),
            ("text", self.project_text, self.text_encoder),
        ):
            head.build((None, tower.dim + (self.beside[name].dim if name in self.beside else 0)))
        self.project_tags.build((None, tag_dim))
        self.fusion.build([(None, self.dim)] * len(MODALITIES), (None, len(MODALITIES)))
        self.built = True

    def call(self, inputs: Mapping[str, Tensor], training: bool | None = None) -> dict[str, Tensor]:
        """Embeds each view.

        Args:
            inputs: As `preprocessor` returns them.

        Returns:
            float32 [B, D] for each of `VIEWS`, of length 1; zeros where a product has nothing of a view.
        """
        if not (training and self.chunk_size):
            return self._views(inputs, training)
        return in_chunks(
            lambda chunk: self._views(chunk, training),
            inputs,
            list(VIEWS),
            self.chunk_size,
            width=self.dim,
            model=self,
        )

    def _views(self, inputs: Mapping[str, Tensor], training: bool | None) -> dict[str, Tensor]:
        vectors = self.encode(inputs, training=training)
        present = self._present(inputs)
        return {
            view: self.fusion(vectors, self._masks(present, shown, training), training=training)
            for view, shown in VIEWS.items()
        }

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """R_i from whatever each product has: float32 [B, D]."""
        return self.fusion(self.encode(inputs), self._present(inputs))

    def embed_one(self, modality: str, vector: Tensor, present: Tensor) -> Tensor:
        """R of one modality alone: its tower's vector [B, D] and bool [B], where it is there, to float32 [B, D]."""
        nothing = ops.zeros_like(vector)
        vectors = [vector if name == modality else nothing for name in MODALITIES]
        masks = [present if name == modality else ops.zeros_like(present) for name in MODALITIES]
        return self.fusion(vectors, ops.stack(masks, axis=-1))

    def encode(self, inputs: Mapping[str, Tensor], training: bool | None = None) -> list[Tensor]:
        """Runs the towers: V_i, S_i, T_i, each [B, D], in the order of `MODALITIES`.

        Where inputs hold `image_features` or `text_features` [B, c], what a frozen tower gave once, it does not run
        again; with `image_hidden` or `text_hidden` [B, …] and `padding_mask`, only the half above does, see `halves`.
        `beside_image_features` and `beside_text_features` are what towers of `beside` gave.
        """
        return [
            self.image_vector(inputs, training=training),
            self.text_vector(inputs, training=training),
            self.tags_vector(inputs["tags"], training=training),
        ]

    def _seen(self, name: str, inputs: Mapping[str, Tensor], training: bool | None) -> Tensor:
        """What a head sees [B, c]: what its tower gives and, where one stands beside it, that one too."""
        found = self._known(name, inputs, training)
        if found is None:
            tower = self.image_encoder if name == "image" else self.text_encoder
            found = _run_tower(tower, inputs["image"] if name == "image" else inputs, training)
        return side_by_side(found, self._known_beside(name, inputs)) if name in self.beside else found

    def _known_beside(self, name: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """What a tower of `beside` gives [B, c], by its own part of the inputs."""
        own = inputs_beside(inputs)
        if f"{name}_features" in own:
            return own[f"{name}_features"]
        return _run_tower(self.beside[name], own["image"] if name == "image" else own, False)

    def _known(self, name: str, inputs: Mapping[str, Tensor], training: bool | None) -> Tensor | None:
        """A tower's output [B, c], by what inputs hold of it; None: they hold nothing."""
        if f"{name}_hidden" in inputs:
            return self.halves[name].above(inputs, training=training)
        return inputs.get(f"{name}_features")

    def image_vector(self, images: Tensor | Mapping[str, Tensor], training: bool | None = None) -> Tensor:
        """V_i: pixels [B, size, size, 3], or pictures for each tower, as of `preprocessor.pictures`, to [B, D]."""
        inputs = images if isinstance(images, Mapping) else {"image": images}
        return self.project_image(self._seen("image", inputs, training), training=training)

    def text_vector(self, tokens: Mapping[str, Tensor], training: bool | None = None) -> Tensor:
        """S_i: tokens, as of `preprocessor.words`, to [B, D]."""
        return self.project_text(self._seen("text", tokens, training), training=training)

    def tags_vector(self, tags: Tensor, training: bool | None = None) -> Tensor:
        """T_i: multi-hot [B, n] to [B, D]."""
        return self.project_tags(self.tag_embedding(tags), training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Tensor = None,
        y_pred: Any = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The mean of the compiled loss over `PAIRS`, plus that over images and texts against the single tags.

        Tags are the plainest teachers: "red" alone tells an image tower more than a whole sentence against another.
        With `imitation`, the divergence from a teacher's scores is added.

        Args:
            x: Inputs as of `call`; perhaps `unknown_tags` and `log_q`, see `make_dataset`.
            y: int [B], the group of each product: two products of one group are never each other's negatives.
            y_pred: Views as `call` returns them.
            sample_weight: float [B], weight of each product.
        """
        x = {name: value for name, value in x.items() if name in LESSONS or name.startswith("has_")}
        x, y, y_pred, sample_weight = whole_batch((x, y, dict(y_pred), sample_weight))
        present = self._present(x)
        loss = self._mean_loss(self._view_questions(y, y_pred, present), sample_weight, x.get("log_q"))
        loss += self._mean_loss(self._tag_questions(x, y_pred, present), sample_weight) + sum(self.losses)
        if self.imitation and "teacher" in x:
            loss += self.imitation.loss(x["teacher"], y_pred, self.head.matrix)
        return loss

    def train_step(self, *args: Any) -> Any:
        """As of Keras, on several machines, too."""
        told = super().train_step(*args)
        return ready_for_mean(told) if keras.backend.backend() == "tensorflow" else told

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Keras would average a batch over its replicas here, masks and all, to learn shapes that this model knows."""
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def tag_vectors(self) -> Tensor:
        """R of each tag of the vocabulary alone: float32 [n, D]."""
        count = self.tag_embedding.count
        return self.embed_one("tags", self.tags_vector(ops.eye(count)), ops.ones((count,), "bool"))

    def _mean_loss(self, questions: Iterable[Question], sample_weight: Tensor, log_q: Tensor | None = None) -> Tensor:
        losses = []
        for z, left, right in questions:
            for width in self.widths:
                answers = self._answers(_cut(left, width), _cut(right, width))
                if log_q is not None:
                    # Columns for the softmax over rows, rows for the one over columns; each is blind to the other.
                    answers = correct_for_sampling(correct_for_sampling(answers, log_q), log_q, axis=0)
                losses.append(self.loss(z, answers, sample_weight=sample_weight))
        return sum(losses) / max(len(losses), 1)

    def _answers(self, left: Tensor, right: Tensor) -> Tensor:
        """What the loss compares with its labels, [B, C]: scores, or the cosines for a loss that `takes_cosine`."""
        if getattr(self.loss, "takes_cosine", False):
            return ops.matmul(left, ops.transpose(right))
        return self.head.matrix(left, right)

    def _view_questions(self, groups: Tensor, views: Mapping[str, Tensor], present: Tensor) -> Iterator[Question]:
        """For each of `PAIRS`: which view of which product belongs to which?"""
        z = pair_labels(groups)
        for left, right in PAIRS:
            rows = ops.cast(ops.any(self._select(present, VIEWS[left]), axis=-1), z.dtype)
            columns = ops.cast(ops.any(self._select(present, VIEWS[right]), axis=-1), z.dtype)
            yield z * rows[:, None] * columns[None, :], views[left], views[right]

    def _tag_questions(
        self, inputs: Mapping[str, Tensor], views: Mapping[str, Tensor], present: Tensor
    ) -> Iterator[Question]:
        """For images and for texts: which single tags belong to them?

        Products without tags are not asked about, nor is a product about tags of which its others say nothing.
        """
        if not self.tag_embedding.count:
            return
        tags = self.tag_vectors()
        z = 2 * inputs["tags"] - 1
        if "unknown_tags" in inputs:
            z = z * (1 - inputs["unknown_tags"])
        for view in ("image", "text"):
            asked = ops.logical_and(present[:, MODALITIES.index(view)], present[:, MODALITIES.index("tags")])
            yield z * ops.cast(asked, "float32")[:, None], views[view], tags

    def _present(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return ops.stack([ops.cast(inputs[f"has_{name}"], "bool") for name in MODALITIES], axis=-1)

    def _select(self, present: Tensor, shown: tuple[str, ...]) -> Tensor:
        return ops.logical_and(present, ops.convert_to_tensor([name in shown for name in MODALITIES]))

    def _masks(self, present: Tensor, shown: tuple[str, ...], training: bool | None) -> Tensor:
        masks = self._select(present, shown)
        if not training or len(shown) == 1 or not self.modality_dropout:
            return masks
        kept = keras.random.uniform(ops.shape(masks), seed=self._seeds) >= self.modality_dropout
        thinned = ops.logical_and(masks, kept)
        return ops.where(ops.any(thinned, axis=-1, keepdims=True), thinned, masks)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self._options,
            **{BESIDE + name: keras.saving.serialize_keras_object(tower) for name, tower in self.beside.items()},
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "tag_vocabulary": self.preprocessor.tags.vocabulary,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ProductModel:
        config = dict(config)
        names = ("image_encoder", "text_encoder", f"{BESIDE}image", f"{BESIDE}text")
        encoders = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in names if name in config}
        return cls(**encoders, **config)


def inputs_beside(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What inputs hold for towers of `ProductModel.beside`, by the names that a tower of their kind reads."""
    return {name.removeprefix(BESIDE): value for name, value in inputs.items() if name.startswith(BESIDE)}


def _run_tower(tower: keras.Model, inputs: Any, training: bool | None) -> Tensor:
    """A frozen tower computes as it will serve, without dropout, so that its vectors may be kept."""
    return tower(inputs, training=training and bool(tower.trainable_variables))


def _cut(vectors: Tensor, width: int) -> Tensor:
    """The first components of [B, D], of length 1 again; zeros stay zeros."""
    return vectors if width == vectors.shape[-1] else unit(vectors[:, :width])


def pair_labels(groups: Tensor) -> Tensor:
    """Z [B, B] of a batch: 1 for a product with itself, 0 (left out) for two of one group, -1 for any other two.

    Args:
        groups: int [B].
    """
    groups = ops.reshape(groups, (-1,))
    itself = ops.eye(ops.shape(groups)[0], dtype="float32")
    related = ops.cast(ops.equal(groups[:, None], groups[None, :]), "float32")
    return 2 * itself + related * (1 - itself) - 1

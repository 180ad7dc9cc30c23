"""What one would take instead of this package, trained and asked on the same products."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from product_matching.config import Config
from product_matching.dataset import Catalog, make_dataset
from product_matching.model import ProductModel
from product_matching.text import TextEncoder
from product_matching.visual import ImageEncoder

Embed = Callable[[Catalog], dict[str, np.ndarray]]
STRENGTHS = np.logspace(-3, 5, 17)
"""Penalties that regressions try; the best of each catalogue measured lies between them."""


def dual_encoder(train: Catalog, ours: ProductModel, config: Config, *, seconds: float) -> Embed:
    """Transformers' VisionTextDualEncoderModel, trained from scratch on the batches that ours gets.

    For so many seconds of the processor; AdamW, warm-up and cosine over them. Pictures, their augmentation and tokens
    are those of our pipeline.
    """
    import torch

    network = dual_encoder_network(config, pieces=len(ours.preprocessor.text.vocabulary))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    options = config.train
    batches = make_dataset(
        train, ours.preprocessor, batch_size=options.batch_size, training=True, augment=options.augment
    )
    start = time.process_time()
    network.train()
    while (share := (time.process_time() - start) / seconds) < 1:
        for inputs, _ in batches:
            share = (time.process_time() - start) / seconds
            if share >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = 1e-3 * min(share / 0.05, 1) * 0.5 * (1 + np.cos(np.pi * share))
            loss = network(**for_torch(inputs), return_loss=True).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
    network.eval()

    def embed(catalog: Catalog) -> dict[str, np.ndarray]:
        rows = []
        with torch.inference_mode():
            for inputs, _ in make_dataset(catalog, ours.preprocessor, batch_size=128, cache=False):
                out = network(**for_torch(inputs))
                rows.append((out.image_embeds.numpy(), out.text_embeds.numpy()))
        return dict(zip(("image", "text"), map(np.concatenate, zip(*rows, strict=True)), strict=True))

    return embed


def dual_encoder_network(config: Config, *, pieces: int) -> Any:
    """VisionTextDualEncoderModel with the towers of a configuration."""
    import torch
    from transformers import BertConfig, ResNetConfig, ViTConfig

    text, image = config.text, config.image
    bert = BertConfig(
        vocab_size=pieces, hidden_size=text.hidden_dim, num_hidden_layers=text.layers, num_attention_heads=text.heads,
        intermediate_size=text.intermediate_dim, max_position_embeddings=text.max_tokens,
    )  # fmt: skip
    if image.backbone == "vit":
        vision = ViTConfig(
            image_size=image.size, patch_size=image.patch_size, hidden_size=image.hidden_dim,
            num_hidden_layers=image.layers, num_attention_heads=image.heads, intermediate_size=image.intermediate_dim,
        )  # fmt: skip
    else:
        vision = ResNetConfig(
            embedding_size=image.stem[-1], hidden_sizes=list(image.filters), depths=list(image.blocks),
            layer_type="basic",
        )  # fmt: skip
    torch.manual_seed(config.seed)
    return joined(vision, bert, dim=config.model.dim)


def joined(vision: Any, bert: Any, *, dim: int) -> Any:
    """VisionTextDualEncoderModel of transformers' configurations of a ViT or a ResNet and of a BERT, from scratch."""
    import torch
    from transformers import (
        BertModel,
        ResNetConfig,
        ResNetModel,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
        ViTModel,
    )

    class Pooled(ResNetModel):
        """The model wants vectors, ResNetModel gives maps of one pixel."""

        def forward(self, pixel_values: torch.Tensor, **_: Any) -> tuple[Any, torch.Tensor]:
            found = super().forward(pixel_values)
            return found.last_hidden_state, found.pooler_output.flatten(1)

    if isinstance(vision, ResNetConfig):
        vision.hidden_size, tower = vision.hidden_sizes[-1], Pooled(vision)
    else:
        tower = ViTModel(vision)
    both = VisionTextDualEncoderConfig.from_vision_text_configs(vision, bert, projection_dim=dim)
    both.vision_config.hidden_size = vision.hidden_size
    return VisionTextDualEncoderModel(both, vision_model=tower, text_model=BertModel(bert))


def for_torch(inputs: dict[str, Any]) -> dict[str, Any]:
    """Our batches as the peer takes them."""
    import torch

    pixels = torch.from_numpy(np.asarray(inputs["image"], "float32")).permute(0, 3, 1, 2) / 127.5 - 1
    tokens = torch.from_numpy(np.array(inputs["token_ids"])).long()
    mask = torch.from_numpy(np.array(inputs["padding_mask"])).long()
    return {"pixel_values": pixels.contiguous(), "input_ids": tokens, "attention_mask": mask}


def frozen_vectors(minilm: str, resnet: str) -> Embed:
    """The vectors of pretrained towers as they are, of text and picture: two spaces that know nothing of each other."""
    text, image = TextEncoder.from_pretrained(minilm), ImageEncoder.from_pretrained(resnet, size=128)
    kept: dict[int, tuple[Catalog, dict[str, np.ndarray]]] = {}  # the catalogue, too, so that its id is no other's

    def embed(catalog: Catalog) -> dict[str, np.ndarray]:
        if id(catalog) not in kept:
            paths = catalog.image_paths()
            pictures = np.zeros((len(catalog), image.dim), "float32")
            some = [row for row, path in enumerate(paths) if path]
            if some:
                pictures[some] = image.encode([paths[row] for row in some])
            kept[id(catalog)] = catalog, {"image": pictures, "text": text.encode(list(catalog.texts()))}
        return kept[id(catalog)][1]

    return embed


def linear_map(learned: Sequence[Catalog], vectors: Embed) -> Embed:
    """Ridge regression from pictures to texts of some catalogues, its strength by leaving out one."""
    from sklearn.linear_model import RidgeCV

    found = [vectors(catalog) for catalog in learned]
    known = {name: np.concatenate([one[name] for one in found]) for name in ("image", "text")}
    both = (np.abs(known["image"]).sum(axis=1) > 0) & (np.abs(known["text"]).sum(axis=1) > 0)
    regression = RidgeCV(alphas=STRENGTHS).fit(known["image"][both], known["text"][both])
    centre = known["text"][both].mean(axis=0)

    def embed(catalog: Catalog) -> dict[str, np.ndarray]:
        # Without the mean, which all texts share, cosines tell texts apart better.
        found = vectors(catalog)
        views = {"image": regression.predict(found["image"]) - centre, "text": found["text"] - centre}
        return {
            name: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) for name, rows in views.items()
        }

    return embed

"""The options, section by section."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class TextConfig:
    """The text tower: a new BERT, or a pretrained transformer."""

    pretrained: str = ""
    """Folder or name of a checkpoint; empty: a new BERT whose vocabulary is learned from the catalogue."""
    trainable_blocks: int = -1
    """Last blocks of a pretrained tower that learn; -1: all; 0: none, and the tower is computed once for all epochs."""
    lora_rank: int = 0
    """Rank of low-rank updates that learn instead of a pretrained tower's own weights; 0: none."""
    lora_targets: tuple[str, ...] = ("query", "value")
    """Names of the layers that get one: query, key, value, attention_output, dense, …"""
    lora_blocks: int = 0
    """Last blocks whose layers get one; 0: all. Fewer learn less and faster: gradients end where the first begins."""
    learning_rate_factor: float = 1.0
    """The tower learns at so much of the rate of the rest."""
    beside: str = ""
    """Folder or name of a checkpoint that stands still beside the tower that all else here describes: the heads see
    what both give. It is computed once for all epochs; empty: none."""
    vocabulary_size: int = 8000
    """Word pieces learned from the catalogue, at most."""
    extend_vocabulary: bool = True
    """Give characters that a pretrained vocabulary does not know and the catalogue has twice a token of their own."""
    max_tokens: int = 48
    """Tokens kept of title and description together; the title comes first."""
    simplify_chinese: bool = False
    """Read traditional characters as simplified ones, by a table of OpenCC's (extra `chinese`) kept in the model."""
    boilerplate: float = 0.0
    """Leave out sentences that at least this share of one brand's or seller's descriptions repeat; 0: none."""
    layers: int = 2
    heads: int = 4
    hidden_dim: int = 128
    intermediate_dim: int = 512
    dropout: float = 0.1
    pooling: Literal["auto", "cls", "mean", "last", "attention"] = "auto"
    """Of tokens to one vector; auto: what a checkpoint says, the mean for a new tower."""


@dataclass(frozen=True)
class ImageConfig:
    """The image tower: a new ResNet or ViT, or a pretrained network."""

    pretrained: str = ""
    """Folder, weights file or name of a checkpoint, such as resnet50; empty: a new network of the kind `backbone`."""
    architecture: str = ""
    """Network of a weights file, of `pretrained` or else of `beside`, whose name does not say it, such as resnet50."""
    trainable_blocks: int = -1
    """Last blocks of a pretrained tower that learn; -1: all; 0: none, and the tower is computed once for all epochs."""
    lora_rank: int = 0
    """Rank of low-rank updates that learn instead of a pretrained tower's own weights; 0: none."""
    lora_targets: tuple[str, ...] = ("query", "value", "conv2d")
    """Names of the layers, or of their classes in lower case, that get one."""
    lora_blocks: int = 0
    """Last blocks whose layers get one; 0: all. Fewer learn less and faster: gradients end where the first begins."""
    learning_rate_factor: float = 1.0
    """The tower learns at so much of the rate of the rest."""
    beside: str = ""
    """Folder, weights file or name of a checkpoint that stands still beside the tower that all else here describes: the
    heads see what both give. It is computed once for all epochs; empty: none."""
    beside_size: int = 128
    """Height and width in pixels of the pictures that the tower of `beside` sees."""
    pooling: Literal["auto", "average", "gem", "cls", "attention"] = "auto"
    """Of positions to one vector; auto: the class token of a pretrained transformer, else the average."""
    backbone: Literal["resnet", "vit"] = "resnet"
    size: int = 64
    """Height and width in pixels that images are resized to; the sides keep their ratio, white fills the rest."""
    filters: tuple[int, ...] = (64, 128, 256)
    """ResNet: channels of each stage; KerasHub wants 64 in the first."""
    blocks: tuple[int, ...] = (1, 1, 1)
    """ResNet: residual blocks of each stage."""
    stem: tuple[int, ...] = (16, 32)
    """ResNet: channels of the convolutions before the stages. The first halves the image, a pooling after the last
    halves it again; two see fine patterns that one alone misses."""
    patch_size: int = 8
    """ViT: height and width of a patch in pixels."""
    layers: int = 4
    heads: int = 4
    hidden_dim: int = 128
    intermediate_dim: int = 512
    dropout: float = 0.0


@dataclass(frozen=True)
class TagConfig:
    """The tag tower: an embedding of each tag, averaged."""

    max_tags: int = 2000
    """Most frequent tags kept."""
    min_count: int = 2
    """Tags that fewer products carry are left out."""
    dim: int = 64
    """Width of the embedding. With `train.linear_start`, of `model.dim`: tags then begin where they are told."""


@dataclass(frozen=True)
class ModelConfig:
    """The joint space."""

    dim: int = 128
    """Width of R_i."""
    hidden_dim: int = 256
    """Width of the hidden layer of the projections and of the fusion."""
    dropout: float = 0.1
    feature_dropout: float = 0.0
    """Share of what the towers of images and texts give that training hides from the heads; .5 keeps these from
    learning a few thousand products by heart where the towers are frozen."""
    modality_dropout: float = 0.2
    """Probability that a modality of a whole product is hidden in training; one is always left."""
    temperature: float = 10.0
    """Start of t in score = t * <R_i, R_j> + b."""
    fusion: Literal["mlp", "gated", "attention"] = "mlp"
    """How modalities become one vector: their sum and an MLP over all; a sum weighted by gates; attention over them."""
    matryoshka: tuple[int, ...] = ()
    """Widths below `dim` to which vectors may be cut and still match: each has its share of the loss; empty: none."""

    references: int = 4096
    """Training products whose vectors calibration keeps, to tell vague vectors from detailed ones; 0: none."""
    calibration: Literal["platt", "isotonic"] = "platt"
    """From scores to probabilities: a logistic curve, or any that rises, for which thousands of validation products
    are needed."""


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer and its schedule."""

    name: Literal["adamw", "adam", "sgd", "lion", "lamb"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    """Decoupled decay; norms, biases, embeddings, temperature and bias of the score are spared."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.1
    """Share of the steps over which the rate rises from zero."""
    clip_norm: float = 1.0
    """Global norm of the gradient above which it is scaled down; 0 turns it off."""
    ema: float = 0.0
    """Momentum of an exponential average of the weights, say 0.99, that takes their place in the end; 0: none."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one step."""


@dataclass(frozen=True)
class TrainConfig:
    """The fit."""

    epochs: int = 10
    head_epochs: int = 0
    """Epochs before those, in which pretrained towers stand still, computed once, and the rest learns: cheap, and what
    the towers then learn does not pass through heads that know nothing (Kumar et al. 2022, arXiv:2202.10054)."""
    batch_size: int = 128
    chunk_size: int = 0
    """Products of a batch whose activations are held at a time, for batches larger than memory, at the price of one
    more forward pass; divides `batch_size`; 0: the whole batch."""
    loss: Literal["sigmoid", "infonce", "categorical", "binary", "cosine", "triplet"] = "sigmoid"
    """What is asked of the score matrix of a batch; see `product_matching.losses`."""
    teacher: str = ""
    """Bundle of a larger model that this one learns to score pairs like, beside its own loss; empty: none."""
    teacher_weight: float = 1.0
    """How much the divergence from the teacher counts."""
    teacher_temperature: float = 1.0
    """Softens the scores of both before they are compared; above 1, pairs that hardly match count more."""
    label_smoothing: float = 0.0
    """Share of the answer that infonce and categorical spread over all columns."""
    margin: float = 0.2
    """Margin of cosine and triplet."""
    same_kind: int = 8
    """Products of one kind of goods that stand together in a batch, hard negatives of each other; 1: random."""
    hard_negatives: float = 0.0
    """Share of the products that in the last epoch stand beside those that the model itself takes for near, `same_kind`
    of them, instead of others of their kind; it rises from 0 in the first epoch, and each epoch costs a look at all."""
    sampling_correction: bool = False
    """infonce and categorical: take from each score how often products of its group come, so that an article that is
    listed many times is not everybody's negative."""
    weight_by: str = ""
    """Column of numbers of 0 or more, such as sales, by which products count in the loss; empty: all alike."""
    augment: float = 1.0
    """How much images are shifted, zoomed, turned, lit and covered, and words and fields of texts left out at random:
    1 for a catalogue that is passed over many times, less for a short run, 0 for none."""
    swap_fields: float = 0.0
    """Probability that title and description change places in training, so that neither's place says too much."""
    typed: float = 0.0
    """Probability that a text in training is one to three words of its title and tags, as shoppers type, where
    `augment` is above 0. A search by words then finds more; whole texts are seen less often."""
    rand_augment: int = 0
    """Changes of light and colour, never of hue, that each image gets in training besides those of `augment`."""
    bucket: bool = False
    """Batch texts of about one length, for a pretrained text tower whose rows are as long as the longest; wants
    `same_kind = 1`."""
    image_cache: str = ""
    """Folder that keeps decoded images for this run and the next; empty: memory."""
    devices: Literal["one", "all", "workers"] = "one"
    """all: each GPU of this machine takes a part of a batch (`tf.distribute.MirroredStrategy`); workers: so do several
    machines, which TF_CONFIG names; every product of the whole batch is a negative in either case. Each worker makes
    the batches whole and keeps its part; the first alone keeps checkpoints, logs and the bundle."""
    mixed_precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    cached_views: int = 1
    """Views of each product that a frozen tower computes before training; the first is as it is, others augmented."""
    cached_text_views: int = 0
    """As `cached_views`, of texts alone, which cost less than pictures; 0: as many as `cached_views`."""
    linear_start: bool = False
    """Where both towers are frozen, or have frozen ones beside them, the heads begin as a ridge regression from
    pictures to texts, and single tags where another tells them from both, instead of at random; wants `model.dim` of
    at most the frozen text tower's width."""
    start_share: float = 0.0
    """Where `linear_start` began the heads of two frozen towers, the share of that beginning in their weights that are
    kept in the end, 0 to 1; the rest is what training has made of them."""
    cached_blocks: bool = False
    """Compute the frozen blocks of a tower of which only the last learn once, too, and keep what they give: a MiniLM
    takes 18 kB a text of 24 tokens, a ResNet-50 at 128 pixels 131 kB an image. It saves most of a step's time, and the
    blocks that learn see `cached_views` of each product instead of ever new ones."""
    feature_cache: str = ""
    """Folder that keeps what frozen towers computed for the next run; empty: memory only."""
    log_dir: str = ""
    """Folder that takes a table of the epochs and what TensorBoard shows; empty: none."""
    wandb: str = ""
    """Project of Weights & Biases that takes the epochs (extra `wandb`); empty: none."""
    patience: int = 0
    """Epochs without a better recall@10 on validation after which training stops; 0: never."""


@dataclass(frozen=True)
class SplitConfig:
    """How products are set aside, group by group, so that no group stands on two sides."""

    val: float = 0.1
    test: float = 0.1
    group_by: str = ""
    """Column that names the group (a parent product); empty: the normalised title."""
    near_duplicates: bool = True
    """Keep products whose images are near duplicates on one side, too; not where `group_by` names a column."""


@dataclass(frozen=True)
class Config:
    """All that a training run depends on, beside the data."""

    seed: int = 0
    offline: bool = False
    """Take pretrained weights from this machine only."""
    text: TextConfig = field(default_factory=TextConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    tags: TagConfig = field(default_factory=TagConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: SplitConfig = field(default_factory=SplitConfig)

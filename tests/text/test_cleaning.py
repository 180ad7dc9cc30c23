import re
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from product_matching.text import clean_text


def clean(text):
    return clean_text(tf.constant(text)).numpy().decode("utf-8")


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        ("red shoes", "red shoes"),
        ("  red \t\n shoes \r\n", "red shoes"),
        ("红色　跑鞋", "红色 跑鞋"),  # an ideographic space
        # mark-up
        ("<p>red</p><br/>shoes", "red shoes"),
        ('<a href="http://shop/x?a=1">跑鞋</a>', "跑鞋"),
        ("<!-- hidden -->red", "red"),
        ("size < 40 and > 30", "size < 40 and > 30"),
        ("3<4, 5>4", "3<4, 5>4"),
        # entities, one level of them
        ("salt &amp; pepper", "salt & pepper"),
        ("5&quot; &lt;new&gt; &#39;x&apos;&nbsp;y", "5\" <new> 'x' y"),
        ("&amp;lt;", "&lt;"),
        ("AT&T R&D", "AT&T R&D"),
        ("caf&eacute; &ndash; 5&deg; &#8211; &#x2013; &#X2026; &rsquo;", "café – 5° – – ... ’"),
        ("&amp;eacute;", "&eacute;"),
        # marks that say a thing twice
        ("Wow!!!! really???", "Wow! really?"),
        ("超值！！！★★★★★ 包邮~~~", "超值!★ 包邮~"),
        ("======= red ------ mug", "= red - mug"),
        ("wait.......", "wait..."),
        ("wait... 1..5 a--b C++ ##", "wait... 1..5 a--b C++ ##"),
        # width and compatibility
        ("ＡＢＣ　１２３ｃｍ", "ABC 123cm"),
        ("①号 ㎏ ﬁne ½", "1号 kg fine 1⁄2"),
        ("ﾊﾞｯｸﾞ", "バッグ"),
        ("cafe\u0301", "café"),
        # what no reader sees
        ("red\x00\x07shoes", "red shoes"),
        ("red\u200b shoes\ufeff", "red shoes"),
        ("\u202ared\u202c", "red"),
        ("a\u00a0b\u2003c\u2028d", "a b c d"),
        # kept as they are
        (
            "Nike Air-Max 90 42.5 EU, 80x40cm, 350ml, -5°C, $9.99",
            "Nike Air-Max 90 42.5 EU, 80x40cm, 350ml, -5°C, $9.99",
        ),
        ("SKU_12/34#56", "SKU_12/34#56"),
        ("👟 跑鞋 😀", "👟 跑鞋 😀"),
        ("حذاء أحمر", "حذاء أحمر"),
        ("נעליים אדומות", "נעליים אדומות"),
        ("，。！？：；（）", ",。!?:;()"),
        ("\\1 \\0 back\\slash", "\\1 \\0 back\\slash"),
    ],
)
def test_table(raw, cleaned):
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (b"red\xff\xfeshoes", "red shoes"),
        (b"\xe7\xba\xa2\xe8\x89", "红"),
        (b"\xc3\x28", "("),
        (b"\xed\xa0\x80 mug", "mug"),
        (b"\xf8\x88\x80\x80\x80", ""),
    ],
)
def test_bytes_that_are_not_utf8_leave_the_rest(raw, cleaned):
    assert clean(raw) == cleaned


def test_shape_is_kept():
    raw = tf.constant([["<b>a</b>", ""], ["ｂ", " c "]])
    np.testing.assert_array_equal(clean_text(raw), [[b"a", b""], [b"b", b"c"]])


def test_graph_gives_what_eager_gives(texts):
    raw = tf.constant([f"<p>{text}</p>" for text in texts])
    np.testing.assert_array_equal(tf.function(clean_text)(raw), clean_text(raw))


@given(st.binary(max_size=200))
@example(b"&" * 100)
@example(b"<a" * 100)
def test_any_bytes_become_utf8_without_invisible_characters(raw):
    cleaned = clean(raw)
    assert cleaned == cleaned.strip()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\ufffd]|\s\s", cleaned)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="&<"), max_size=80))
@example("＜b＞red＜/b＞")
@example("＆amp;")
def test_cleaning_again_changes_nothing(text):
    once = clean(text)
    assert clean(once) == once


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="&<"), max_size=80))
def test_ascii_digits_are_kept(text):
    digits = re.sub("[^0-9]", "", unicodedata.normalize("NFKC", text))
    assert re.sub("[^0-9]", "", clean(text)) == digits


@given(st.text(st.sampled_from("abc 红色,.0123456789"), max_size=80))
def test_plain_text_changes_its_spaces_alone(text):
    assert clean(text) == re.sub(r"\.{4,}", "...", re.sub(",{2,}", ",", " ".join(text.split())))

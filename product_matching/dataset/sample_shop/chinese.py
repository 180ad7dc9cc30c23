"""Chinese titles and descriptions."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from product_matching.dataset.sample_shop.english import model_number, pick, words_of
from product_matching.dataset.sample_shop.kinds import BRANDS, KINDS
from product_matching.dataset.sample_shop.spec import ProductSpec
from product_matching.dataset.sample_shop.vocabulary import COLOURS

_ORDER = ("colour", "pattern", "shape", "material")
_FLUFF = ("简约", "时尚", "复古", "北欧风", "高级感", "百搭", "ins风", "经典", "可爱", "轻奢")
_NOISE = ("2024新款", "包邮", "热卖", "限时特价", "新品上市", "爆款", "官方正品", "网红同款")
_OPENINGS = ("这款", "本店新到的", "我们的", "精选", "一款", "设计师推荐的")
_TAILS: dict[str, tuple[str, ...]] = {
    "clothes": ("穿着舒适,日常通勤都合适", "版型好看,怎么搭都不出错", "四季可穿"),
    "shoes": ("久走不累", "鞋底柔软防滑", "上班逛街都能穿"),
    "bags": ("容量大,上学上班都能背", "轻便耐用", "出门旅行好帮手"),
    "kitchen": ("早餐下午茶都用得上", "为厨房添一份好心情", "可进洗碗机"),
    "furniture": ("适合客厅和小户型", "结实耐用", "安装简单"),
    "home": ("让家更温馨", "卧室客厅都好看", "摆在哪里都是风景"),
    "toys": ("孩子们都喜欢", "安全无异味", "三岁以上适用"),
    "accessories": ("晴天雨天都好用", "点亮整身搭配", "送礼自用两相宜"),
}
_FILLER = (
    "送礼佳品。",
    "容易清洗。",
    "现货当天发货。",
    "老顾客一致好评。",
    "精美礼盒包装。",
    "用心设计。",
    "七天无理由退换。",
)
_SIZES: dict[str, tuple[str, ...]] = {
    "clothes": ("S码", "M码", "L码", "加大码"),
    "shoes": ("38码", "41码"),
    "bags": ("中号", "20升"),
    "kitchen": ("350毫升", "两件套", "大号"),
    "furniture": ("80厘米", "1.2米"),
    "home": ("小号", "40厘米"),
    "toys": ("30厘米", "大号"),
    "accessories": ("均码", "男女通用"),
}


def write_title(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """A title such as "北岭 红色条纹陶瓷马克杯"."""
    parts = [BRANDS[spec.brand][0]] if rng.random() < 0.7 else []
    fluff = pick(rng, _FLUFF) if rng.random() < 0.35 else ""
    parts.append(fluff + _phrase(spec, mentioned, rng))
    if rng.random() < 0.3:
        parts.append(pick(rng, _SIZES[spec.group]) if rng.random() < 0.6 else model_number(rng))
    if rng.random() < 0.2:
        noise = pick(rng, _NOISE)
        parts = [noise, *parts] if rng.random() < 0.6 else [*parts, noise]
    return pick(rng, (" ", " ", "")).join(parts)


def write_description(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """One or two sentences of advertisement that hold the mentioned attributes."""
    apart = {attribute for attribute in mentioned if rng.random() < 0.3}
    phrase = _phrase(spec, set(mentioned) - apart, rng)
    first = f"{pick(rng, _OPENINGS)}{phrase},{pick(rng, _TAILS[spec.group])}。"
    if not apart:
        return first + (pick(rng, _FILLER) if rng.random() < 0.55 else "")
    extra = "、".join(_detail(spec, attribute, rng) for attribute in _ORDER if attribute in apart)
    return f"{first}{extra}。"


def _phrase(spec: ProductSpec, mentioned: Collection[str], rng: np.random.Generator) -> str:
    """The attributes one after the other, the noun last: "红色条纹陶瓷马克杯"."""
    order = [attribute for attribute in _ORDER if attribute in mentioned]
    if rng.random() < 0.4:
        order = [order[place] for place in rng.permutation(len(order))]
    words = [pick(rng, words_of(spec, attribute).chinese, 0.5) for attribute in order]
    return "".join(words) + pick(rng, KINDS[spec.kind].chinese, 0.55)


def _detail(spec: ProductSpec, attribute: str, rng: np.random.Generator) -> str:
    """One attribute as a clause of its own."""
    word = pick(rng, words_of(spec, attribute).chinese, 0.5)
    if attribute == "colour":
        return f"颜色为{word}"
    if attribute == "material":
        return f"材质是{word}"
    if attribute == "shape":
        return f"{word}设计"
    if spec.second_colour and rng.random() < 0.4:
        return f"配{pick(rng, COLOURS[spec.second_colour].chinese, 0.6)}{word}"
    return f"{word}款式"

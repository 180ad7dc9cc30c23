"""The kinds of product: their names, and the shapes, materials, colours and patterns they come in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of product. Every tuple is ordered: the most frequent value first.

    Attributes:
        group: department of the shop.
        nouns: English names, the usual one first.
        chinese: Chinese names, the usual one first.
        plural: whether the English names are plural: "these boots".
        price: middle price.
        share: how many products are of this kind, relative to the others.
        shapes: slugs of shapes, each with a silhouette of its own.
        materials: slugs of materials.
        colours: slugs of all colours.
        patterns: slugs of all patterns.
    """

    group: str
    nouns: tuple[str, ...]
    chinese: tuple[str, ...]
    plural: bool
    price: float
    share: float
    shapes: tuple[str, ...]
    materials: tuple[str, ...]
    colours: tuple[str, ...]
    patterns: tuple[str, ...]


# The favourites of every shop; a kind names its own first and shares the rest.
_COLOUR_ORDER = "black white blue red grey green pink brown yellow orange purple"
_PATTERN_ORDER = "plain striped floral checked dotted zigzag"


def _kind(
    names: str,
    group: str,
    price: float,
    share: float,
    shapes: str,
    materials: str,
    colours: str,
    patterns: str,
) -> Kind:
    english, chinese = (tuple(part.split("|")) for part in names.split(" / "))
    return Kind(
        group=group,
        nouns=english,
        chinese=chinese,
        plural=english[0].endswith("s") and not english[0].endswith("ss"),
        price=price,
        share=share,
        shapes=tuple(shapes.split()),
        materials=tuple(materials.split()),
        colours=tuple(dict.fromkeys(f"{colours} {_COLOUR_ORDER}".split())),
        patterns=tuple(dict.fromkeys(f"{patterns} {_PATTERN_ORDER}".split())),
    )


KINDS: dict[str, Kind] = {
    "t-shirt": _kind("t-shirt|tee|tee shirt / T恤|短袖|短袖T恤", "clothes", 18, 1.5,
        "round-neck v-neck", "cotton linen wool", "white black blue", "striped plain"),
    "dress": _kind("dress|gown|frock / 连衣裙|裙子|裙装", "clothes", 49, 1.4,
        "a-line pencil", "cotton linen velvet", "black red white", "floral dotted plain"),
    "trousers": _kind("trousers|pants|slacks / 裤子|休闲裤|裤装", "clothes", 42, 1.1,
        "straight-leg flared", "denim cotton linen", "blue black white", "plain checked"),
    "sneaker": _kind("sneakers|trainers|sports shoes / 运动鞋|球鞋|休闲鞋", "shoes", 65, 1.4,
        "low-top high-top", "mesh canvas leather", "white black red", "plain striped"),
    "backpack": _kind("backpack|rucksack|school bag / 双肩包|背包|书包", "bags", 45, 1.2,
        "boxy rounded", "nylon canvas leather", "blue black green", "zigzag plain"),
    "handbag": _kind("handbag|purse|hand bag / 手提包|手袋|拎包", "bags", 75, 1.1,
        "tote crescent", "leather canvas straw", "black red brown", "checked plain"),
    "mug": _kind("mug|coffee mug|cup / 马克杯|杯子|水杯", "kitchen", 12, 1.5,
        "tall wide", "ceramic enamel glass", "white blue red", "dotted striped plain"),
    "plate": _kind("plate|dinner plate|dish / 盘子|餐盘|碟子", "kitchen", 11, 1.1,
        "round square", "ceramic enamel wood", "blue white green", "floral plain"),
    "teapot": _kind("teapot|tea pot|kettle / 茶壶|水壶|泡茶壶", "kitchen", 29, 0.9,
        "rounded tall", "ceramic metal glass", "blue white red", "floral striped"),
    "chair": _kind("chair|dining chair|seat / 椅子|座椅|餐椅", "furniture", 95, 1.0,
        "high-back round-back", "wood metal plastic", "white black yellow", "plain striped"),
    "lamp": _kind("lamp|table lamp|bedside lamp / 台灯|灯具|床头灯", "home", 38, 1.0,
        "cone dome", "metal linen glass", "white black yellow", "plain zigzag"),
    "cushion": _kind("cushion|throw pillow|pillow / 抱枕|靠垫|靠枕", "home", 19, 1.2,
        "square round", "cotton velvet wool", "blue white pink", "checked zigzag"),
    "toy-car": _kind("toy car|toy vehicle|model car / 玩具车|小汽车|玩具汽车", "toys", 15, 1.0,
        "saloon van", "plastic wood metal", "red blue yellow", "striped dotted"),
    "teddy-bear": _kind("teddy bear|stuffed bear|cuddly bear / 泰迪熊|玩具熊|小熊公仔", "toys", 24, 0.9,
        "sitting standing", "plush wool cotton", "brown white pink", "plain dotted checked"),
    "umbrella": _kind("umbrella|brolly|rain umbrella / 雨伞|伞|晴雨伞", "accessories", 22, 1.0,
        "dome flat-top", "nylon cotton plastic", "black blue red", "striped dotted"),
    "hat": _kind("hat|headwear|sun hat / 帽子|遮阳帽|时尚帽", "accessories", 25, 1.0,
        "bucket wide-brim", "cotton straw wool", "blue black white", "checked plain"),
}  # fmt: skip

# name -> (Chinese name, price level, groups it sells)
BRANDS: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "Northridge": ("北岭", 1.1, ("clothes", "bags", "kitchen")),
    "Lumora": ("路莫拉", 1.3, ("home", "furniture", "accessories")),
    "Tarn & Vale": ("谭谷", 1.5, ("clothes", "shoes", "bags")),
    "Pikko": ("皮可", 0.8, ("toys", "kitchen", "clothes")),
    "Ostrava": ("奥斯特", 1.0, ("furniture", "home")),
    "Qingmu": ("青木", 0.9, ("furniture", "kitchen", "home")),
    "Zephyr Lane": ("风巷", 1.2, ("shoes", "accessories", "clothes")),
    "Morrow": ("明晨", 0.7, ("clothes", "accessories", "bags")),
    "Hale & Finch": ("海尔雀", 1.8, ("bags", "accessories", "shoes")),
    "Duoyun": ("朵云", 0.8, ("home", "toys", "clothes")),
    "Castelo": ("卡斯特", 1.4, ("kitchen", "furniture")),
    "Brambly": ("布兰莓", 0.9, ("toys", "home", "kitchen")),
    "Vantor": ("凡拓", 1.1, ("shoes", "bags", "accessories")),
    "Yunhe": ("云禾", 0.6, ("clothes", "shoes", "kitchen", "home")),
}

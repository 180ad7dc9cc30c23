"""The controlled vocabulary of the shop: a slug for each attribute value, with its words in two languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """How people write one attribute value.

    Attributes:
        before: English forms that stand before the noun, the usual one first: "striped mug".
        after: English forms that follow the noun: "mug with stripes".
        chinese: Chinese forms, all placed before the noun, the usual one first.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    chinese: tuple[str, ...]


def _words(before: str, after: str, chinese: str) -> Words:
    return Words(*(tuple(filter(None, cell.split("|"))) for cell in (before, after, chinese)))


COLOURS: dict[str, Words] = {
    "black": _words("black|jet black|ebony", "in black", "黑色|纯黑|墨黑色"),
    "white": _words("white|snow white|ivory", "in white", "白色|纯白|雪白"),
    "grey": _words("grey|gray|ash grey", "in grey|in gray", "灰色|烟灰|银灰"),
    "red": _words("red|crimson|scarlet", "in red|in bright red", "红色|大红|正红色"),
    "orange": _words("orange|tangerine|pumpkin orange", "in orange", "橙色|橘色|橘黄"),
    "yellow": _words("yellow|lemon yellow|sunny yellow", "in yellow", "黄色|明黄|柠檬黄"),
    "green": _words("green|grass green|emerald", "in green", "绿色|草绿|翠绿"),
    "blue": _words("blue|royal blue|cobalt", "in blue|in deep blue", "蓝色|宝蓝|海蓝色"),
    "purple": _words("purple|violet|plum", "in purple", "紫色|紫罗兰色|葡萄紫"),
    "pink": _words("pink|rose pink|blush", "in pink", "粉色|粉红|樱花粉"),
    "brown": _words("brown|chocolate|chestnut", "in brown", "棕色|咖啡色|褐色"),
}

PATTERNS: dict[str, Words] = {
    "plain": _words("plain|solid|solid-colour", "without pattern", "纯色|素色|净面"),
    "striped": _words("striped|stripy|stripe", "with stripes|with a stripe pattern", "条纹|横条|条纹图案"),
    "dotted": _words("dotted|polka-dot|spotted", "with dots|with polka dots", "波点|圆点|点点"),
    "checked": _words("checked|chequered|plaid", "with checks|with a check pattern", "格子|格纹|方格"),
    "floral": _words("floral|flowery|flower-print", "with flowers|with a flower print", "碎花|花朵|印花"),
    "zigzag": _words("zigzag|chevron|zig-zag", "with zigzags|with a chevron pattern", "锯齿纹|人字纹|之字纹"),
}

MATERIALS: dict[str, Words] = {
    "cotton": _words("cotton|pure cotton|cotton-jersey", "made of cotton", "纯棉|棉质|全棉"),
    "linen": _words("linen|flax-linen|linen-weave", "made of linen", "亚麻|麻料|棉麻"),
    "wool": _words("wool|woollen|knitted", "made of wool", "羊毛|毛线|针织"),
    "denim": _words("denim|jeans-cloth|jean", "made of denim", "牛仔|丹宁|牛仔布"),
    "leather": _words("leather|real-leather|cowhide", "made of leather", "皮革|真皮|牛皮"),
    "canvas": _words("canvas|sailcloth|heavy-canvas", "made of canvas", "帆布|厚帆布|粗帆布"),
    "mesh": _words("mesh|net|breathable-mesh", "made of mesh", "网面|网布|透气网眼"),
    "nylon": _words("nylon|polyamide|ripstop-nylon", "made of nylon", "尼龙|锦纶|尼龙布"),
    "ceramic": _words("ceramic|stoneware|porcelain", "made of ceramic", "陶瓷|瓷质|瓷器"),
    "glass": _words("glass|clear-glass|crystal-glass", "made of glass", "玻璃|水晶玻璃"),
    "enamel": _words("enamel|enamelled|enamelware", "made of enamel", "搪瓷|珐琅"),
    "metal": _words("metal|steel|metallic", "made of metal", "金属|不锈钢|钢制"),
    "wood": _words("wooden|wood|oak", "made of wood", "木质|实木|木制"),
    "plastic": _words("plastic|resin|acrylic", "made of plastic", "塑料|树脂|亚克力"),
    "velvet": _words("velvet|velour|velvety", "made of velvet", "丝绒|天鹅绒|绒布"),
    "plush": _words("plush|fluffy|furry", "made of plush", "毛绒|长毛绒|短毛绒"),
    "straw": _words("straw|woven-straw|raffia", "made of straw", "草编|麦秆|拉菲草"),
}

SHAPES: dict[str, Words] = {
    "round-neck": _words("round-neck|crew-neck|crewneck", "with a round neck", "圆领|小圆领"),
    "v-neck": _words("v-neck|v-necked|deep-neck", "with a V neck", "V领|鸡心领"),
    "a-line": _words("a-line|flowing|swing", "with a wide skirt", "A字|大摆"),
    "pencil": _words("pencil|straight-cut|slim-fit", "with a slim cut", "修身|包臀"),
    "straight-leg": _words("straight-leg|straight|regular-leg", "with straight legs", "直筒|直腿"),
    "flared": _words("flared|bell-bottom|boot-cut", "with a flare", "喇叭|阔口"),
    "low-top": _words("low-top|low-cut|low", "with a low collar", "低帮|矮帮"),
    "high-top": _words("high-top|hi-top|high-cut", "with a high collar", "高帮|中高帮"),
    "boxy": _words("boxy|box-shaped|rectangular", "in a box shape", "方形|盒形"),
    "rounded": _words("rounded|curved|round-shaped", "in a rounded shape", "圆弧|弧形"),
    "tote": _words("tote|shopper|carry-all", "in tote form", "托特|大容量"),
    "crescent": _words("crescent|half-moon|hobo", "in crescent form", "月牙|半月"),
    "tall": _words("tall|high|long", "in a tall form", "高款|高身"),
    "wide": _words("wide|broad|large-mouth", "in a wide form", "宽口|大口"),
    "round": _words("round|circular|disc-shaped", "in a round shape", "圆形|圆款"),
    "square": _words("square|squared|four-cornered", "in a square shape", "方形|正方形"),
    "high-back": _words("high-back|tall-backed|straight-backed", "with a high back", "高背|高靠背"),
    "round-back": _words("round-back|balloon-back|curved-back", "with a round back", "圆背|圆靠背"),
    "cone": _words("cone|cone-shade|tapered", "with a cone shade", "锥形|锥罩"),
    "dome": _words("dome|domed|bell-shaped", "in dome form", "穹顶|半圆"),
    "saloon": _words("saloon|sedan|family-style", "in saloon form", "轿车款|小轿车型"),
    "van": _words("van|delivery-style|bus-style", "in van form", "面包车款|货车款"),
    "sitting": _words("sitting|seated|sit-down", "sitting down", "坐姿|坐款"),
    "standing": _words("standing|upright|stand-up", "standing up", "站姿|站立"),
    "flat-top": _words("flat-top|parasol|wide-canopy", "with a wide canopy", "平顶|大伞面"),
    "bucket": _words("bucket|fisherman|downturned", "in bucket form", "渔夫|盆形"),
    "wide-brim": _words("wide-brim|broad-brimmed|floppy", "with a wide brim", "宽檐|大檐"),
}

"""Families: groups of products that show the same picture."""

from __future__ import annotations

import numpy as np

from product_matching.dataset.catalog import Catalog
from product_matching.dataset.near import connected, sets_of_two_or_more
from product_matching.dataset.near_images import alike_images
from product_matching.dataset.splitting import normalise_title

CROWD = 20
"""A picture that more different titles share is taken for a placeholder."""


def first_facts(catalog: Catalog) -> tuple[np.ndarray, list]:
    """Rows whose first image was looked at when the table was read, int64 [M], and what it shows."""
    found = [(row, catalog.images[name]) for row, name in enumerate(catalog.first_images()) if name in catalog.images]
    return np.array([row for row, _ in found], np.int64), [facts for _, facts in found]


def many_titles(titles: np.ndarray) -> bool:
    """Whether so many different titles share a picture that it says nothing of the product."""
    return len(titles) > CROWD and len({normalise_title(title) for title in titles}) > CROWD


def find_leaders(catalog: Catalog) -> dict[str, str]:
    """Joins groups whose products have near duplicate images (union-find), placeholders left aside.

    The leader of a family is the group that stands first in the table: tables grow at their end, so that a new product
    follows and does not lead.

    Returns:
        From the key of each group that follows another to the key of its leader.
    """
    rows, facts = first_facts(catalog)
    titles = catalog.table["title"].to_numpy()
    alike = [rows[members] for members in sets_of_two_or_more(alike_images([one.look for one in facts]))]
    alike = [members for members in alike if not many_titles(titles[members])]
    if not alike:
        return {}
    keys = np.array(list(catalog.group_keys()), dtype=object)
    first: dict[str, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    groups = np.array([first[key] for key in keys])
    left = np.concatenate([np.repeat(groups[members[:1]], len(members) - 1) for members in alike])
    right = np.concatenate([groups[members[1:]] for members in alike])
    families = sets_of_two_or_more(connected(len(keys), left, right))
    return {keys[place]: keys[members.min()] for members in families for place in members if place != members.min()}

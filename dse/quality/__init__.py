"""Accuracy and loss from published tables, fits and laws: never a guess, always with an interval and a source."""

from dse.quality.choice import choose, published_of, unknown_recipe
from dse.quality.recipes import QUANTITIES, Recipe, recipes
from dse.quality.values import SOURCES, Quality, is_published, quality, undefined

__all__ = [
    "QUANTITIES",
    "SOURCES",
    "Quality",
    "Recipe",
    "choose",
    "is_published",
    "published_of",
    "quality",
    "recipes",
    "undefined",
    "unknown_recipe",
]

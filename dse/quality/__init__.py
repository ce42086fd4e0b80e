"""Accuracy from published tables and fits: never a guess, always with an interval and its source."""

from dse.quality.accuracy import SOURCES, Quality, accuracy
from dse.quality.recipes import Recipe, recipe_key, recipes

__all__ = ["SOURCES", "Quality", "Recipe", "accuracy", "recipe_key", "recipes"]

"""Accuracy from published tables and fits: never a guess, always with an interval and its source."""

from dse.quality.accuracy import SOURCES, Quality, accuracy, recipe_key
from dse.quality.recipes import Recipe, recipes

__all__ = ["SOURCES", "Quality", "Recipe", "accuracy", "recipe_key", "recipes"]

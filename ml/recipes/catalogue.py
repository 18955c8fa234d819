"""The recipes by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.plan import Recipe

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (EarmarkRecipe(),)})

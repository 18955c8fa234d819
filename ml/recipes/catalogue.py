"""The recipes by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ml.recipes.dorfer import DorferRecipe
from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.icme2024 import Icme2024Recipe
from ml.recipes.iqbal import IqbalRecipe
from ml.recipes.nguyen import NguyenRecipe
from ml.recipes.plan import Recipe

_ALL: tuple[Recipe, ...] = (EarmarkRecipe(), NguyenRecipe(), DorferRecipe(), IqbalRecipe(), Icme2024Recipe())

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _ALL})

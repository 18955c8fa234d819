"""Finding the category that a file means: by name, else by id."""

from __future__ import annotations

from curation.models import Category, Dataset


class CategoryIndex:
    """A dataset's categories, read once for a whole file.

    Parameters
    ----------
    dataset : Dataset
        Whose categories.
    """

    def __init__(self, dataset: Dataset) -> None:
        categories = list(Category.objects.filter(dataset=dataset).defer("description", "citation_uri", "examples"))
        self._by_name = {category.name: category for category in categories}
        self._by_id = {category.external_id: category for category in categories}

    def find(self, text: str) -> Category | None:
        """Return the category of that name, else of that id, else nothing.

        Parameters
        ----------
        text : str
            What a manifest says.

        Returns
        -------
        Category or None
            The category, without its texts.
        """
        return self._by_name.get(text) or self._by_id.get(text)

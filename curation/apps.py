"""The app `curation`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CurationConfig(AppConfig):
    """Configuration of `curation`."""

    name = "curation"
    verbose_name = _("Datasets and people")

    def ready(self) -> None:
        """Fill the registry."""
        from curation.registration import register

        register()

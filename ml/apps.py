"""The app `ml`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MlConfig(AppConfig):
    """Configuration of `ml`."""

    name = "ml"
    verbose_name = _("Label verification")

    def ready(self) -> None:
        """Register what this floor adds to those below."""
        from ml.registration import register

        register()

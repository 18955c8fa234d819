"""The app `annotate`."""

from django.apps import AppConfig


class AnnotateConfig(AppConfig):
    """Configuration of `annotate`."""

    name = "annotate"

    def ready(self) -> None:
        """Register what this floor adds to the one below."""
        from annotate.registration import register

        register()

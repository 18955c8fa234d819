"""The app `validate`."""

from django.apps import AppConfig


class ValidateConfig(AppConfig):
    """Configuration of `validate`."""

    name = "validate"

    def ready(self) -> None:
        """Register what this floor adds to the one below."""
        from validate.registration import register

        register()

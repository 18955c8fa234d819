"""The app `ml`."""

from django.apps import AppConfig


class MlConfig(AppConfig):
    """Configuration of `ml`."""

    name = "ml"

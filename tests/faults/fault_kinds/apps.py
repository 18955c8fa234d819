from django.apps import AppConfig


class FaultKindsConfig(AppConfig):
    name = "fault_kinds"

    def ready(self) -> None:
        from fault_kinds.kinds import register

        register()

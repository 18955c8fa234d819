"""Addresses. Each floor keeps its own list; this one puts them under their prefixes."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# One way in: Django's own form for the operator's pages knows no rate limit.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

admin.site.site_header = admin.site.site_title = "Earmark"

urlpatterns = [
    path("operator/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("curation.api.urls")),
    path("", include("curation.views.urls")),
    path("", include("validate.urls")),
    path("", include("annotate.urls")),
    path("", include("ml.urls")),
]

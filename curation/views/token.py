"""The page on which a person draws a token for scripts."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.authtoken.models import Token

from curation.models import User
from curation.services.api_tokens import issue_token, revoke_token


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def token(request: HttpRequest) -> HttpResponse:
    """Show whether there is a token; draw a new one or revoke it.

    A new token stands on the page that answers the form and nowhere else: it is not kept in the session.
    """
    user = cast("User", request.user)
    drawn = ""
    if request.method == "POST":
        if request.POST.get("act") == "revoke":
            revoke_token(user=user)
            messages.success(request, _("The token no longer works."))
            return redirect("token")
        drawn = issue_token(user=user)
    current = Token.objects.filter(user=user).first()
    return render(request, "account/token.html", {"token": current, "drawn": drawn})

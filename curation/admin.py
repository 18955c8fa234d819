"""Pages for the operator: accounts, datasets and roles can be changed; judgements and frozen rows only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from rest_framework.authtoken.models import TokenProxy

from curation.models import (
    Clip,
    Dataset,
    DatasetPolicy,
    ImportRun,
    Job,
    Membership,
    Participant,
    Release,
    Split,
    Submission,
    User,
)
from curation.services.account_origin import vouch_for
from curation.services.api_tokens import revoke_token
from curation.services.members import MemberRefusedError, check_link

if TYPE_CHECKING:  # Django's own classes take no parameters at run time
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    AccountModelAdmin = UserAdmin[User]
    ParticipantForm = forms.ModelForm[Participant]
else:
    ModelAdmin, TabularInline, AccountModelAdmin = admin.ModelAdmin, admin.TabularInline, UserAdmin
    ParticipantForm = forms.ModelForm


# REST framework lists every token in full: whoever opened that page could vote and rate as anybody.
admin.site.unregister(TokenProxy)


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are looked at here and written by services alone."""

    list_per_page = 50
    show_full_result_count = False  # counting a million rows to draw a list

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is Django's
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 -- Django's
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 -- Django's
        """Refuse."""
        return False


class RoleInline(TabularInline):
    """In which datasets an account works."""

    model = Membership
    autocomplete_fields = ("dataset",)
    extra = 1


@admin.register(User)
class AccountAdmin(AccountModelAdmin):
    """Accounts, known by e-mail."""

    ordering = ("email",)
    list_display = ("email", "display_name", "is_active", "is_superuser", "last_login")
    search_fields = ("email", "display_name")
    fieldsets = (
        (None, {"fields": ("email", "display_name", "password")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "display_name", "password1", "password2")}),)
    filter_horizontal = ()
    list_filter = ("is_active", "is_superuser")
    actions = ("end_tokens",)

    @admin.action(description=_("End the tokens of the chosen accounts"), permissions=["change"])
    def end_tokens(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Make the tokens of some accounts useless; nobody but their owner ever sees one."""
        ended = sum(revoke_token(user=user) for user in queryset)
        self.message_user(request, ngettext("%(n)d token ended.", "%(n)d tokens ended.", ended) % {"n": ended})

    def get_inlines(self, request: HttpRequest, obj: Model | None = None) -> list[type[Any]]:  # noqa: ARG002 -- Django's
        """Ask for roles once the account is there."""
        return [RoleInline] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 -- the signature is Django's
        """Vouch for an account that the operator makes; one that is changed stays what it was."""
        super().save_model(request, obj, form, change)
        if not change:
            vouch_for(user=obj)


class MembershipInline(TabularInline):
    """Who works in a dataset."""

    model = Membership
    autocomplete_fields = ("user",)
    extra = 1


@admin.register(Dataset)
class DatasetAdmin(ModelAdmin):
    """Title, description and people of a dataset; it is made and filled by commands."""

    list_display = ("slug", "title", "created_at")
    search_fields = ("slug", "title")
    readonly_fields = ("slug",)
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is Django's
        """Refuse: `create_dataset` stores a policy with it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 -- Django's
        """Refuse."""
        return False


@admin.register(DatasetPolicy, ImportRun, Split)
class DatasetRowAdmin(ReadOnlyAdmin):
    """Rows that belong to a dataset and are written once."""

    list_filter = ("dataset",)


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    """Releases, without the manifest of every file."""

    list_display = ("dataset", "version", "manifest_sha256", "created_at")
    list_select_related = ("dataset",)
    exclude = ("manifest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the manifest in the database: it names every file of a release, and no page here shows it."""
        return super().get_queryset(request).defer("manifest")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Background work with all that is known of it."""

    list_display = ("kind", "dataset", "state", "attempts", "worker", "heartbeat_at", "created_at")
    list_filter = ("state", "kind")


class LinkForm(ParticipantForm):
    """Says which account a person is; see `curation.services.members`."""

    class Meta:
        model = Participant
        fields = ("user",)

    def clean_user(self) -> User | None:
        """Refuse an account or a person that is somebody else already."""
        user: User | None = self.cleaned_data["user"]
        if user:
            try:
                check_link(dataset=self.instance.dataset, code=self.instance.code, user=user)
            except MemberRefusedError as error:
                raise ValidationError(error.detail) from error
        return user


@admin.register(Participant)
class ParticipantAdmin(ModelAdmin):
    """Pseudonyms; the account behind one is shown to the operator alone, who may tie it, and nothing else."""

    form = LinkForm
    fields = ("dataset", "code", "number", "user")
    readonly_fields = ("dataset", "code", "number")
    autocomplete_fields = ("user",)
    list_per_page = 50
    show_full_result_count = False
    list_display = ("code", "dataset", "user")
    list_select_related = ("dataset", "user")
    search_fields = ("code",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is Django's
        """Refuse: people come by files, by `add_member` or by working."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 -- Django's
        """Refuse."""
        return False


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """Submissions."""

    list_display = ("external_id", "dataset", "participant", "state", "duration_s")
    list_select_related = ("dataset", "participant")
    search_fields = ("external_id",)


@admin.register(Clip)
class ClipAdmin(ReadOnlyAdmin):
    """Clips."""

    list_display = ("name", "dataset", "participant", "duration_s")
    list_select_related = ("dataset", "participant")
    search_fields = ("name",)

"""The web process's entry."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")
application = get_wsgi_application()
str(settings.SECRET_KEY)  # made now, or found to be unusable before anybody asks for a page

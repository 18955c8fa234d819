"""Every text of templates and Python has a Korean translation that keeps its placeholders."""

from __future__ import annotations

import importlib.util
import re
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.pofile import read_po
from django.test import Client

PROJECT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%\d")
TAG = re.compile(r"</?\w+>")


@pytest.fixture(scope="module")
def gathering() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", PROJECT / "frontend" / "scripts" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_has_a_korean_translation(gathering: ModuleType) -> None:
    catalogue = read_po(BytesIO(gathering.CATALOGUE.read_bytes()), locale="ko")
    lacking = []
    for (text, context), places in gathering.messages().items():
        known = catalogue.get(text if isinstance(text, str) else text[0], context)
        if known is None or not known.string or not any(known.string) or known.fuzzy:
            lacking.append((text, places))
    assert lacking == [], "run `.venv/bin/python frontend/scripts/messages.py`, then translate what it lists"


def test_translations_keep_placeholders_and_tags(gathering: ModuleType) -> None:
    catalogue = read_po(BytesIO(gathering.CATALOGUE.read_bytes()), locale="ko")
    for message in catalogue:
        source = message.id if isinstance(message.id, str) else message.id[1]
        translation = message.string if isinstance(message.string, str) else message.string[0]
        if source:
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(source)), source
            assert TAG.findall(translation) == TAG.findall(source), source


def test_texts_are_found_in_templates_and_python(gathering: ModuleType) -> None:
    texts = {text if isinstance(text, str) else text[0] for text, _ in gathering.messages()}
    assert {"Skip to content", "Not rated", "waiting", "%(n)s row refused"} <= texts


@pytest.mark.django_db
def test_a_reader_of_korean_gets_a_korean_page(client: Client) -> None:
    if not (PROJECT / "frontend" / "locale" / "ko" / "LC_MESSAGES" / "django.mo").is_file():
        pytest.fail(
            "the catalogue is not compiled: run `make setup`, or `pybabel compile -d frontend/locale -D django`"
        )
    page = client.get("/accounts/login/", headers={"accept-language": "ko"}).content.decode()
    assert '<html lang="ko"' in page
    assert "로그인" in page

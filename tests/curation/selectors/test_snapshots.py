from __future__ import annotations

import pytest
from django.db import connection

from curation.selectors.snapshots import read_snapshot

pytestmark = pytest.mark.django_db(transaction=True)


def test_writing_goes_on_as_before_afterwards() -> None:
    mode = getattr(connection, "transaction_mode", None)
    with read_snapshot():
        pass
    with pytest.raises(KeyError), read_snapshot():
        raise KeyError
    assert getattr(connection, "transaction_mode", None) == mode
    assert not connection.in_atomic_block

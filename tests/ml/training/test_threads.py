from __future__ import annotations

import pytest
import torch

from ml.training.threads import in_one_thread


def test_a_block_has_one_thread_on_a_processor_alone() -> None:
    torch.set_num_threads(2)
    with in_one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with in_one_thread("cuda"):
        assert torch.get_num_threads() == 2


def test_an_error_gives_the_threads_back() -> None:
    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="halfway"), in_one_thread(torch.device("cpu")):
        raise ValueError("halfway")
    assert torch.get_num_threads() == 2

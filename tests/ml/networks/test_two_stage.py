import pytest
import torch
from torch import Tensor, nn

from ml.networks.two_stage import PARENT_OF, PARENTS, TwoStageNetwork, parent_indices, product_scores


class _Constant(nn.Module):
    def __init__(self, probabilities: list[float]) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(probabilities).log() + 3.0)  # scores need not be normalised

    def forward(self, x_BCTM: Tensor) -> Tensor:
        return self.scores.expand(len(x_BCTM), -1)


def test_probabilities_of_class_and_parent_are_multiplied() -> None:
    network = TwoStageNetwork(_Constant([0.8, 0.2]), _Constant([0.2, 0.5, 0.3]), parents=(0, 1, 1))
    p_BK = network(torch.zeros(2, 1, 3, 3)).softmax(dim=1)
    # 0.8·0.2 = 0.16, 0.2·0.5 = 0.10, 0.2·0.3 = 0.06; their sum is 0.32
    for row in p_BK.tolist():
        assert row == pytest.approx([0.16 / 0.32, 0.10 / 0.32, 0.06 / 0.32])


def test_the_parent_can_overrule_the_fine_network() -> None:
    fine_BK = torch.tensor([[0.2, 0.5, 0.3]]).log()
    parent_K = torch.tensor([0, 1, 1])
    sure, unsure = torch.tensor([[0.8, 0.2]]).log(), torch.tensor([[0.5, 0.5]]).log()
    assert product_scores(sure, fine_BK, parent_K).argmax().item() == 0
    assert product_scores(unsure, fine_BK, parent_K).argmax().item() == 1


def test_the_scores_are_logarithms_of_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = product_scores(
        torch.randn(5, 3, generator=generator), torch.randn(5, 10, generator=generator), torch.arange(10) % 3
    )
    torch.testing.assert_close(scores.exp().sum(dim=1), torch.ones(5))


def test_an_impossible_parent_gives_no_undefined_scores() -> None:
    scores = product_scores(torch.tensor([[200.0, -200.0]]), torch.zeros(1, 2), torch.tensor([0, 1]))
    assert torch.isfinite(scores).all()
    assert scores.argmax().item() == 0


def test_the_ten_scenes_have_the_papers_parents() -> None:
    assert parent_indices(["airport", "park", "tram"]) == (0, 1, 2)
    assert len(PARENT_OF) == 10
    assert [list(PARENT_OF.values()).count(parent) for parent in PARENTS] == [3, 4, 3]


def test_unknown_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"class 'beach': expected one of airport"):
        parent_indices(["airport", "beach"])


def test_networks_that_do_not_fit_the_parents_are_refused() -> None:
    with pytest.raises(ValueError, match="2 parents and 3 classes"):
        TwoStageNetwork(_Constant([0.5, 0.5]), _Constant([0.2, 0.5, 0.3]), parents=(0, 1, 2))(torch.zeros(1, 1, 1, 1))
    with pytest.raises(ValueError, match="2 parents and 3 classes"):
        TwoStageNetwork(_Constant([0.5, 0.5]), _Constant([0.2, 0.5, 0.3]), parents=(0, 1))(torch.zeros(1, 1, 1, 1))
    with pytest.raises(ValueError, match="at least 0"):
        TwoStageNetwork(_Constant([1.0]), _Constant([1.0]), parents=(-1,))

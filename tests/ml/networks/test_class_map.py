import torch

from ml.networks.class_map import AttendedClassMap, NormalisedClassMap


def test_scores_are_the_means_of_the_class_maps() -> None:
    head = NormalisedClassMap(2, 2, 2).eval()
    with torch.no_grad():
        for convolution in (head.layers[2], head.layers[5]):
            convolution.weight.copy_(torch.eye(2)[:, :, None, None])
    x_BCTM = torch.tensor([[[[1.0, 3.0]], [[-4.0, 8.0]]]])
    # fresh normalisations divide by sqrt(1 + 1e-5); rectified means: 2 and 4
    torch.testing.assert_close(head(x_BCTM), torch.tensor([[2.0, 4.0]]), rtol=1e-4, atol=0)


def test_an_attended_class_map_without_attention_halves_the_rectified_means() -> None:
    head = AttendedClassMap(2, 2).eval()
    with torch.no_grad():
        head.layers[0].weight.copy_(torch.eye(2)[:, :, None, None])
        for parameter in head.layers[4].parameters():
            parameter.zero_()  # a gate of sigmoid(0) = 0.5
    x_BCTM = torch.tensor([[[[1.0, 3.0]], [[-4.0, 8.0]]]])
    torch.testing.assert_close(head(x_BCTM), torch.tensor([[1.0, 2.0]]), rtol=1e-4, atol=0)

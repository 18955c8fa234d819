"""Augmentation of a batch of log-mel excerpts while training.

What chance decides is drawn apart from what is then computed: numbers come from a generator on the CPU, for the whole
batch at once, and are a handful per clip; the arithmetic runs wherever the excerpts are. So a GPU and a CPU see the
same augmentation, and so do the processes of a data-parallel training, each of which computes only its own rows.

mixup
    ``x = lambda * x1 + (1 - lambda) * x2``, the same for targets and, after Iqbal and Wang, for the clips' weights
    [1]_ [2]_. The partners are the batch in another order. lambda comes from Beta(alpha, alpha), one for each
    excerpt or one for the whole batch (as in the paper of mixup and in Iqbal 4.3). Jeong and Lim ask for
    lambda > 0.5, so that an excerpt stays predominant in its own mixture; since the distribution is symmetric, that
    is the larger of lambda and 1 - lambda [3]_.
SpecAugment
    One stripe of frames and one of bands is blanked; its width is uniform between nothing and a share of the axis, 10 %
    in Hu et al. [4]_ [5]_.
random erasing
    A rectangle with 2 % to 40 % of the area and an aspect ratio of 0.3 to 3.3 is blanked, with a probability [6]_.
    Nguyen et al. use it and give no numbers; these are the original ones. A rectangle longer than an axis is cut to
    it.
gain, shift
    A constant is added (a gain, in the logarithm), the bands are moved up or down, the edge band repeated
    (Wilkinghoff's vertical shifts).

Blanked cells become 0, which is the mean where features are normalised. They are blanked after mixing, so that they
are blank in the mixture; where the papers say nothing of the order, this is the choice here.

Shapes: B excerpts, C channels, T frames, M mel bands, R rectangles per excerpt.

References
----------
.. [1] H. Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018.
.. [2] Iqbal et al., DCASE 2018, section 4.3.
.. [3] Jeong and Lim, DCASE 2018, section 3.1.1.
.. [4] D. S. Park et al., "SpecAugment", Interspeech 2019.
.. [5] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020 challenge, section 3.
.. [6] Z. Zhong et al., "Random erasing data augmentation", AAAI 2020, section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ml.training.distortion import draw_tone, draw_warp
from ml.training.ranges import at_least, within

ERASED_AREA = (0.02, 0.4)  # share of the excerpt (Zhong et al., 4: s_l, s_h)
ERASED_ASPECT = (0.3, 1 / 0.3)  # height by width (Zhong et al., 4: r_1, 1 / r_1)


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """How excerpts are changed while training; the defaults change nothing.

    Attributes
    ----------
    mixup_alpha : float
        Parameter of the Beta distribution; 0 for no mixup.
    mixup_shared : bool
        One lambda for the whole batch instead of one for each excerpt.
    mixup_predominant : bool
        Keep lambda at 0.5 or above.
    mask_frames, mask_bands : float
        Largest share of the frames and of the bands that a SpecAugment stripe blanks.
    erasing : float
        Probability of random erasing.
    gain : float
        Largest constant, either way, in units of the features.
    shift_bands : int
        Most bands by which an excerpt is moved up or down.
    tone : float
        Standard deviation of a smooth curve over the bands (`ml.training.distortion`), in units of the features.
    tone_points : int
        Independent points of that curve.
    stretch_frames, stretch_bands : float
        Largest logarithm of the factor by which an excerpt is stretched.
    move_frames, move_bands : float
        Largest shift of a stretched excerpt, as a share of its size.
    """

    mixup_alpha: float = 0.0
    mixup_shared: bool = False
    mixup_predominant: bool = False
    mask_frames: float = 0.0
    mask_bands: float = 0.0
    erasing: float = 0.0
    gain: float = 0.0
    shift_bands: int = 0
    tone: float = 0.0
    tone_points: int = 5
    stretch_frames: float = 0.0
    stretch_bands: float = 0.0
    move_frames: float = 0.0
    move_bands: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mixup_alpha", "gain", "shift_bands", "tone", "stretch_frames", "stretch_bands"):
            at_least(name, getattr(self, name), 0)
        at_least("tone_points", self.tone_points, 2)
        for name in ("mask_frames", "mask_bands", "erasing", "move_frames", "move_bands"):
            within(name, getattr(self, name), 0, 1)

    @property
    def warps(self) -> bool:
        """Whether excerpts are stretched or moved."""
        return bool(self.stretch_frames or self.stretch_bands or self.move_frames or self.move_bands)


class Draws(NamedTuple):
    """What chance decided for a batch; None where a kind of augmentation is off. All on the CPU."""

    partner_B: Tensor | None  # row of the batch that each excerpt is mixed with
    share_B: Tensor | None  # lambda, the share of the excerpt itself
    gain_B: Tensor | None
    shift_B: Tensor | None
    blank_BR4: Tensor | None  # first frame, end frame, first band, end band
    tone_BP: Tensor | None = None
    warp_B23: Tensor | None = None


def draw(config: AugmentationConfig, *, size: int, frames: int, bands: int, generator: torch.Generator) -> Draws:
    """Draw the augmentation of a batch.

    Parameters
    ----------
    config : AugmentationConfig
        What is done.
    size, frames, bands : int
        Excerpts of the batch and their shape.
    generator : torch.Generator
        Source of chance, on the CPU.

    Returns
    -------
    Draws
        A few numbers for each excerpt.
    """
    partner_B = share_B = gain_B = shift_B = None
    if config.mixup_alpha:
        partner_B = torch.randperm(size, generator=generator)
        share_B = beta_shares(config.mixup_alpha, 1 if config.mixup_shared else size, generator=generator).expand(size)
        share_B = torch.maximum(share_B, 1 - share_B) if config.mixup_predominant else share_B
    if config.gain:
        gain_B = (2 * torch.rand(size, generator=generator) - 1) * config.gain
    if config.shift_bands:
        shift_B = torch.randint(-config.shift_bands, config.shift_bands + 1, (size,), generator=generator)
    blanks = []
    if config.mask_frames:
        blanks.append(torch.cat([_stripe(config.mask_frames, frames, size, generator), _all(bands, size)], dim=1))
    if config.mask_bands:
        blanks.append(torch.cat([_all(frames, size), _stripe(config.mask_bands, bands, size, generator)], dim=1))
    if config.erasing:
        blanks.append(_erased(config.erasing, frames, bands, size, generator))
    blank_BR4 = torch.stack(blanks, dim=1) if blanks else None
    tone_BP = warp_B23 = None
    if config.tone:
        tone_BP = draw_tone(config.tone, points=config.tone_points, size=size, generator=generator)
    if config.warps:
        warp_B23 = draw_warp(
            stretch=(config.stretch_frames, config.stretch_bands),
            move=(config.move_frames, config.move_bands),
            size=size,
            generator=generator,
        )
    return Draws(partner_B, share_B, gain_B, shift_B, blank_BR4, tone_BP, warp_B23)


def beta_shares(alpha: float, count: int, *, generator: torch.Generator) -> Tensor:
    """Draw from Beta(alpha, alpha) as the share that one of two Gamma(alpha) variables has in their sum."""
    # torch.distributions takes no generator; doubles, because Gamma(0.1) often falls below the smallest float32.
    gamma_2B = torch._standard_gamma(torch.full((2, count), alpha, dtype=torch.float64), generator=generator)
    return (gamma_2B[0] / gamma_2B.sum(0)).float()


def shifted_bands(x_BCTM: Tensor, shift_B: Tensor) -> Tensor:
    """Move each excerpt up by a number of bands (down if negative), repeating the band at the edge."""
    bands = x_BCTM.shape[3]
    source_BM = (torch.arange(bands, device=x_BCTM.device) - shift_B[:, None].to(x_BCTM.device)).clamp_(0, bands - 1)
    return x_BCTM.gather(3, source_BM[:, None, None, :].expand_as(x_BCTM))


def blanked(x_BCTM: Tensor, blank_BR4: Tensor) -> Tensor:
    """Set rectangles of each excerpt to 0, in place.

    Parameters
    ----------
    x_BCTM : float Tensor [shape=(B, C, T, M)]
        Excerpts.
    blank_BR4 : int64 Tensor [shape=(B, R, 4)]
        First frame, end frame, first band and end band of each rectangle; ends are not part of it.

    Returns
    -------
    float Tensor
        `x_BCTM` itself.
    """
    t0, t1, m0, m1 = blank_BR4.to(x_BCTM.device)[:, :, :, None].unbind(2)
    in_BRT = _inside(t0, t1, x_BCTM.shape[2])
    in_BRM = _inside(m0, m1, x_BCTM.shape[3])
    # One matrix product counts the rectangles over each cell; masks of bits take four times as long.
    free_BTM = torch.bmm(in_BRT.transpose(1, 2), in_BRM).eq_(0)
    return x_BCTM.mul_(free_BTM[:, None])


def _inside(begin_BR1: Tensor, end_BR1: Tensor, length: int) -> Tensor:
    place = torch.arange(length, device=begin_BR1.device)
    return ((place >= begin_BR1) & (place < end_BR1)).float()


def _all(length: int, size: int) -> Tensor:
    return torch.tensor([0, length]).expand(size, 2)


def _stripe(share: float, length: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw begin and end of a stripe: uniform width up to the share, then a uniform place."""
    widest = int(share * length)
    width_B = torch.randint(0, widest + 1, (size,), generator=generator)
    return _placed(width_B, length, generator)


def _placed(width_B: Tensor, length: int, generator: torch.Generator) -> Tensor:
    place_B = torch.rand(len(width_B), generator=generator)
    begin_B = (place_B * (length - width_B + 1)).long()
    return torch.stack([begin_B, begin_B + width_B], dim=1)


def _erased(probability: float, frames: int, bands: int, size: int, generator: torch.Generator) -> Tensor:
    chance_B, area_B, aspect_B = torch.rand(3, size, generator=generator)
    area_B = (ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * area_B) * frames * bands
    low, high = (math.log(edge) for edge in ERASED_ASPECT)
    aspect_B = torch.exp(low + (high - low) * aspect_B)
    hit_B = chance_B < probability
    width_B = (area_B * aspect_B).sqrt().long().clamp(max=frames) * hit_B
    height_B = (area_B / aspect_B).sqrt().long().clamp(max=bands) * hit_B
    return torch.cat([_placed(width_B, frames, generator), _placed(height_B, bands, generator)], dim=1)

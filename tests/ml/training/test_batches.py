from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.training.augmentation import AugmentationConfig
from ml.training.batches import Batch, BatchSource, assembled_ahead, epoch
from ml.training.clips import ClipFeatures
from ml.training.config import TRAINING, TrainingConfig
from ml.training.losses import LossConfig
from ml.training.seeds import Purpose, generator
from tests.ml.training.small_training import small_clips, small_config

ALL = slice(None)


def source_of(config: TrainingConfig, clips: ClipFeatures | None = None) -> BatchSource:
    return BatchSource.of(clips or small_clips(channels=2), config)


def batches(source: BatchSource, rows: slice = ALL, *, seed: int = 0) -> list[Batch]:
    return list(epoch(source, generator=generator(seed, Purpose.BATCHES, 1), rows=rows, device=torch.device("cpu")))


def test_without_augmentation_a_batch_is_excerpts_of_its_clips() -> None:
    source = source_of(small_config(augmentation=AugmentationConfig(), loss=LossConfig()))

    for plan in source.plans(generator(0, Purpose.BATCHES, 1)):
        batch = source.assemble(plan, ALL)
        torch.testing.assert_close(batch.x_BCTM, source.clips.crop(plan.clip_B, plan.begin_B, 12))
        assert torch.equal(batch.target_BK.argmax(dim=1), source.clips.label_N[plan.clip_B])
        assert torch.equal(batch.verified_B, source.clips.verified_N[plan.clip_B])


def test_mixtures_have_the_sound_the_targets_and_the_weights_of_both_parts() -> None:
    loss = LossConfig(nonverified_weight=0.5)
    source = source_of(small_config(augmentation=AugmentationConfig(mixup_alpha=1.0), loss=loss))
    plan = next(source.plans(generator(0, Purpose.BATCHES, 1)))
    clips, other_B = source.clips, plan.draws.partner_B
    assert other_B is not None
    assert plan.draws.share_B is not None
    share = plan.draws.share_B.numpy()

    def mixed(part_B: np.ndarray) -> np.ndarray:
        own = share.reshape(-1, *[1] * (part_B.ndim - 1))
        return np.asarray(own * part_B + (1 - own) * part_B[other_B.numpy()])

    batch = source.assemble(plan, ALL)

    x_BCTM = clips.crop(plan.clip_B, plan.begin_B, 12).numpy()
    hot_BK = np.eye(3)[clips.label_N[plan.clip_B].numpy()]
    verified_B = clips.verified_N[plan.clip_B].numpy()
    np.testing.assert_allclose(batch.x_BCTM.numpy(), mixed(x_BCTM), atol=1e-5)
    np.testing.assert_allclose(batch.target_BK.numpy(), mixed(hot_BK), atol=1e-6)
    np.testing.assert_allclose(batch.weight_B.numpy(), mixed(np.where(verified_B, 1.0, 0.5)), atol=1e-6)
    predominant_B = np.where(share < 0.5, verified_B[other_B.numpy()], verified_B)
    np.testing.assert_array_equal(batch.verified_B.numpy(), predominant_B)


def test_partners_bring_their_own_gain_and_shift() -> None:
    config = small_config(augmentation=AugmentationConfig(mixup_alpha=1.0, gain=1.0, shift_bands=3))
    source = source_of(config)
    plan = next(source.plans(generator(0, Purpose.BATCHES, 1)))
    assert plan.draws.partner_B is not None
    assert plan.draws.share_B is not None
    unmixed = plan._replace(draws=plan.draws._replace(partner_B=None, share_B=None))
    x_BCTM = source.assemble(unmixed, ALL).x_BCTM
    share = plan.draws.share_B[:, None, None, None]

    expected = share * x_BCTM + (1 - share) * x_BCTM[plan.draws.partner_B]

    torch.testing.assert_close(source.assemble(plan, ALL).x_BCTM, expected)


def test_soft_labels_are_smoothed_over_all_classes() -> None:
    target_NK = np.tile([0.7, 0.3, 0.0], (24, 1))
    target_NK[0] = [0.0, 0.0, 1.0]
    clips = small_clips().labelled(target_NK=target_NK, weight_N=np.ones(24), verified_N=np.arange(24) > 0)
    loss = LossConfig(smoothing_verified=0.1, smoothing_nonverified=(0.4, 0.4))
    source = source_of(small_config(augmentation=AugmentationConfig(), loss=loss, batch_size=24), clips)

    (plan,) = source.plans(generator(0, Purpose.BATCHES, 1))
    batch = source.assemble(plan, ALL)

    # Clip 0 is not verified: 0.4 / 3 everywhere and 0.6 more for its class. The others: 0.1 / 3 and 0.9 of the label.
    expected = torch.where(
        (plan.clip_B == 0)[:, None],
        torch.tensor([0.4 / 3, 0.4 / 3, 0.6 + 0.4 / 3]),
        torch.tensor([0.63 + 0.1 / 3, 0.27 + 0.1 / 3, 0.1 / 3]),
    )
    torch.testing.assert_close(batch.target_BK, expected)


def test_soft_labels_are_mixed_like_certain_ones() -> None:
    target_NK = np.random.default_rng(0).dirichlet(np.ones(3), size=24)
    clips = small_clips().labelled(target_NK=target_NK, weight_N=np.ones(24), verified_N=np.ones(24))
    source = source_of(small_config(augmentation=AugmentationConfig(mixup_alpha=1.0), loss=LossConfig()), clips)
    plan = next(source.plans(generator(0, Purpose.BATCHES, 1)))
    assert plan.draws.partner_B is not None
    assert plan.draws.share_B is not None

    batch = source.assemble(plan, ALL)

    own_BK, share_B1 = target_NK[plan.clip_B.numpy()], plan.draws.share_B.numpy()[:, None]
    expected = share_B1 * own_BK + (1 - share_B1) * own_BK[plan.draws.partner_B.numpy()]
    np.testing.assert_allclose(batch.target_BK.numpy(), expected, atol=1e-6)
    assert clips.target_NK is not None
    np.testing.assert_allclose(clips.target_NK.numpy(), target_NK, atol=1e-7)  # mixing has not written into them


def test_certain_soft_labels_train_like_labels() -> None:
    clips = small_clips(channels=2)
    hot_NK = np.eye(3)[clips.label_N.numpy()]
    soft = clips.labelled(target_NK=hot_NK, weight_N=np.ones(24), verified_N=clips.verified_N.numpy())

    for one, other in zip(batches(source_of(small_config())), batches(source_of(small_config(), soft)), strict=True):
        torch.testing.assert_close(one.target_BK, other.target_BK)
        assert torch.equal(one.x_BCTM, other.x_BCTM)


def test_partners_bring_their_own_tone_and_warp() -> None:
    config = small_config(
        augmentation=AugmentationConfig(
            mixup_alpha=1.0, tone=0.5, stretch_frames=0.2, stretch_bands=0.2, move_frames=0.1, move_bands=0.1
        )
    )
    source = source_of(config)
    plan = next(source.plans(generator(0, Purpose.BATCHES, 1)))
    assert plan.draws.partner_B is not None
    assert plan.draws.share_B is not None
    unmixed = plan._replace(draws=plan.draws._replace(partner_B=None, share_B=None))
    x_BCTM = source.assemble(unmixed, ALL).x_BCTM
    share = plan.draws.share_B[:, None, None, None]
    plain = plan._replace(draws=unmixed.draws._replace(tone_BP=None, warp_B23=None))
    assert not torch.allclose(x_BCTM, source.assemble(plain, ALL).x_BCTM, atol=0.1)

    expected = share * x_BCTM + (1 - share) * x_BCTM[plan.draws.partner_B]

    torch.testing.assert_close(source.assemble(plan, ALL).x_BCTM, expected)


def test_short_clips_stand_between_padding_in_a_batch() -> None:
    clips = replace(small_clips(), padding_value=-50.0)
    config = small_config(augmentation=AugmentationConfig(), batch_size=24)

    (batch,) = batches(source_of(config, clips))

    (plan,) = source_of(config, clips).plans(generator(0, Purpose.BATCHES, 1))
    padded_B = (batch.x_BCTM[:, 0, :, 0] == -50).sum(dim=1)
    assert padded_B.tolist() == (12 - clips.length_N[plan.clip_B]).clamp(min=0).tolist()
    assert int(padded_B.max()) > 0


def test_processes_together_assemble_the_whole_batch() -> None:
    source = source_of(
        small_config(augmentation=AugmentationConfig(mixup_alpha=0.4, mask_frames=0.2, erasing=0.5, gain=0.2))
    )

    whole = batches(source)
    first, second = batches(source, slice(0, None, 2)), batches(source, slice(1, None, 2))

    for one, even, odd in zip(whole, first, second, strict=True):
        assert even.size == odd.size == one.size == len(one.x_BCTM)
        for part, mine, other in zip(one[:4], even[:4], odd[:4], strict=True):
            assert torch.equal(part[0::2], mine)
            assert torch.equal(part[1::2], other)


def test_a_thread_assembles_the_same_batches_ahead() -> None:
    source = source_of(small_config())

    ahead = list(assembled_ahead(source, source.plans(generator(0, Purpose.BATCHES, 1)), ALL))

    expected = batches(source)
    assert len(ahead) == len(expected) == 4
    for one, other in zip(ahead, expected, strict=True):
        assert all(torch.equal(part, same) for part, same in zip(one[:4], other[:4], strict=True))


def test_chunks_are_all_of_every_clip() -> None:
    clips = ClipFeatures.join([np.zeros((n, 8), np.float32) for n in (5, 12, 25)], label_N=[0, 1, 2], n_classes=3)
    source = source_of(small_config(chunked=True, batch_size=2), clips)

    drawn = [pair for plan in source.plans(generator(0, Purpose.BATCHES, 1)) for pair in zip(*plan[:2], strict=True)]

    # 25 frames in chunks of 12: 0, 12 and, aligned with the end, 13.
    assert sorted((int(clip), int(begin)) for clip, begin in drawn) == [(0, 0), (1, 0), (2, 0), (2, 12), (2, 13)]
    assert source.steps_per_epoch == 3


def test_a_repeated_clip_may_be_entered_in_any_repetition() -> None:
    clips = ClipFeatures.join([np.arange(4.0).reshape(4, 1)], label_N=[0], n_classes=1)
    config = small_config(
        crop_frames=4, clip_frames=16, batch_size=200, steps_per_epoch=1, augmentation=AugmentationConfig()
    )

    (batch,) = batches(source_of(config, clips))

    assert set(batch.x_BCTM[:, 0, 0, 0].tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert bool(((batch.x_BCTM[:, 0, 1:, 0] - batch.x_BCTM[:, 0, :-1, 0]) % 4 == 1).all())


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_batch_has_the_layout_asked_for(channels_last: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    (batch, *_) = batches(source_of(small_config(channels_last=channels_last)))

    assert batch.x_BCTM.is_contiguous(memory_format=torch.channels_last) is channels_last
    assert batch.x_BCTM.is_contiguous() is not channels_last


def quickest(action: Callable[[], object], *, times: int) -> float:
    durations = []
    for _ in range(times):
        begun = time.process_time()  # not the clock on the wall: other programs may run meanwhile
        action()
        durations.append(time.process_time() - begun)
    return min(durations)


def test_batches_cost_less_than_a_tenth_of_the_passes_of_a_small_network() -> None:
    rng = np.random.default_rng(0)
    clips = ClipFeatures.join(
        [rng.normal(size=(n, 64)).astype(np.float32) for n in rng.integers(20, 800, 200)],
        label_N=rng.integers(0, 41, 200),
        n_classes=41,
    )
    augmentation = AugmentationConfig(mixup_alpha=0.3, mask_frames=0.1, mask_bands=0.1, erasing=0.5)
    config = replace(TRAINING["nguyen"], batch_size=64, balanced=True, steps_per_epoch=8, augmentation=augmentation)
    source = source_of(config, clips)
    network = nn.Sequential(  # 64 * 32 * 9 * 16 + 32 * 16 * 9 * 16 * 32 + 16 * 8 * 9 * 32 * 16 = 3.2 million products
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 16, 3, stride=2, padding=1),
    )
    batch = batches(source)[0]

    def passes() -> Tensor:
        loss: Tensor = network(batch.x_BCTM).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # others, woken in turn, would count as work
    try:
        assert quickest(lambda: batches(source), times=20) / 8 < 0.1 * quickest(passes, times=20)
    finally:
        torch.set_num_threads(threads)

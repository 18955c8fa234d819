"""How fast networks train, predict and verify here, against the machine's peak and against a plain loop.

    .venv/bin/python benchmarks/train.py [--networks NAME … | all] [--quick] [--verification]

Needs torch and numpy and nothing else; librosa, where it is installed, is the peer. Measured are

* the *peak*: operations per second in the product of two large matrices, in bf16 and in single precision;
* *features*: times real time, from decoded samples to log-mel on the device, and the ratio to librosa on one core;
* each *network* at its paper's input: clips per second in a training step (batch drawn and augmented, forward,
  backward, update) and in inference, with the share of the peak;
* the *plain loop*: librosa features on the fly, DataLoader, single precision, for one network on the same machine;
* with ``--verification``, the whole of recipe `nguyen` on synthetic features of FSDKaggle2018's size.

Without a GPU, the default is a few networks in small batches, which takes about two minutes. Targets are set for one
H200; where there is no GPU they are printed as open. Exits 1 if a target was measured and missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

import torch  # noqa: E402 -- its threads read the policy
from train_features import measure_features, peer_name  # noqa: E402 -- the path comes first
from train_machine import Machine  # noqa: E402 -- as above
from train_networks import Speed, measure_network  # noqa: E402 -- as above
from train_plain import features_share, measure_plain  # noqa: E402 -- as above
from train_verification import CLIPS, measure_verification  # noqa: E402 -- as above

from ml.services.baseline_training import baseline_features, baseline_training, trainable_networks  # noqa: E402

QUICK_NETWORKS = ("cochlscene", "nguyen", "dorfer", "dcase2020-mobilenet", "earmark")
QUICK_FEATURES = ("cochlscene", "earmark")
FEATURES = ("cochlscene", "fsdkaggle2018", "nguyen", "dorfer-1", "iqbal-a", "earmark")
FEATURES_TARGET = 50_000  # times real time
DORFER_TARGET = 0.35  # of the bf16 peak
VERIFICATION_TARGET_S = 180.0
BUDGET_S = {"cuda": 3.0, "cpu": 3.0}


def show_features(names: tuple[str, ...], machine: Machine) -> dict[str, float]:
    """Print the table of features; return times real time by configuration."""
    print(f"\n{'features':24}{'x real time':>14}{'x peer':>10}   peer: {peer_name()}, one core")
    found = {}
    for name in names:
        ours, peer = measure_features(name, machine)
        print(f"{name:24}{ours:14,.0f}{ours / peer:10.2f}", flush=True)
        found[name] = ours
    return found


def show_networks(names: list[str], machine: Machine, peak: float, options: argparse.Namespace) -> dict[str, Speed]:
    """Print the table of networks; return their speeds."""
    print(
        f"\n{'network':24}{'batch':>7}{'GMAC':>8}{'training':>12}{'of peak':>9}{'inference':>12}{'of peak':>9}"
        "   clips a second"
    )
    found = {}
    for name in names:
        speed = measure_network(name, machine, batch=options.batch, compiled=options.compiled)
        print(
            f"{name:24}{speed.batch:7}{speed.multiply_accumulates / 1e9:8.2f}{speed.trained:12,.1f}"
            f"{speed.training_share(peak):9.1%}{speed.predicted:12,.1f}{speed.inference_share(peak):9.1%}",
            flush=True,
        )
        found[name] = speed
    return found


def show_plain(name: str, speed: Speed, real_time: float, machine: Machine) -> None:
    """Print the plain loop of one network and the ratios of ours to it."""
    plain = measure_plain(name, machine, batch=speed.batch)
    epochs = baseline_training(name).epochs
    once = features_share(real_time, trained=speed.trained, epochs=epochs)
    print(f"\nplain loop, {name}, batches of {speed.batch}: {peer_name()} on the fly, DataLoader, fp32")
    print(f"{'':44}{'clips a second':>16}{'x plain':>10}")
    for label, value in (
        ("plain loop", plain),
        (f"ours, features once for {epochs} epochs", once),
        ("ours, features at hand", speed.trained),
    ):
        print(f"{label:44}{value:16,.1f}{value / plain:10.2f}")


def show_verification(machine: Machine, options: argparse.Namespace) -> float | None:
    """Print the verification; return its seconds if they count for the target."""
    whole = options.verification_clips == CLIPS and options.verification_epochs is None
    if whole and not machine.accelerated:
        print("\nverification of 9,473 clips: open: needs a GPU")
        return None
    found = measure_verification(
        machine,
        clips=options.verification_clips,
        epochs=options.verification_epochs,
        processes=options.processes,
        folder=options.folder,
    )
    print(
        f"\nverification of {found.clips:,} clips, {found.epochs} epochs a network, {options.processes} at a time: "
        f"{found.seconds:,.1f} s (features made in {found.set_up_s:,.1f} s)"
    )
    for row in found.rows:
        print(f"  round {row['iteration']}: {row['verified']:,} verified, {row['added']:,} added")
    return found.seconds if whole else None


def show_targets(
    machine: Machine, features: dict[str, float], speeds: dict[str, Speed], peak: float, seconds: float | None
) -> bool:
    """Print each target with what was measured; return whether none was missed."""
    dorfer = speeds["dorfer"].training_share(peak) if "dorfer" in speeds and machine.precision == "bf16" else None
    print("\ntargets on one H200")
    lines: list[tuple[str, str, bool]] = []
    if machine.accelerated:
        slowest = min(features, key=lambda name: features[name])
        fast = features[slowest] >= FEATURES_TARGET
        lines.append((f"features at {FEATURES_TARGET:,} x real time", f"{features[slowest]:,.0f} ({slowest})", fast))
        if dorfer is not None:
            lines.append((f"dorfer's step at {DORFER_TARGET:.0%} of the bf16 peak", f"{dorfer:.1%}", dorfer >= 0.35))
        if seconds is not None:
            label = f"Nguyen verification in {VERIFICATION_TARGET_S:.0f} s"
            lines.append((label, f"{seconds:,.1f} s", seconds <= VERIFICATION_TARGET_S))
    for label, found, kept in lines:
        print(f"  {label}: {found}: {'kept' if kept else 'MISSED'}")
    if not machine.accelerated:
        print(f"  open, as they need a GPU: features at {FEATURES_TARGET:,} x real time; dorfer's step at")
        print(f"  {DORFER_TARGET:.0%} of the bf16 peak; Nguyen verification in {VERIFICATION_TARGET_S:.0f} s")
    elif len(lines) < 3:
        print("  not measured: ask for dorfer in bf16, and for --verification")
    return all(kept for _, _, kept in lines)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="or all (default on a GPU; else a few)")
    parser.add_argument("--quick", action="store_true", help="a few networks and features, short measurements")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="auto: bf16 on a GPU")
    parser.add_argument("--batch", type=int, metavar="N", help="clips of a step (default: the paper's; few on a CPU)")
    parser.add_argument("--compiled", action="store_true", help="compile the networks for training")
    parser.add_argument("--plain-network", default="cochlscene", metavar="NAME", help="whose plain loop is run")
    parser.add_argument("--verification", action="store_true", help="run the Nguyen verification")
    parser.add_argument("--verification-clips", type=int, default=CLIPS, metavar="N", help="fewer, to rehearse it")
    parser.add_argument("--verification-epochs", type=int, metavar="N", help="fewer, to rehearse it")
    parser.add_argument("--processes", type=int, default=3, metavar="N", help="networks verifying at a time (3)")
    parser.add_argument("--folder", type=Path, default=tempfile.gettempdir(), help="where 2.5 GB of features fit")
    return parser.parse_args()


def main() -> int:
    """Run everything; exit 1 if a target was measured and missed."""
    options = parsed()
    cuda = torch.cuda.is_available() if options.device == "auto" else options.device == "cuda"
    device = torch.device("cuda" if cuda else "cpu")
    precision = options.precision if options.precision != "auto" else "bf16" if cuda else "fp32"
    machine = Machine(device, precision, BUDGET_S[device.type] / (3 if options.quick else 1))
    few = options.quick or not cuda
    names = options.networks or list(QUICK_NETWORKS if few else trainable_networks())
    names = list(trainable_networks()) if names == ["all"] else names
    peaks = {dtype: machine.peak(dtype) for dtype in (torch.bfloat16, torch.float32)}
    print(f"{machine}; torch {torch.__version__}")
    print("peak of a matrix product: " + ", ".join(f"{str(d)[6:]} {p / 1e12:,.2f} TFLOP/s" for d, p in peaks.items()))
    peak = peaks[machine.dtype]
    features = show_features(QUICK_FEATURES if few else FEATURES, machine)
    speeds = show_networks(names, machine, peak, options)
    plain = options.plain_network
    if plain in speeds:
        config = baseline_features(plain)
        real_time = features.get(config.name) or measure_features(config.name, machine)[0]
        show_plain(plain, speeds[plain], real_time, machine)
    seconds = show_verification(machine, options) if options.verification else None
    return 0 if show_targets(machine, features, speeds, peak, seconds) else 1


if __name__ == "__main__":
    sys.exit(main())

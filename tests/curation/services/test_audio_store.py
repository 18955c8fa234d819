from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import boto3
import numpy as np
import pytest
import soundfile
from django.core.files.storage import FileSystemStorage, storages
from moto.server import ThreadedMotoServer
from PIL import Image
from pytest_django import Settings

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileIdentity, open_regular
from curation.audio.wav import WavError, encode_wav
from curation.models import Clip, Submission
from curation.services import audio_store
from curation.services.stored_files import read_file, write_file
from tests.factories.audio import noise, write_audio

BUCKET = "earmark"
ACCESS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def object_store() -> Iterator[str]:
    """Run a real S3 server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def kind(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Use each kind of storage in turn."""
    if request.param == "s3":
        endpoint = request.getfixturevalue("object_store")
        client = boto3.resource("s3", endpoint_url=endpoint, **ACCESS)
        bucket = client.Bucket(BUCKET)
        bucket.create()
        bucket.objects.delete()
        options = {
            "bucket_name": BUCKET,
            "endpoint_url": endpoint,
            "access_key": "test",
            "secret_key": "test",
            "region_name": "us-east-1",
            "signature_version": "s3v4",
            "default_acl": None,
            "file_overwrite": True,
        }
        settings.STORAGES = {
            **settings.STORAGES,
            **{
                alias: {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**options, "location": alias}}
                for alias in ("audio", "derived")
            },
        }
    return str(request.param)


def keep(key: str, data: bytes) -> None:
    write_file(storages["audio"], key, [data])


def all_files(alias: str) -> set[str]:
    """Return every key in a storage, temporary ones too."""
    storage = storages[alias]
    if isinstance(storage, FileSystemStorage):
        root = Path(storage.location)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {item.key.removeprefix(f"{alias}/") for item in storage.bucket.objects.filter(Prefix=f"{alias}/")}


@pytest.mark.usefixtures("kind")
class TestStoreOriginal:
    def test_keeps_every_byte_under_its_checksum(self, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "take.wav", noise(3_000_000))
        data = path.read_bytes()
        stored = audio_store.store_original(path)
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert stored.key == f"originals/{stored.sha256[:2]}/{stored.sha256}"
        assert stored.bytes == len(data)
        assert read_file(storages["audio"], stored.key) == data
        assert path.read_bytes() == data

    def test_the_same_bytes_are_kept_once(self, tmp_path: Path) -> None:
        first = audio_store.store_original(write_audio(tmp_path / "a.wav", noise(1_000)))
        second = audio_store.store_original(write_audio(tmp_path / "b.wav", noise(1_000)))
        assert first == second
        assert all_files("audio") == {first.key}

    def test_a_file_that_changed_since_its_check_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "a.wav", noise(1_000))
        with open_regular(path) as descriptor:
            checked = FileIdentity.of(descriptor)
        write_audio(path, noise(1_001))
        with pytest.raises(AudioRefusedError, match="changed_while_read"):
            audio_store.store_original(path, identity=checked)
        assert all_files("audio") == set()

    def test_a_file_that_is_written_to_while_it_is_copied_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "growing.wav"
        path.write_bytes(bytes(64 << 20))
        stop = threading.Event()

        def write() -> None:
            with path.open("r+b") as file:
                while not stop.is_set():
                    file.seek(0)
                    file.write(os.urandom(16))
                    file.flush()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with pytest.raises(AudioRefusedError, match="changed_while_read"):
                audio_store.store_original(path)
        finally:
            stop.set()
            writer.join()
        assert all_files("audio") == set()

    @pytest.mark.parametrize("name", ["missing.wav", "."])
    def test_what_is_no_file_is_refused_and_leaves_nothing(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(AudioRefusedError):
            audio_store.store_original(tmp_path / name)
        assert all_files("audio") == set()

    def test_a_damaged_copy_is_replaced(self, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "a.wav", noise(1_000))
        stored = audio_store.store_original(path)
        keep(stored.key, b"short")
        audio_store.store_original(path)
        assert read_file(storages["audio"], stored.key) == path.read_bytes()


def test_what_a_killed_process_left_is_removed_after_a_day() -> None:
    incoming = Path(storages["audio"].location) / "incoming"
    incoming.mkdir(parents=True)
    old, new = incoming / "part-old", incoming / "part-new"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (1, 1))
    keep("clips/1.wav", b"bytes")
    assert all_files("audio") == {"incoming/part-new", "clips/1.wav"}


@pytest.mark.usefixtures("kind")
class TestClips:
    def test_a_clip_reads_back_sample_for_sample(self) -> None:
        samples = noise(44_100)
        keep("clips/1.wav", encode_wav(samples, 44_100))
        again, rate = audio_store.read_clip_samples("clips/1.wav")
        assert rate == 44_100
        assert np.array_equal(again, samples)

    def test_samples_are_stored_as_the_same_bytes(self) -> None:
        samples = noise(2_000)[::2]
        keep("clips/1.wav", encode_wav(samples, 8_000))
        audio_store.store_clip_samples("clips/2.wav", samples, 8_000)
        storage = storages["audio"]
        assert read_file(storage, "clips/1.wav") == read_file(storage, "clips/2.wav")

    def test_storing_again_replaces(self) -> None:
        keep("clips/1.wav", encode_wav(noise(10), 8_000))
        keep("clips/1.wav", encode_wav(noise(20), 8_000))
        assert len(audio_store.read_clip_samples("clips/1.wav")[0]) == 20
        assert all_files("audio") == {"clips/1.wav"}

    def test_a_missing_clip_is_not_found(self) -> None:
        with pytest.raises(FileNotFoundError):
            audio_store.read_clip_samples("clips/1.wav")
        with pytest.raises(FileNotFoundError), audio_store.local_copy("clips/1.wav"):
            pass

    def test_anything_but_a_stored_clip_is_not_read(self) -> None:
        keep("clips/1.wav", b"RIFF" + bytes(100))
        with pytest.raises(WavError):
            audio_store.read_clip_samples("clips/1.wav")

    def test_a_local_copy_has_the_bytes(self) -> None:
        keep("clips/1.wav", b"bytes")
        with audio_store.local_copy("clips/1.wav") as path:
            assert path.read_bytes() == b"bytes"


def test_a_local_copy_of_a_local_file_is_the_file() -> None:
    keep("clips/1.wav", b"bytes")
    with audio_store.local_copy("clips/1.wav") as path:
        assert str(path) == storages["audio"].path("clips/1.wav")


def test_clip_keys_name_all_that_made_the_clip() -> None:
    sha256 = "ab" * 32
    key = audio_store.clip_key(
        original_sha256=sha256, sample_rate_hz=44_100, dither="none", segment_frames=441_000, index=7
    )
    assert key == f"clips/ab/{sha256}/44100-none-441000/007.wav"
    assert audio_store.clip_key(original_sha256=sha256, sample_rate_hz=8_000, dither="tpdf").endswith(
        "/8000-tpdf/000.wav"
    )


@pytest.mark.usefixtures("kind")
class TestDerived:
    def clip(self) -> Clip:
        keep("clips/ab/1.wav", encode_wav(noise(44_100), 44_100))
        return Clip(audio_key="clips/ab/1.wav")

    def test_flac_holds_the_clips_samples(self) -> None:
        key = audio_store.derived_flac(self.clip())
        samples, rate = soundfile.read(io.BytesIO(read_file(storages["derived"], key)), dtype="int16")
        assert rate == 44_100
        assert np.array_equal(samples, noise(44_100))

    def test_picture_is_webp(self) -> None:
        key = audio_store.derived_picture(self.clip())
        picture = Image.open(io.BytesIO(read_file(storages["derived"], key)))
        assert (picture.format, picture.size) == ("WEBP", (1000, 128))

    def test_peaks_are_json(self) -> None:
        document = json.loads(read_file(storages["derived"], audio_store.derived_peaks(self.clip())))
        assert document["duration_s"] == 1.0
        assert np.array(document["peaks"]).shape == (1000, 2)

    def test_is_made_once_and_again_when_it_was_deleted(self) -> None:
        clip = self.clip()
        key = audio_store.derived_flac(clip)
        storages["audio"].delete(clip.audio_key)
        assert audio_store.derived_flac(clip) == key
        storages["derived"].delete(key)
        with pytest.raises(FileNotFoundError):
            audio_store.derived_flac(clip)
        assert all_files("derived") == set()

    def test_a_recording_is_derived_through_the_decoder(self, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "take.wav", noise(9_600, 2), 96_000)
        stored = audio_store.store_original(path)
        submission = Submission(original_key=stored.key, sample_rate_hz=96_000, duration_s=0.1)
        flac = read_file(storages["derived"], audio_store.derived_submission_flac(submission))
        info = soundfile.info(io.BytesIO(flac))
        assert (info.samplerate, info.channels, info.frames) == (48_000, 1, 4_800)
        assert audio_store.derived_submission_picture(submission).endswith(".webp")
        assert audio_store.derived_submission_peaks(submission).endswith(".json")

    def test_recordings_are_decoded_one_at_a_time_and_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = audio_store.store_original(write_audio(tmp_path / "take.wav", noise(9_600), 48_000))
        submission = Submission(original_key=stored.key, sample_rate_hz=48_000, duration_s=0.2)
        at_work: list[int] = []
        most: list[int] = []

        class CountedDecoder(audio_store.Decoder):
            def __enter__(self) -> Self:
                at_work.append(1)
                most.append(len(at_work))
                return super().__enter__()

            def close(self) -> None:
                at_work.pop()
                super().close()

        monkeypatch.setattr(audio_store, "Decoder", CountedDecoder)
        makers = (
            audio_store.derived_submission_flac,
            audio_store.derived_submission_picture,
            audio_store.derived_submission_peaks,
        )
        asked = makers * 2
        with ThreadPoolExecutor(len(asked)) as pool:
            keys = list(pool.map(lambda make: make(submission), asked))
        assert set(keys) == all_files("derived")
        assert len(set(keys)) == 3
        assert most == [1]

    def test_only_what_is_missing_of_a_recording_is_made_again(self, tmp_path: Path) -> None:
        stored = audio_store.store_original(write_audio(tmp_path / "take.wav", noise(9_600), 48_000))
        submission = Submission(original_key=stored.key, sample_rate_hz=48_000, duration_s=0.2)
        peaks = audio_store.derived_submission_peaks(submission)
        picture = audio_store.derived_submission_picture(submission)
        write_file(storages["derived"], picture, [b"kept"])
        storages["derived"].delete(peaks)
        assert audio_store.derived_submission_peaks(submission) == peaks
        assert read_file(storages["derived"], picture) == b"kept"

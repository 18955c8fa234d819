import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Playback } from "../../src/audio/playback";

/** Web Audio as far as a gain needs it; the test environment has none. */
class FakeContext {
  static gains: { gain: { value: number } }[] = [];
  state = "running";
  destination = {};
  createGain(): object {
    const node = { gain: { value: 1 }, connect: (next: object) => next, disconnect: vi.fn() };
    FakeContext.gains.push(node);
    return node;
  }
  createMediaElementSource(): object {
    return { connect: (next: object) => next };
  }
}

describe("playback", () => {
  let audio: HTMLAudioElement;
  let playback: Playback;
  const load = vi.fn();

  beforeEach(() => {
    FakeContext.gains = [];
    vi.stubGlobal("AudioContext", FakeContext);
    audio = document.createElement("audio");
    audio.src = "/sound.flac";
    Object.defineProperty(audio, "paused", { value: false, configurable: true });
    audio.load = load;
    audio.pause = vi.fn();
    load.mockClear();
    playback = new Playback(audio, 10);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("applies a gain that is switched on while it plays", async () => {
    playback.gainDb = 0;
    expect(FakeContext.gains).toHaveLength(0);
    playback.gainDb = -6;
    await vi.waitFor(() => {
      expect(FakeContext.gains).toHaveLength(1);
    });
    expect(FakeContext.gains[0]?.gain.value).toBeCloseTo(0.501, 3);
  });

  it("keeps its speed when the sound is loaded anew", () => {
    playback.speed = 0.5;
    expect(audio.playbackRate).toBe(0.5);
    expect(audio.defaultPlaybackRate).toBe(0.5);
  });

  it("gives the connection back when it is gone", () => {
    playback.dispose();
    expect(audio.hasAttribute("src")).toBe(false);
    expect(load).toHaveBeenCalledTimes(1);
  });
});

/** One audio element as the player uses it: time while it moves, speed, loop, and a gain that can lift quiet clips. */

import { Scope } from "../elements/scope";
import { Emitter } from "./emitter";
import { clamp, factorOf } from "./geometry";

export interface PlaybackEvents {
  /** Seconds from the start; at every frame while playing. */
  time: number;
  playing: boolean;
  waiting: boolean;
  failed: boolean;
}

// One context serves all players of a page; browsers allow only a few.
let context: AudioContext | undefined;

export class Playback extends Emitter<PlaybackEvents> {
  readonly #audio: HTMLAudioElement;
  readonly #duration: number;
  readonly #scope = new Scope();
  #gain: GainNode | undefined;
  #gainDb = 0;
  #frame = 0;

  constructor(audio: HTMLAudioElement, duration: number) {
    super();
    this.#audio = audio;
    this.#duration = duration;
    const scope = this.#scope;
    const tell = (): void => {
      this.emit("time", this.#audio.currentTime);
    };
    scope.listen(audio, "play", () => {
      this.emit("playing", true);
      this.#follow();
    });
    scope.listen(audio, "pause", () => {
      this.emit("playing", false);
      tell();
    });
    scope.listen(audio, "playing", () => {
      this.emit("waiting", false);
    });
    scope.listen(audio, "waiting", () => {
      this.emit("waiting", true);
    });
    scope.listen(audio, "seeking", tell);
    scope.listen(audio, "ended", tell);
    scope.listen(audio, "error", () => {
      this.emit("failed", true);
    });
  }

  get time(): number {
    return this.#audio.currentTime;
  }

  get playing(): boolean {
    return !this.#audio.paused;
  }

  set loop(value: boolean) {
    this.#audio.loop = value;
  }

  set speed(value: number) {
    this.#audio.defaultPlaybackRate = value; // what loading anew goes back to
    this.#audio.playbackRate = value;
  }

  /** Multiply samples by a gain; 0 dB leaves them as they are. */
  set gainDb(value: number) {
    this.#gainDb = value;
    if (this.#gain) this.#gain.gain.value = factorOf(value);
    else if (this.playing) void this.#connectGain();
  }

  async play(): Promise<void> {
    if (this.#audio.error) this.#audio.load();
    this.emit("failed", false);
    await this.#connectGain();
    try {
      await this.#audio.play();
    } catch (error) {
      // A pause before the start is no failure, and neither is a browser that waits for a key first.
      const name = error instanceof DOMException ? error.name : "";
      if (name !== "AbortError" && name !== "NotAllowedError") this.emit("failed", true);
    }
  }

  pause(): void {
    this.#audio.pause();
  }

  async toggle(): Promise<void> {
    if (this.playing) this.pause();
    else await this.play();
  }

  seek(time: number): void {
    this.#audio.currentTime = clamp(time, 0, this.#duration);
    this.emit("time", this.#audio.currentTime);
  }

  dispose(): void {
    this.#scope.dispose();
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#gain?.disconnect();
    // A paused element goes on loading: without its source it gives its connection back.
    this.#audio.removeAttribute("src");
    this.#audio.load();
  }

  #follow(): void {
    cancelAnimationFrame(this.#frame);
    const step = (): void => {
      this.emit("time", this.#audio.currentTime);
      if (this.playing) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** An element's own volume ends at 1, so a gain goes through Web Audio; without one the element plays alone. */
  async #connectGain(): Promise<void> {
    if (this.#gainDb === 0 && !this.#gain) return;
    context ??= new AudioContext();
    if (!this.#gain) {
      this.#gain = context.createGain();
      this.#gain.gain.value = factorOf(this.#gainDb);
      context.createMediaElementSource(this.#audio).connect(this.#gain).connect(context.destination);
    }
    if (context.state === "suspended") await context.resume();
  }
}

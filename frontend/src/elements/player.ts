/**
 * <earmark-player>: spectrogram with the waveform over it, a playhead, a time axis and the controls of one sound.
 *
 * The template puts a plain <audio controls> inside, which serves where scripts do not run; with scripts the
 * element takes that very <audio> over. Words come translated from `script#player-words`.
 */

import { LitElement, html, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
import { clock, fractionOf, signedDecibels, ticks, timeAt, waveformPath } from "../audio/geometry";
import { readPeaks } from "../audio/peaks";
import { Playback } from "../audio/playback";
import { ahead } from "../audio/store";
import { playerStyle } from "./player-style";
import { Scope } from "./scope";

const SPEEDS = [0.5, 1, 2];
const STEP_S = 1;
const FINE_STEP_S = 0.1;
const PLAY_ICON = "M6 3.5v13l10.5-6.5z";
const PAUSE_ICON = "M5 4h3.5v12H5zM11.5 4H15v12h-3.5z";

export class EarmarkPlayer extends LitElement {
  static override styles = playerStyle;
  static override properties = {
    label: { type: String },
    audio: { type: String },
    picture: { type: String },
    peaks: { type: String },
    duration: { type: Number },
    gain: { type: Number },
    target: { type: Number },
    playing: { state: true },
    waiting: { state: true },
    failed: { state: true },
    looping: { state: true },
    speed: { state: true },
    matched: { state: true },
    second: { state: true },
    wave: { state: true },
    shownPicture: { state: true },
    axisWidth: { state: true },
  };

  declare label: string;
  declare audio: string;
  declare picture: string;
  declare peaks: string;
  /** Seconds. */
  declare duration: number;
  /** Decibels towards the target level; absent where audio is heard as recorded. */
  declare gain: number | undefined;
  /** LUFS. */
  declare target: number;
  declare playing: boolean;
  declare waiting: boolean;
  declare failed: boolean;
  declare looping: boolean;
  declare speed: number;
  declare matched: boolean;
  declare second: number;
  declare wave: string;
  declare shownPicture: string;
  declare axisWidth: number;

  readonly #scope = new Scope();
  #playback: Playback | undefined;
  #words: Record<string, string> = {};

  constructor() {
    super();
    this.label = this.audio = this.picture = this.peaks = this.wave = this.shownPicture = "";
    this.duration = this.second = this.axisWidth = 0;
    this.gain = undefined;
    this.target = -23;
    this.playing = this.waiting = this.failed = this.looping = false;
    this.speed = 1;
    this.matched = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const words = document.getElementById("player-words")?.textContent;
    this.#words = words ? (JSON.parse(words) as Record<string, string>) : {};
    this.#takeOver(this.querySelector("audio") ?? document.createElement("audio"));
    this.shownPicture = this.#here(this.picture);
    void this.#loadPeaks();
    const sizes = new ResizeObserver(() => {
      this.axisWidth = this.clientWidth;
    });
    sizes.observe(this);
    this.#scope.add(() => {
      sizes.disconnect();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#scope.dispose();
    this.#playback = undefined;
  }

  play(): Promise<void> {
    return this.#playback?.play() ?? Promise.resolve();
  }

  toggle(): Promise<void> {
    return this.#playback?.toggle() ?? Promise.resolve();
  }

  toggleLoop(): void {
    this.looping = !this.looping;
  }

  /** Move by seconds, backwards if negative. */
  nudge(seconds: number): void {
    this.#playback?.seek(this.#playback.time + seconds);
  }

  seek(time: number): void {
    this.#playback?.seek(time);
  }

  #takeOver(audio: HTMLAudioElement): void {
    audio.controls = false;
    audio.preload = "auto";
    const address = this.#here(this.audio);
    if (audio.getAttribute("src") !== address) audio.src = address;
    const playback = new Playback(audio, this.duration);
    this.#playback = playback;
    this.#scope.add(() => {
      playback.dispose();
    });
    this.#scope.add(
      playback.on("time", (time) => {
        this.#showTime(time);
      }),
    );
    this.#scope.add(playback.on("playing", (playing) => (this.playing = playing)));
    this.#scope.add(playback.on("waiting", (waiting) => (this.waiting = waiting)));
    this.#scope.add(playback.on("failed", (failed) => (this.failed = failed)));
  }

  /** Return an address inside this page for what was loaded ahead, else the address itself. */
  #here(address: string): string {
    const blob = ahead.get(address);
    if (!blob) return address;
    const local = URL.createObjectURL(blob);
    this.#scope.add(() => {
      URL.revokeObjectURL(local);
    });
    return local;
  }

  async #loadPeaks(): Promise<void> {
    try {
      const loaded = ahead.get(this.peaks);
      const text = loaded ? await loaded.text() : await (await fetch(this.peaks)).text();
      this.wave = waveformPath(readPeaks(JSON.parse(text)));
    } catch {
      this.wave = ""; // the picture and the sound serve without it
    }
  }

  /** Move the playhead without drawing the element anew; the clock follows ten times a second. */
  #showTime(time: number): void {
    const fraction = fractionOf(time, this.duration);
    const part = (name: string): HTMLElement | null => this.renderRoot.querySelector(name);
    part(".head")?.style.setProperty("transform", `translateX(${fraction * 100}%)`);
    part(".heard")?.style.setProperty("transform", `scaleX(${fraction})`);
    this.second = Math.floor(time * 10 + 1e-6) / 10;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const playback = this.#playback;
    if (!playback) return;
    if (changed.has("looping")) playback.loop = this.looping;
    if (changed.has("speed")) playback.speed = this.speed;
    if (changed.has("matched") || changed.has("gain")) playback.gainDb = this.matched ? (this.gain ?? 0) : 0;
  }

  #word(name: string, ...values: string[]): string {
    return values.reduce(
      (text, value, index) => text.replace(`%${index + 1}`, value),
      this.#words[name] ?? name,
    );
  }

  #onPointer(event: PointerEvent): void {
    const screen = event.currentTarget as HTMLElement;
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      screen.setPointerCapture(event.pointerId);
    } else if (!screen.hasPointerCapture(event.pointerId)) return;
    const box = screen.getBoundingClientRect();
    this.seek(timeAt(event.clientX - box.left, box.width, this.duration));
  }

  #onKey(event: KeyboardEvent): void {
    const step = event.shiftKey ? FINE_STEP_S : STEP_S;
    const moves: Record<string, () => void> = {
      ArrowRight: () => {
        this.nudge(step);
      },
      ArrowUp: () => {
        this.nudge(step);
      },
      ArrowLeft: () => {
        this.nudge(-step);
      },
      ArrowDown: () => {
        this.nudge(-step);
      },
      Home: () => {
        this.seek(0);
      },
      End: () => {
        this.seek(this.duration);
      },
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  protected override render(): TemplateResult {
    const now = clock(this.second);
    const whole = clock(this.duration);
    return html`
      <div
        class="screen"
        part="screen"
        role="slider"
        tabindex="0"
        aria-label="${this.#word("position")}: ${this.label}"
        aria-valuemin="0"
        aria-valuemax=${this.duration}
        aria-valuenow=${this.second}
        aria-valuetext=${this.#word("positionOf", now, whole)}
        @pointerdown=${this.#onPointer}
        @pointermove=${this.#onPointer}
        @keydown=${this.#onKey}
      >
        ${this.shownPicture ? html`<img src=${this.shownPicture} alt="" draggable="false" />` : nothing}
        <svg
          class="wave"
          viewBox="0 0 ${Math.max(1, this.#columns())} 256"
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          ${svg`<path d=${this.wave}></path>`}
        </svg>
        <div class="heard"></div>
        <div class="head"></div>
      </div>
      <svg class="axis" aria-hidden="true">${this.#axis()}</svg>
      <div class="controls">
        <button
          class="play"
          type="button"
          aria-label=${this.#word(this.playing ? "pause" : "play")}
          @click=${() => this.toggle()}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            ${svg`<path d=${this.playing ? PAUSE_ICON : PLAY_ICON}></path>`}
          </svg>
        </button>
        <span class="clock"><strong>${now}</strong> / ${whole}</span>
        <button
          type="button"
          aria-pressed=${this.looping}
          @click=${() => {
            this.toggleLoop();
          }}
        >
          <span aria-hidden="true">↻</span> ${this.#word("loop")}
        </button>
        <div class="speeds" role="group" aria-label=${this.#word("speed")}>
          ${SPEEDS.map(
            (speed) => html`
              <button type="button" aria-pressed=${this.speed === speed} @click=${() => (this.speed = speed)}>
                ${speed}×
              </button>
            `,
          )}
        </div>
        ${this.#level()}
        ${this.waiting ? html`<span class="visually-hidden" role="status">${this.#word("loading")}</span>` : nothing}
        ${this.failed ? html`<p class="failed" role="alert">${this.#word("failed")}</p>` : nothing}
      </div>
    `;
  }

  #columns(): number {
    return this.wave ? this.wave.split("L").length / 2 - 1 : 1;
  }

  #axis(): TemplateResult[] {
    return ticks(this.duration, this.axisWidth).map(
      ({ fraction, label }) => svg`
        <line x1="${fraction * 100}%" x2="${fraction * 100}%" y1="0" y2="5"></line>
        <text x="${fraction * 100}%" y="18" text-anchor=${fraction === 0 ? "start" : "middle"}>${label}</text>`,
    );
  }

  #level(): TemplateResult | typeof nothing {
    if (this.gain === undefined) return nothing;
    const gain = signedDecibels(this.matched ? this.gain : 0);
    return html`
      <button
        class="level"
        type="button"
        aria-pressed=${this.matched}
        @click=${() => (this.matched = !this.matched)}
      >
        <span class="words">${this.#word("matched")}</span> ${signedDecibels(this.target)} LUFS
        <span>${gain} dB</span>
      </button>
    `;
  }
}

customElements.define("earmark-player", EarmarkPlayer);

declare global {
  interface HTMLElementTagNameMap {
    "earmark-player": EarmarkPlayer;
  }
}

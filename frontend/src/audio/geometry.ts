/** Times, places and shapes of the player, apart from the page: pure functions of numbers. */

export interface Tick {
  /** Seconds from the start. */
  time: number;
  /** Place from 0 (start) to 1 (end). */
  fraction: number;
  label: string;
}

const TICK_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Keep a number within bounds; what is no number becomes the lower one. */
export function clamp(value: number, low: number, high: number): number {
  return Number.isNaN(value) ? low : Math.min(Math.max(value, low), high);
}

/** Return the time under a pointer that is `x` pixels into a surface `width` pixels wide. */
export function timeAt(x: number, width: number, duration: number): number {
  return width > 0 ? clamp((x / width) * duration, 0, duration) : 0;
}

/** Return how far a time is, from 0 to 1. */
export function fractionOf(time: number, duration: number): number {
  return duration > 0 ? clamp(time / duration, 0, 1) : 0;
}

/** Write seconds as m:ss.d, or as h:mm:ss.d from an hour on. */
export function clock(seconds: number, decimals = 1): string {
  const scale = 10 ** decimals;
  const units = Math.floor(Math.max(0, seconds) * scale + 1e-6);
  const whole = Math.floor(units / scale);
  const rest = decimals > 0 ? `.${String(units % scale).padStart(decimals, "0")}` : "";
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}${rest}`
    : `${minutes}:${two(whole % 60)}${rest}`;
}

/** Return the marks of a time axis: round steps, as many as fit without touching. */
export function ticks(duration: number, width: number, room = 72): Tick[] {
  if (duration <= 0 || width <= 0) return [];
  const most = Math.max(1, Math.floor(width / room));
  const step = TICK_STEPS_S.find((candidate) => duration / candidate <= most) ?? duration;
  const marks: Tick[] = [];
  for (let index = 0; index * step < duration - step * 0.25; index += 1) {
    const time = index * step;
    marks.push({ time, fraction: time / duration, label: clock(time, step < 1 ? 1 : 0) });
  }
  return marks;
}

/** Return the outline of a waveform in a box `pairs.length` wide and 256 high; pairs are least and most, -128 to 127. */
export function waveformPath(pairs: readonly (readonly [number, number])[]): string {
  if (pairs.length === 0) return "";
  const height = (value: number): number => 128 - clamp(value, -128, 127);
  const top = pairs.map(([, most], x) => `${x} ${height(most)}`);
  // A thickness of two keeps silence visible as a line.
  const bottom = pairs.map(([least, most], x) => `${x} ${Math.max(height(least), height(most) + 2)}`);
  return `M${top.join("L")}L${bottom.reverse().join("L")}Z`;
}

/** Return the factor that a gain in decibels multiplies samples by. */
export function factorOf(decibels: number): number {
  return 10 ** (decibels / 20);
}

/** Write decibels with a sign that lines up: +4.2, −3.0, 0.0. */
export function signedDecibels(decibels: number): string {
  const rounded = Math.round(decibels * 10) / 10;
  const sign = rounded > 0 ? "+" : rounded < 0 ? "−" : "";
  return `${sign}${Math.abs(rounded).toFixed(1)}`;
}

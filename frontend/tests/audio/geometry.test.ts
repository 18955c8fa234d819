import { describe, expect, it } from "vitest";
import {
  clock,
  factorOf,
  fractionOf,
  signedDecibels,
  ticks,
  timeAt,
  waveformPath,
} from "../../src/audio/geometry";

describe("time and place", () => {
  it("puts a pointer on the time under it and never outside the sound", () => {
    expect(timeAt(250, 1000, 10)).toBe(2.5);
    expect(timeAt(-20, 1000, 10)).toBe(0);
    expect(timeAt(2000, 1000, 10)).toBe(10);
    expect(timeAt(5, 0, 10)).toBe(0);
  });

  it("tells how far a time is", () => {
    expect(fractionOf(5, 10)).toBe(0.5);
    expect(fractionOf(12, 10)).toBe(1);
    expect(fractionOf(Number.NaN, 10)).toBe(0);
    expect(fractionOf(1, 0)).toBe(0);
  });

  it("turns places back into the same times", () => {
    for (let x = 0; x <= 640; x += 7) expect(fractionOf(timeAt(x, 640, 9.7), 9.7)).toBeCloseTo(x / 640, 12);
  });
});

describe("clock", () => {
  it.each([
    [0, "0:00.0"],
    [9.96, "0:09.9"],
    [0.3, "0:00.3"],
    [65.25, "1:05.2"],
    [3599.99, "59:59.9"],
    [3723.4, "1:02:03.4"],
    [-1, "0:00.0"],
  ])("writes %f s as %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });

  it("leaves decimals away", () => {
    expect(clock(61.9, 0)).toBe("1:01");
  });
});

describe("ticks", () => {
  it("keeps round steps that fit", () => {
    expect(ticks(10, 800).map((tick) => tick.label)).toEqual([
      "0:00",
      "0:01",
      "0:02",
      "0:03",
      "0:04",
      "0:05",
      "0:06",
      "0:07",
      "0:08",
      "0:09",
    ]);
    expect(ticks(10, 160).map((tick) => tick.time)).toEqual([0, 5]);
  });

  it("never crowds the axis, however long the sound", () => {
    for (const duration of [0.05, 0.7, 3, 10, 61, 600, 7200, 90_000]) {
      for (const width of [80, 320, 1200]) {
        const marks = ticks(duration, width);
        expect(marks.length).toBeGreaterThan(0);
        expect(marks.length).toBeLessThanOrEqual(Math.max(1, Math.floor(width / 72)));
        expect(marks.every((tick) => tick.fraction >= 0 && tick.fraction < 1)).toBe(true);
      }
    }
  });

  it("is empty before the player has a width", () => {
    expect(ticks(10, 0)).toEqual([]);
    expect(ticks(0, 300)).toEqual([]);
  });
});

describe("waveform", () => {
  it("goes along the top and back along the bottom", () => {
    expect(
      waveformPath([
        [-10, 20],
        [-127, 127],
      ]),
    ).toBe("M0 108L1 1L1 255L0 138Z");
  });

  it("shows silence as a line", () => {
    expect(waveformPath([[0, 0]])).toBe("M0 128L0 130Z");
    expect(waveformPath([])).toBe("");
  });
});

describe("level", () => {
  it("turns decibels into factors", () => {
    expect(factorOf(0)).toBe(1);
    expect(factorOf(20)).toBeCloseTo(10);
    expect(factorOf(-6)).toBeCloseTo(0.501, 3);
  });

  it("writes signs that line up", () => {
    expect([4.24, -3, 0, -0.04].map(signedDecibels)).toEqual(["+4.2", "−3.0", "0.0", "0.0"]);
  });
});

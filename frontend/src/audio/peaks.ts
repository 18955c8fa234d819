/** Reading the waveform that the server made: `{"peaks": [[lowest, highest], …]}`, 8 bits. */

export type Peaks = [number, number][];

/** Read pairs of lowest and highest; what is no pair is left out, what is no waveform is empty. */
export function readPeaks(document: unknown): Peaks {
  const listed = typeof document === "object" && document && "peaks" in document ? document.peaks : [];
  if (!Array.isArray(listed)) return [];
  return listed.filter(
    (pair): pair is [number, number] =>
      Array.isArray(pair) && pair.length === 2 && pair.every((value) => typeof value === "number"),
  );
}

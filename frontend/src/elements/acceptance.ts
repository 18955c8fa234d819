/**
 * The slider of the precision: what would be accepted is read from the run's curve while it moves.
 *
 * The server draws the same figures from the same curve; a script only saves the round trip.
 */

/** Least probability, labels that reach it, and the share of these that is right at least; thresholds rise. */
export type Point = readonly [threshold: number, accepted: number, assured: number];

const SLACK = 1e-12; // as the server's

/** Return the most labels of which a precision is assured; undefined if it is of none. */
export function chosenPoint(curve: readonly Point[], precision: number): Point | undefined {
  return curve.find(([, , assured]) => assured >= precision - SLACK);
}

/** Show figures while the slider moves; `onChosen` runs when it is let go. */
export function bindPrecision(page: Document, onChosen: (form: HTMLFormElement) => void): void {
  page.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.closest("[data-precision]")) {
      showPrecision(page, Number(event.target.value));
    }
  });
  page.addEventListener("change", (event) => {
    const form = event.target instanceof HTMLInputElement && event.target.closest("form[data-precision]");
    if (form instanceof HTMLFormElement) onChosen(form);
  });
}

/** Write the figures of a precision, and move the mark on the curve. */
export function showPrecision(page: Document, precision: number): void {
  const svg = page.querySelector<SVGElement>("svg[data-curve]");
  const curve = svg?.dataset["curve"] ? (JSON.parse(svg.dataset["curve"]) as Point[]) : [];
  const point = chosenPoint(curve, precision);
  const language = page.documentElement.lang || undefined;
  const write = (name: string, text: string): void => {
    for (const place of page.querySelectorAll(`[data-out="${name}"]`)) place.replaceChildren(text);
  };
  const share = (value: number): string =>
    (100 * value).toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const atLeast = (value: number): string => share(Math.floor(1000 * value + 1e-9) / 1000);
  write("precision", share(precision));
  write("accepted", (point?.[1] ?? 0).toLocaleString(language));
  write("assured", point ? atLeast(point[2]) : "–");
  write(
    "threshold",
    point ? point[0].toLocaleString(language, { minimumFractionDigits: 3, maximumFractionDigits: 3 }) : "–",
  );
  const chosen = page.querySelector<HTMLInputElement>("input[data-chosen]");
  if (chosen) chosen.value = String(precision);
  const button = page.querySelector<HTMLButtonElement>("button[data-accept]");
  if (button) button.disabled = !point;
  if (svg) moveMark(svg, point);
}

/** Put the mark where a point lies on the curve: labels accepted to the right, the share that is right at least upwards. */
function moveMark(svg: SVGElement, point: Point | undefined): void {
  const judged = Number(svg.dataset["judged"]);
  const low = Number(svg.dataset["low"]);
  for (const mark of svg.querySelectorAll<SVGGElement>("[data-mark]")) {
    if (!point) {
      mark.setAttribute("visibility", "hidden");
      continue;
    }
    const x = (100 * point[1]) / judged;
    const y = (100 * (1 - point[2])) / (1 - low);
    mark.removeAttribute("visibility");
    mark.setAttribute("transform", `translate(${x} ${y})`);
  }
}

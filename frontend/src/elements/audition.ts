/**
 * Hearing a list of labels one after the other: one player on top, which takes the sound of the row that is marked.
 *
 * Each row keeps its player in a <template>, so that a page of twenty clips loads none that nobody asks for.
 */

import type { Bindings } from "./shortcuts";
import type { EarmarkPlayer } from "./player";

const rows = (page: Document): HTMLElement[] => [...page.querySelectorAll<HTMLElement>("[data-label]")];
const marked = (page: Document): HTMLElement | undefined =>
  rows(page).find((row) => row.getAttribute("aria-current") === "true");

/** Put a row's player on top and play it; a row that is there already starts or pauses. */
export function hear(page: Document, row: HTMLElement): void {
  const stage = page.getElementById("audition");
  const sound = row.querySelector("template");
  if (!stage || !sound) return;
  const here = stage.querySelector<EarmarkPlayer>("earmark-player");
  if (here && marked(page) === row) {
    void here.toggle();
    return;
  }
  for (const other of rows(page)) other.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  stage.replaceChildren(page.importNode(sound.content, true));
  stage.hidden = false;
  row.querySelector<HTMLElement>("[data-hear]")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  void stage.querySelector<EarmarkPlayer>("earmark-player")?.play();
}

/** Hear a row when it is pressed. */
export function bindAudition(page: Document): void {
  page.addEventListener("click", (event) => {
    const row =
      event.target instanceof Element &&
      event.target.closest("[data-hear]")?.closest<HTMLElement>("[data-label]");
    if (row) hear(page, row);
  });
}

/** Keys: J and K hear the next and the previous row, A accepts the one that is heard, Z takes that back. */
export function auditionBindings(page: Document): Bindings {
  const step = (by: number): boolean => {
    const all = rows(page);
    const now = marked(page);
    const next = now ? all[all.indexOf(now) + by] : all[0];
    if (!next) return false;
    hear(page, next);
    return true;
  };
  const press = (key: string): boolean => {
    const named = `button[data-key="${key}"]`;
    const button =
      marked(page)?.querySelector<HTMLButtonElement>(named) ??
      page.querySelector<HTMLButtonElement>(`#toasts ${named}`);
    button?.click();
    return button !== null;
  };
  return { j: () => step(1), k: () => step(-1), a: () => press("a"), z: () => press("z") };
}

/** Where a word on a label was given from. */
export interface Origin {
  /** The row's place in the list, or -1 for a form that belongs to no row. */
  place: number;
  /** Whether the label was the one that is heard. */
  heard: boolean;
  /** The label, if the word accepts it. */
  accepted: string;
}

/** Say where a form stands before the list is taken anew. */
export function originOf(page: Document, form: HTMLFormElement): Origin {
  const annotation = form.querySelector<HTMLInputElement>("input[name=annotation]")?.value ?? "";
  const all = rows(page);
  // By its label: the list may have been taken anew since the form was sent.
  const found = all.findIndex(
    (row) => row.querySelector<HTMLInputElement>("input[name=annotation]")?.value === annotation,
  );
  const now = marked(page);
  const inToast = form.closest("[data-label]") === null && annotation !== "";
  const place = inToast && now ? all.indexOf(now) : annotation ? found : -1;
  return {
    place,
    heard: now !== undefined && (inToast || all[found] === now),
    accepted: form.matches(".label-act[action$='/accept/']") ? annotation : "",
  };
}

/** After the list was taken anew, go on where a word was given: hear what took the place, or keep the focus there. */
export function goOn(page: Document, { place, heard }: Origin): void {
  const all = rows(page);
  const row = place < 0 ? undefined : all[Math.min(place, all.length - 1)];
  if (!row) return;
  if (heard) hear(page, row);
  else {
    const button =
      row.querySelector<HTMLElement>(".label-act button") ?? row.querySelector<HTMLElement>("[data-hear]");
    button?.focus({ preventScroll: true });
  }
}

/** Let the newest message take one acceptance back: the label has left the list that it was accepted from. */
export function offerUndo(page: Document, annotation: string): void {
  const form = page.querySelector<HTMLTemplateElement>("template#undo-one");
  const toast = page.querySelector("#toasts .toast:last-child");
  if (!form || !toast) return;
  const offer = page.importNode(form.content, true);
  const field = offer.querySelector<HTMLInputElement>("input[name=annotation]");
  if (field) field.value = annotation;
  toast.querySelector("span")?.after(offer);
}

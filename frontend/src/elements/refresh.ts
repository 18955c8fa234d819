/** Taking the parts marked data-refresh="name" anew from the server, in place: no scroll, no lost focus elsewhere. */

import { localTimes } from "./local-times";

/** Replace each marked part by the one of the same name in a newer rendering of the page. */
export function replaceParts(page: Document, newer: Document): void {
  for (const part of page.querySelectorAll<HTMLElement>("[data-refresh]")) {
    const name = part.dataset["refresh"] ?? "";
    const replacement = newer.querySelector(`[data-refresh="${CSS.escape(name)}"]`);
    if (!replacement || replacement.innerHTML === part.innerHTML) continue;
    if (part.contains(page.activeElement)) continue; // never move under a person's hands
    const adopted = page.importNode(replacement, true);
    keepOpen(part, adopted);
    keepTicked(part, adopted);
    part.replaceWith(adopted);
    localTimes(adopted);
  }
}

/** Leave open what a person has opened: tables behind plots, errors. */
function keepOpen(old: Element, fresh: Element): void {
  const before = [...old.querySelectorAll("details")];
  const after = [...fresh.querySelectorAll("details")];
  if (before.length !== after.length) return;
  before.forEach((details, place) => {
    const same = after[place];
    if (details.open && same) same.open = true;
  });
}

/** Leave ticked what a person has ticked. */
function keepTicked(old: Element, fresh: Element): void {
  for (const box of old.querySelectorAll<HTMLInputElement>("input[type=checkbox]:checked")) {
    const same = [...fresh.querySelectorAll<HTMLInputElement>("input[type=checkbox]")].find(
      (other) => other.name === box.name && other.value === box.value,
    );
    if (same) same.checked = true;
  }
}

/** Take the marked parts of this page anew; returns the newer rendering, or undefined if the server gave none. */
export async function refreshParts(page: Document): Promise<Document | undefined> {
  const answer = await fetch(page.location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return undefined;
  const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
  replaceParts(page, newer);
  return newer;
}

/**
 * Single-key shortcuts: off in text fields and inside dialogs, and switchable as a whole (WCAG 2.1.4).
 *
 * `?` alone stays when they are off: it opens the list that says so, where they can be switched on again.
 * The list that `?` opens is a <dialog id="shortcuts"> of the template, so that its words are translated there.
 */

import { Scope } from "./scope";

const STORED = "earmark-shortcuts";
const OWN_KEYS = new Set([" ", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const TEXT_FIELDS =
  "input:not([type=radio], [type=checkbox], [type=button], [type=submit]), textarea, select, [contenteditable]";

/** What a key does, by `KeyboardEvent.key`; letters in lower case. Returning false leaves the key to the browser. */
export type Bindings = Record<string, () => unknown>;

/** Tell whether a key that was pressed at an element belongs to that element and not to the page. */
export function belongsToElement(key: string, target: Element | undefined): boolean {
  if (!target) return false;
  if (target.matches(TEXT_FIELDS) || target.closest("dialog[open]")) return true;
  if (!OWN_KEYS.has(key)) return false;
  if (target instanceof HTMLInputElement && target.type === "radio") {
    // A chosen answer does nothing on space or Enter, so the page may have both; arrows move between answers.
    return key.startsWith("Arrow") || (key === " " && !target.checked);
  }
  return target.matches("a[href], button, summary, input, [role=slider]");
}

/** Tell whether shortcuts are switched on; they are until a person switches them off. */
export function shortcutsOn(store: Pick<Storage, "getItem"> = localStorage): boolean {
  return store.getItem(STORED) !== "off";
}

/**
 * Return the name under which a key is bound: a letter by its place where the layout gives it no Latin one.
 *
 * With a Korean keyboard in Hangul mode the key Y is "\u315b", or "Process" on Windows.
 */
export function boundName(event: Pick<KeyboardEvent, "key" | "code">): string {
  const place = /^Key([A-Z])$/.exec(event.code)?.[1];
  const latin = /^[\x20-\x7e]$/.test(event.key);
  if (
    place &&
    !latin &&
    (event.key.length === 1 || event.key === "Process" || event.key === "Unidentified")
  ) {
    return place.toLowerCase();
  }
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** Bind keys to the page until the returned scope is disposed. */
export function bindShortcuts(page: Document, bindings: Bindings): Scope {
  const scope = new Scope();
  const help = page.querySelector<HTMLDialogElement>("dialog#shortcuts");
  const withHelp: Bindings = { ...bindings, "?": () => help?.showModal() };
  scope.listen(page, "keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (page.querySelector("dialog[open]") || (event.key !== "?" && !shortcutsOn())) return;
    const target = event.composedPath()[0];
    if (belongsToElement(event.key, target instanceof Element ? target : undefined)) return;
    const run = withHelp[boundName(event)];
    if (!run || (event.repeat && !event.key.startsWith("Arrow"))) return;
    if (run() !== false) event.preventDefault();
  });
  scope.listen(page, "click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-shortcuts-help]")) help?.showModal();
    if (event.target === help) help?.close(); // a click beside the list
  });
  const toggle = help?.querySelector<HTMLInputElement>("input[data-shortcuts-on]");
  if (toggle) {
    toggle.checked = shortcutsOn();
    scope.listen(toggle, "change", () => {
      localStorage.setItem(STORED, toggle.checked ? "on" : "off");
      page.documentElement.toggleAttribute("data-shortcuts-off", !toggle.checked);
    });
  }
  page.documentElement.toggleAttribute("data-shortcuts-off", !shortcutsOn());
  return scope;
}

/** Keys of the player, for every page that has one. */
export function playerBindings(page: Document): Bindings {
  const player = () => page.querySelector("earmark-player");
  return {
    " ": () => player()?.toggle(),
    l: () => player()?.toggleLoop(),
    ArrowLeft: () => player()?.nudge(-1),
    ArrowRight: () => player()?.nudge(1),
  };
}

/** Walking the rows of a table from the keyboard: J and K step, / goes to the search. */

import type { Bindings } from "./shortcuts";

/** Keys for a page with a table marked data-row-keys; Enter opens the marked row, being on its link. */
export function rowBindings(page: Document): Bindings {
  const step = (by: number): boolean => {
    const links = [...page.querySelectorAll<HTMLAnchorElement>("[data-row-keys] .row-link")];
    if (links.length === 0) return false;
    const here = links.findIndex((link) => link === page.activeElement);
    const next = here < 0 ? 0 : Math.min(Math.max(here + by, 0), links.length - 1);
    links[next]?.focus();
    return true;
  };
  return {
    j: () => step(1),
    k: () => step(-1),
    "/": () => {
      page.querySelector<HTMLInputElement>("input[type=search]")?.focus();
    },
  };
}

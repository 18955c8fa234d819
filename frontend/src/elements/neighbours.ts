/** J and K lead to the next and the previous item, as the links of the page do. */

import type { Bindings } from "./shortcuts";

export function bindNeighbours(page: Document): Bindings {
  const follow = (rel: string) => (): boolean => {
    const link = page.querySelector<HTMLAnchorElement>(`a[rel="${rel}"]`);
    link?.click();
    return link !== null;
  };
  return { j: follow("next"), k: follow("prev") };
}

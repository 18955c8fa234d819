/** Menus made of <details>: closed by Escape and by a click elsewhere. */

export function closeMenusOutside(page: Document): void {
  const close = (menu: HTMLDetailsElement): void => {
    menu.open = false;
  };
  page.addEventListener("click", (event) => {
    for (const menu of page.querySelectorAll<HTMLDetailsElement>("details.person[open]")) {
      if (!(event.target instanceof Node && menu.contains(event.target))) close(menu);
    }
  });
  page.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of page.querySelectorAll<HTMLDetailsElement>("details.person[open]")) {
      close(menu);
      menu.querySelector("summary")?.focus();
    }
  });
}

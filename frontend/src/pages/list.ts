/** Lists: J and K walk the rows, Enter opens one, / goes to the search; filters apply at once. */

import "../styles/listen.css";
import { refreshParts } from "../elements/refresh";
import { rowBindings } from "../elements/row-keys";
import { bindShortcuts } from "../elements/shortcuts";

bindShortcuts(document, rowBindings(document));
for (const select of document.querySelectorAll<HTMLSelectElement>(".filters select")) {
  select.addEventListener("change", () => {
    select.form?.requestSubmit();
  });
}
document.addEventListener("jobs-finished", () => void refreshParts(document));

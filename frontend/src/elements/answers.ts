/** The forms of voting and rating, worked by keys as by hand. */

/**
 * Press what a selector finds inside the turn; false if there is nothing.
 *
 * The focus stays where it is: inside a group of radio buttons the arrow keys would change the answer instead of
 * moving through the sound.
 */
export function press(page: Document, selector: string): boolean {
  const found = page.querySelector<HTMLElement>(`#turn ${selector}`);
  found?.click();
  return found !== null;
}

/** Send the answers; where one is missing the browser points to it. */
export function sendIfComplete(page: Document): boolean {
  const button = page.querySelector<HTMLButtonElement>("#turn form.answers button[data-send]");
  button?.form?.requestSubmit(button);
  return button !== null;
}

/** Say, in the note that screen readers follow, when everything is answered and can be sent. */
export function announceReadiness(page: Document): void {
  page.addEventListener("change", (event) => {
    const form =
      event.target instanceof Element ? event.target.closest<HTMLFormElement>("#turn form.answers") : null;
    const note = form?.querySelector<HTMLElement>("[data-ready]");
    note?.classList.remove("bad");
    const ready = note?.dataset["ready"] ?? "";
    if (note && form?.checkValidity() && note.textContent !== ready) note.textContent = ready;
  });
}

/**
 * Say in the note which answers are missing when the browser refuses to send, and move the focus to the first.
 *
 * The browser's own bubble would cover the note and the button, in the browser's language.
 */
export function announceMissing(page: Document): void {
  page.addEventListener(
    "invalid",
    (event) => {
      const form =
        event.target instanceof Element ? event.target.closest<HTMLFormElement>("#turn form.answers") : null;
      const note = form?.querySelector<HTMLElement>("[data-missing]");
      if (!form || !note) return;
      event.preventDefault();
      [...form.querySelectorAll("input")].find((one) => !one.validity.valid)?.focus();
      const titles = [...form.querySelectorAll<HTMLFieldSetElement>("fieldset[data-title]")]
        .filter((one) => !one.querySelector("input:checked"))
        .map((one) => one.dataset["title"] ?? "");
      note.textContent = `${note.dataset["missing"] ?? ""} ${titles.join(", ")}`.trim();
      note.classList.add("bad");
    },
    true,
  );
}

/** The questions of a ballot, one of them asked at a time. */
export class Ballot {
  readonly #page: Document;

  constructor(page: Document) {
    this.#page = page;
  }

  get questions(): HTMLFieldSetElement[] {
    return [...this.#page.querySelectorAll<HTMLFieldSetElement>("#turn fieldset[data-question]")];
  }

  /** The question that Y and N answer now: the marked one. */
  get asked(): HTMLFieldSetElement | undefined {
    return this.questions.find((question) => question.dataset["asked"] !== undefined);
  }

  /** Mark a question; by default the first without an answer, or none if all have one. */
  ask(question = this.questions.find((one) => !one.querySelector("input:checked"))): boolean {
    for (const one of this.questions) one.toggleAttribute("data-asked", one === question);
    return question !== undefined;
  }

  /** Answer the marked question and mark the next. */
  answer(value: "yes" | "no"): boolean {
    const input = this.asked?.querySelector<HTMLInputElement>(`input[value="${value}"]`);
    if (!input) return false;
    input.click();
    this.ask();
    return true;
  }
}

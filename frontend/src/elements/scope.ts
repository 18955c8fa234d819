/** One place that undoes everything an element set up. */

export class Scope {
  #undos: (() => void)[] = [];

  add(undo: () => void): void {
    this.#undos.push(undo);
  }

  listen<Name extends keyof HTMLElementEventMap>(
    target: EventTarget,
    name: Name,
    handler: (event: HTMLElementEventMap[Name]) => void,
  ): void {
    const listener = handler as EventListener;
    target.addEventListener(name, listener);
    this.add(() => {
      target.removeEventListener(name, listener);
    });
  }

  dispose(): void {
    for (const undo of this.#undos.splice(0).reverse()) undo();
  }
}

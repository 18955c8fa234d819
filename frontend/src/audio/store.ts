/** What is loaded ahead: the audio, picture and peaks of the clips that come next, kept in memory. */

export class AheadStore {
  readonly #loading = new Map<string, Promise<Blob | undefined>>();
  readonly #loaded = new Map<string, Blob>();
  readonly #load: (address: string) => Promise<Response>;

  constructor(load: (address: string) => Promise<Response> = (address) => fetch(address)) {
    this.#load = load;
  }

  /** Load addresses that are not here yet, and forget all others. */
  keep(addresses: readonly string[]): Promise<unknown> {
    for (const address of [...this.#loading.keys()]) {
      if (!addresses.includes(address)) {
        this.#loading.delete(address);
        this.#loaded.delete(address);
      }
    }
    return Promise.all(addresses.map((address) => this.#start(address)));
  }

  /** Return what has been loaded completely. */
  get(address: string): Blob | undefined {
    return this.#loaded.get(address);
  }

  #start(address: string): Promise<Blob | undefined> {
    const known = this.#loading.get(address);
    if (known) return known;
    const loading = this.#load(address)
      .then(async (answer) => (answer.ok ? await answer.blob() : undefined))
      .catch(() => undefined) // the player asks again and shows what is wrong
      .then((blob) => {
        if (blob && this.#loading.has(address)) this.#loaded.set(address, blob);
        if (!blob) this.#loading.delete(address);
        return blob;
      });
    this.#loading.set(address, loading);
    return loading;
  }
}

/** The page's store. */
export const ahead = new AheadStore();

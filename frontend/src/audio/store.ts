/** What is loaded ahead: the picture, peaks and audio of the clips that come next, kept in memory. */

/** Longer sound is not kept: a whole recording may take hours and a phone's memory. It streams when it is its turn. */
const MOST_BYTES = 32 * 2 ** 20;

type Load = (address: string, signal: AbortSignal) => Promise<Response>;

interface Loading {
  readonly done: Promise<void>;
  readonly abort: AbortController;
}

export class AheadStore {
  readonly #loading = new Map<string, Loading>();
  readonly #loaded = new Map<string, Blob>();
  readonly #load: Load;
  #round = 0;

  constructor(load: Load = (address, signal) => fetch(address, { signal })) {
    this.#load = load;
  }

  /**
   * Load addresses that are not here yet, one after the other, and forget all others.
   *
   * A browser opens six connections to a server. What is no longer wanted ends at once, and no more than one loads at
   * a time, so that on a slow line an answer never waits behind sounds that nobody will hear.
   */
  async keep(addresses: readonly string[]): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    for (const address of [...this.#loaded.keys()]) {
      if (!addresses.includes(address)) this.#loaded.delete(address);
    }
    for (const [address, loading] of this.#loading) {
      if (!addresses.includes(address)) loading.abort.abort();
    }
    for (const address of addresses) {
      if (round !== this.#round) return;
      if (!this.#loaded.has(address)) await this.#start(address);
    }
  }

  /** Return what has been loaded completely. */
  get(address: string): Blob | undefined {
    return this.#loaded.get(address);
  }

  #start(address: string): Promise<void> {
    const known = this.#loading.get(address);
    if (known) return known.done;
    const abort = new AbortController();
    const done = this.#fetch(address, abort).finally(() => this.#loading.delete(address));
    this.#loading.set(address, { done, abort });
    return done;
  }

  async #fetch(address: string, abort: AbortController): Promise<void> {
    try {
      const answer = await this.#load(address, abort.signal);
      const tooLong = Number(answer.headers.get("Content-Length") ?? 0) > MOST_BYTES;
      if (!answer.ok || tooLong) {
        abort.abort();
        return;
      }
      const blob = await answer.blob();
      if (!abort.signal.aborted) this.#loaded.set(address, blob);
    } catch {
      // The player asks again and shows what is wrong.
    }
  }
}

/** The page's store. */
export const ahead = new AheadStore();

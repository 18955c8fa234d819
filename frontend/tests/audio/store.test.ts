import { describe, expect, it, vi } from "vitest";
import { Emitter } from "../../src/audio/emitter";
import { readPeaks } from "../../src/audio/peaks";
import { AheadStore } from "../../src/audio/store";

const answer = (address: string): Promise<Response> => Promise.resolve(new Response(`bytes of ${address}`));

describe("what is loaded ahead", () => {
  it("is here once it has come, and asked for once", async () => {
    const asked: string[] = [];
    const store = new AheadStore((address) => {
      asked.push(address);
      return answer(address);
    });
    const loading = store.keep(["/a", "/b"]);
    expect(store.get("/a")).toBeUndefined();
    await loading;
    await store.keep(["/a", "/b"]);
    expect(await store.get("/a")?.text()).toBe("bytes of /a");
    expect(asked).toEqual(["/a", "/b"]);
  });

  it("forgets what is no longer next", async () => {
    const store = new AheadStore(answer);
    await store.keep(["/a", "/b"]);
    await store.keep(["/b"]);
    expect(store.get("/a")).toBeUndefined();
    expect(store.get("/b")).toBeDefined();
  });

  it("ends what is no longer next, and loads one at a time", async () => {
    const open = new Map<string, { signal: AbortSignal; finish: () => void }>();
    const store = new AheadStore(
      (address, signal) =>
        new Promise((resolve, reject) => {
          const finish = (): void => {
            open.delete(address);
            resolve(new Response(address));
          };
          open.set(address, { signal, finish });
          signal.addEventListener("abort", () => {
            open.delete(address);
            reject(new DOMException("aborted", "AbortError"));
          });
        }),
    );
    const first = store.keep(["/a", "/b", "/c"]);
    expect([...open.keys()]).toEqual(["/a"]);
    const second = store.keep(["/b", "/c"]);
    await first;
    expect([...open.keys()]).toEqual(["/b"]);
    open.get("/b")?.finish();
    await vi.waitFor(() => {
      expect([...open.keys()]).toEqual(["/c"]);
    });
    open.get("/c")?.finish();
    await second;
    expect(store.get("/a")).toBeUndefined();
    expect(await store.get("/b")?.text()).toBe("/b");
    expect(await store.get("/c")?.text()).toBe("/c");
  });

  it("does not keep hours of sound", async () => {
    const ended: boolean[] = [];
    const store = new AheadStore((address, signal) => {
      signal.addEventListener("abort", () => ended.push(true));
      return Promise.resolve(new Response(address, { headers: { "Content-Length": String(200 * 2 ** 20) } }));
    });
    await store.keep(["/long"]);
    expect(store.get("/long")).toBeUndefined();
    expect(ended).toEqual([true]);
  });

  it("asks again after a failure and keeps no error page", async () => {
    let broken = true;
    const store = new AheadStore(async (address) => {
      if (address === "/lost") return new Response("no", { status: 404 });
      if (broken) throw new TypeError("offline");
      return answer(address);
    });
    await store.keep(["/a", "/lost"]);
    expect(store.get("/a")).toBeUndefined();
    expect(store.get("/lost")).toBeUndefined();
    broken = false;
    await store.keep(["/a"]);
    expect(store.get("/a")).toBeDefined();
  });
});

describe("peaks", () => {
  it("takes pairs and nothing else", () => {
    expect(readPeaks({ peaks: [[-1, 2], [3], ["a", "b"], [-128, 127]] })).toEqual([
      [-1, 2],
      [-128, 127],
    ]);
    expect(readPeaks({ peaks: "no" })).toEqual([]);
    expect(readPeaks(null)).toEqual([]);
  });
});

describe("events", () => {
  it("stop for whoever undoes them", () => {
    class Bell extends Emitter<{ ring: number }> {
      ring(times: number): void {
        this.emit("ring", times);
      }
    }
    const bell = new Bell();
    const heard: number[] = [];
    const undo = bell.on("ring", (times) => heard.push(times));
    bell.ring(2);
    undo();
    bell.ring(3);
    expect(heard).toEqual([2]);
  });
});

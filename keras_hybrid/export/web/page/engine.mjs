// The worker as functions that return promises.

export class Engine {
  #worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
  #waiting = new Map();

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error, progress } }) => {
      const { resolve, reject, report } = this.#waiting.get(id);
      if (progress !== undefined) return report?.(progress);
      this.#waiting.delete(id);
      error === undefined ? resolve(result) : reject(new Error(error));
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(message || "The worker stopped."));
      this.#waiting.clear();
    };
  }

  ask(action, options, report) {
    const id = crypto.getRandomValues(new Uint32Array(1))[0];
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, report });
      this.#worker.postMessage({ id, action, options });
    });
  }

  close() {
    this.#worker.terminate();
  }
}

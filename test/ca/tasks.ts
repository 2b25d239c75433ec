/** Work that goes on after the answer. Disposing aborts it and waits for it. */
export interface Tasks extends AsyncDisposable {
  /** Begins it. What it throws is swallowed once everything was aborted, and rejects the disposal before. */
  start(work: (signal: AbortSignal) => Promise<void>): Promise<void>;
}

/** No tasks yet. */
export function tasks(): Tasks {
  const controller = new AbortController();
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  return {
    start(work): Promise<void> {
      const task = work(controller.signal).catch((error: unknown) => {
        if (!controller.signal.aborted) failures.push(error);
      }).finally(() => running.delete(task));
      running.add(task);
      return task;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      controller.abort(new DOMException("The authority stops", "AbortError"));
      await Promise.all(running);
      if (failures.length > 0) throw new AggregateError(failures, "The authority's own work failed");
    },
  };
}

/** Waits; ends at once on abort. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}

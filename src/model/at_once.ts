/**
 * Does at once what needs no waiting, as the promise that a port owes: a call that was aborted already rejects with its
 * reason and does nothing, and what `work` throws is a rejection.
 */
export function atOnce<T>({ signal }: { readonly signal: AbortSignal }, work: () => T): Promise<T> {
  return new Promise((resolve) => {
    signal.throwIfAborted();
    resolve(work());
  });
}

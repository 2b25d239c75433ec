/** Signals that end the demo early: Ctrl-C, `kill`, a terminal that is closed. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

type Name = keyof typeof SIGNALS;

/** The wish to end. From the first signal on, the clean-up has the time that it needs. */
export interface Stop extends Disposable {
  readonly signal: AbortSignal;
  /** Exit status of a program that the signal ended; undefined as long as there was none. */
  readonly status: number | undefined;
}

/** Listens for signals until disposed. */
export function stopSignals(): Stop {
  const controller = new AbortController();
  let status: number | undefined;
  const listeners = (Object.keys(SIGNALS) as readonly Name[]).map((name) => {
    const listener = (): void => {
      status ??= 128 + SIGNALS[name];
      controller.abort(new Error(`ended by ${name}`));
    };
    Deno.addSignalListener(name, listener);
    return (): void => Deno.removeSignalListener(name, listener);
  });
  return {
    signal: controller.signal,
    get status(): number | undefined {
      return status;
    },
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}

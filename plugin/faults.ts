import { codeOf, describe, withoutPem } from "../src/model/errors.ts";
import type { Events } from "../src/ports.ts";

/**
 * Tells what nobody awaited and what was thrown where nobody could catch it. The runtime would end the process at it, and with it
 * the work for all other certificates; what was under way is looked at again by the keeper. Disposing ends the watch.
 */
export function watchFaults(events: Events): Disposable {
  const tell = (event: Event, fault: unknown): void => {
    event.preventDefault();
    const code = codeOf(fault);
    events.emit({
      level: "error",
      name: "sidecar.fault",
      text: `Something went wrong where nobody looked: ${withoutPem(describe(fault))}`,
      fields: { code, stack: withoutPem(fault instanceof Error ? fault.stack ?? "" : "") },
    });
  };
  const rejected = (event: PromiseRejectionEvent): void => tell(event, event.reason);
  const thrown = (event: ErrorEvent): void => tell(event, event.error);
  addEventListener("unhandledrejection", rejected);
  addEventListener("error", thrown);
  return {
    [Symbol.dispose](): void {
      removeEventListener("unhandledrejection", rejected);
      removeEventListener("error", thrown);
    },
  };
}

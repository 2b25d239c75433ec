import { clockOffsetMs } from "../model/clock_offset.ts";
import { renewalWindow } from "../model/renewal.ts";
import { ASK_MS, type RenewalAnswer } from "../model/renewal_record.ts";
import { retryAfterMs } from "../model/retry_after.ts";
import { type Fields, given, instant, object, optional, text } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { readJson } from "./answer.ts";
import type { DirectorySource } from "./directory.ts";
import { isGood, refusal } from "./refusal.ts";
import type { Answer, Send } from "./transport.ts";

const DOING = "ask for renewal information";
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/**
 * Asks when the CA wants a certificate to be replaced (RFC 9773 §4.1): a plain GET, sent once, because what is behind it can
 * wait.
 *
 * @returns Undefined where the directory lists no renewal information.
 */
export async function askRenewalInfo(
  { send, directory }: { readonly send: Send; readonly directory: DirectorySource },
  certId: string,
  call: Call,
): Promise<RenewalAnswer | undefined> {
  const { resources: { renewalInfo } } = await directory.get(call);
  if (renewalInfo === undefined) return undefined;
  return readRenewalInfo(await send({ method: "GET", url: below(renewalInfo, certId), doing: DOING }, call));
}

/**
 * Reads an answer about renewal. What cannot be used, be it a page, a refusal or a window that ends before it starts, is an
 * answer without a window (RFC 9773 §4.2, §4.3.3).
 *
 * @throws {SidecarError} If the CA is only busy or ill for the moment: then it can be asked again soon.
 */
export function readRenewalInfo(answer: Answer): RenewalAnswer {
  const { status, headers, at } = answer;
  if (status === 408 || status === 429 || status >= 500) throw refusal(answer, DOING);
  const asked = retryAfterMs(headers, at);
  return {
    ...(isGood(answer) ? usable(answer) : {}),
    askAfterMs: asked === undefined ? ASK_MS : Math.min(Math.max(asked, MINUTE), DAY), // §4.3.2
    ...given("clockOffsetMs", clockOffsetMs(headers, at)),
  };
}

function usable(answer: Answer): Pick<RenewalAnswer, "window" | "explanationUrl"> {
  try {
    return readJson(answer, "the renewal information", (it) => {
      const suggested = object(it["suggestedWindow"], "suggestedWindow");
      const window = renewalWindow(instant(suggested, "start"), instant(suggested, "end"));
      return window === undefined ? {} : { window, ...given("explanationUrl", page(it)) };
    });
  } catch {
    return {}; // no JSON, or not what it should be
  }
}

/** A web page that a person can open. */
function page(from: Fields): URL | undefined {
  try {
    const url = URL.parse(optional(from, "explanationURL", text) ?? "");
    return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
  } catch {
    return undefined; // a page that is none does not spoil the window
  }
}

function below(resource: URL, certId: string): URL {
  const url = new URL(resource);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${certId}`;
  return url;
}

import { AcmeProblemError, SidecarError } from "../model/errors.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock } from "../ports.ts";
import { sharedFlight } from "./flight.ts";
import { DIRECTORY_MS } from "./limits.ts";
import { type Directory, readDirectory } from "./read_directory.ts";
import { isGood, refusal } from "./refusal.ts";
import { repeated } from "./repeat.ts";
import type { Answer, Send } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

/** The directory as it is known now. */
export interface DirectorySource {
  /** Fetches it where it is not known, or too old. */
  get(call: Call): Promise<Directory>;
  /** Fetches it anew next time, if `url` is one of its own: the CA did not know it. */
  doubt(url: URL): void;
}

/** What a {@linkcode directorySource} is made of. */
export interface DirectoryOptions {
  readonly url: URL;
  readonly send: Send;
  readonly urls: UrlPolicy;
  readonly clock: Clock;
}

/** Makes a {@linkcode DirectorySource}: nothing is asked before somebody needs it, and then once for all who wait. */
export function directorySource(options: DirectoryOptions): DirectorySource {
  const { urls, clock } = options;
  let known: { readonly directory: Directory; readonly until: number } | undefined;
  const fetched = sharedFlight(async (call) => {
    const directory = await repeated(clock, call, async () => readDirectory(await request(options, call), urls));
    known = { directory, until: clock.now().getTime() + DIRECTORY_MS };
    return directory;
  });
  return {
    async get(call): Promise<Directory> {
      if (known !== undefined && clock.now().getTime() < known.until) return known.directory;
      return await named(() => fetched(call));
    },
    doubt(unknown): void {
      const own = known === undefined ? [] : Object.values(known.directory.resources);
      if (own.some((it) => it?.href === unknown.href)) known = undefined;
    },
  };
}

const DOING = "read the directory";

/** A redirect is followed once: some CAs moved theirs. */
async function request(options: DirectoryOptions, call: Call): Promise<Answer> {
  const { url, send, urls } = options;
  const first = await send({ method: "GET", url, doing: DOING }, call);
  const to = first.headers.get("location");
  if (first.status < 300 || first.status >= 400 || to === null) return good(first);
  return good(await send({ method: "GET", url: urls(to, url, "location"), doing: DOING }, call));
}

function good(answer: Answer): Answer {
  if (!isGood(answer)) throw refusal(answer, DOING, { beforeAll: true });
  return answer;
}

/** Says which setting is to be looked at: most often the address is simply another one. */
async function named<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof SidecarError) || error instanceof AcmeProblemError) throw error;
    throw new SidecarError(error.code, error.message, {
      field: "acme_directory_url",
      todo: advice(error),
      ...given("retryAt", error.retryAt),
      ...given("status", error.status),
      ...given("beforeAll", error.beforeAll),
      cause: error,
    });
  }
}

function advice({ code, todo = "" }: SidecarError): string {
  if (/ACME_(?:HOSTS|CA_FILE)/.test(todo)) return todo;
  return code === "CA_TRANSPORT" ? `check ACME_DIRECTORY_URL, or ${todo}` : "check ACME_DIRECTORY_URL";
}

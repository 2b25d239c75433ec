import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { Problem } from "../problem.ts";
import { firstReachable, type Look } from "./look.ts";

const MOST_REDIRECTS = 10;
/** A body of this size or more is refused; a key authorization has 87 bytes. */
const MOST_BYTES = 128;
const REDIRECTS: readonly unknown[] = [301, 302, 303, 307, 308];

interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
  readonly isTooLong: boolean;
}

/** RFC 8555 §8.3, with the limits of Boulder. */
export async function http01(look: Look): Promise<void> {
  const { url, page } = await followed(look, new URL(`http://${look.name}/.well-known/acme-challenge/${look.token}`));
  if (page.status !== 200) throw new Problem("unauthorized", `Invalid response from ${url}: ${page.status}`);
  if (page.isTooLong) {
    throw new Problem("unauthorized", `Invalid response from ${url}: "${page.body.slice(0, MOST_BYTES)}"`);
  }
  const body = page.body.trimEnd(); // §8.3: white space after it does not count
  if (body === look.keyAuthorization) return;
  const text = "The key authorization file from the server did not match this challenge. " +
    `Expected "${look.keyAuthorization}" (got "${body}")`;
  throw new Problem("unauthorized", text);
}

async function followed(look: Look, first: URL): Promise<{ readonly url: URL; readonly page: Page }> {
  let url = first;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const page = await get(look, url);
    if (!REDIRECTS.includes(page.status) || page.location === undefined) return { url, page };
    url = redirectTarget(look, new URL(page.location, url));
  }
  throw new Problem("connection", `Fetching ${url}: Too many redirects`);
}

/** Only the two schemes on the two ports, only names. */
function redirectTarget({ httpPort, tlsPort }: Look, url: URL): URL {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const text = "Invalid protocol scheme in redirect target. " +
      `Only "http" and "https" protocol schemes are supported, not "${url.protocol.slice(0, -1)}"`;
    throw new Problem("connection", `Fetching ${url}: ${text}`);
  }
  const port = portOf({ httpPort, tlsPort }, url);
  if (port !== httpPort && port !== tlsPort) {
    const text = `Invalid port in redirect target. Only ports ${httpPort} and ${tlsPort} are supported, not ${port}`;
    throw new Problem("connection", `Fetching ${url}: ${text}`);
  }
  if (isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) {
    const text = `Invalid host in redirect target "${url.hostname}". Only domain names are supported, not IP addresses`;
    throw new Problem("connection", `Fetching ${url}: ${text}`);
  }
  return url;
}

function portOf({ httpPort, tlsPort }: Pick<Look, "httpPort" | "tlsPort">, url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "http:" ? httpPort : tlsPort;
}

async function get(look: Look, url: URL): Promise<Page> {
  const port = portOf(look, url);
  try {
    const { resolver, signal } = look;
    const { found } = await firstReachable(
      { name: url.hostname, resolver, signal },
      port,
      (address) => fetchPage(url, address, port, signal),
    );
    return found;
  } catch (error) {
    if (!(error instanceof Problem) || error.type !== "connection") throw error;
    const [address, ...words] = error.message.split(": ");
    throw new Problem("connection", `${address}: Fetching ${url}: ${words.join(": ")}`);
  }
}

/** The certificate of a redirect's target is not looked at: the name has none yet. */
function fetchPage(url: URL, address: string, port: number, signal: AbortSignal): Promise<Page> {
  const request = url.protocol === "http:" ? requestHttp : requestHttps;
  return new Promise((resolve, reject) => {
    const asking = request({
      host: address,
      port,
      path: url.pathname + url.search,
      headers: { host: url.host, "user-agent": "test-authority/1", accept: "*/*", connection: "close" },
      agent: false,
      signal,
      ...(url.protocol === "http:" ? {} : { servername: url.hostname, rejectUnauthorized: false }),
    }, (response) => {
      const { statusCode: status = 0, headers: { location } } = response;
      let body = "";
      const done = (): void => resolve({ status, location, body, isTooLong: body.length >= MOST_BYTES });
      response.setEncoding("latin1");
      response.on("data", (text: string) => {
        body += text;
        if (body.length < MOST_BYTES) return;
        done();
        response.destroy();
      });
      response.on("end", done);
      response.on("error", reject);
    });
    asking.on("error", reject);
    asking.end();
  });
}

import { InputError } from "../model/errors.ts";
import { badAnswer } from "./failure.ts";

/**
 * Takes a URL that the CA gave, relative ones resolved, or refuses it: whoever answers in the CA's place must not send us,
 * with our signature, to places inside the network.
 *
 * @param text As written.
 * @param base What was asked when it was given.
 * @param field Where it stood, for the error.
 * @throws {SidecarError} `CA_ANSWER` if it is not https on a host that is allowed.
 */
export type UrlPolicy = (text: string, base: URL, field: string) => URL;

/**
 * Allows https URLs on the directory's host and on `hosts`; plain http only where the directory is on loopback and so is
 * plain itself.
 *
 * @param hosts Further hosts, `name` or `name:port`.
 * @throws {InputError} If the directory URL cannot be used.
 */
export function urlPolicy(directory: URL, hosts: readonly string[] = []): UrlPolicy {
  checkDirectory(directory);
  const allowed = new Set([directory.host, ...hosts.map((host) => host.trim().toLowerCase().replace(/:443$/, ""))]);
  return (text, base, field) => {
    const url = URL.parse(text, base);
    if (url === null) throw badAnswer(`Cannot follow "${field}": it is not a URL`);
    if (url.protocol !== directory.protocol && url.protocol !== "https:") {
      throw badAnswer(`Cannot follow "${field}": it is not an https URL`);
    }
    if (url.username !== "" || url.password !== "" || url.hash !== "") {
      throw badAnswer(`Cannot follow "${field}": its URL has a user, a password or a fragment`);
    }
    if (!allowed.has(url.host)) throw elsewhere(url, directory, field);
    return url;
  };
}

function checkDirectory(directory: URL): void {
  const plain = directory.protocol === "http:" && isLoopback(directory.hostname);
  if (directory.protocol === "https:" || plain) return;
  throw new InputError(
    "acme_directory_url",
    `Cannot use ${directory.origin} as a CA: ${directory.protocol}// is not secure`,
    "write an https URL",
  );
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function elsewhere(url: URL, directory: URL, field: string): Error {
  return badAnswer(
    `Cannot follow "${field}": it is on ${url.host}, the CA's directory on ${directory.host}`,
    `add ${url.host} to ACME_HOSTS if it belongs to the CA`,
  );
}

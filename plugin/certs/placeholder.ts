import type { Clock, Events } from "../../src/ports.ts";
import { withFile } from "./crt_list.ts";
import { createEmpty, kindOf, readIfThere, replaceFile, visibleFiles } from "./files.ts";
import { type CertificatePlace, checkFolder, fileIn, lbPath } from "./place.ts";

/** What a balancer has to find before it can start. */
export interface Needs {
  readonly name: string;
  readonly certificates: CertificatePlace;
  /** The crt-list of the `acme-tls/1` frontend. */
  readonly challenges?: string;
  readonly defaultFile?: string;
  readonly lbRoot?: string;
}

/** Sorts before everything that is issued, and so is the default certificate until somebody names another one. */
export const PLACEHOLDER = "00-placeholder.pem";

/**
 * Puts in place what HAProxy does not start without: one certificate in its directory, or in its crt-list, and a list of
 * challenges, which may be empty. What is there is left alone.
 *
 * @param leaving A file that is about to go, and does not count.
 * @throws {SidecarError} `BALANCER_CONFIG` if the place is not there or cannot be written.
 */
export async function preparePlaces(
  needs: Needs,
  { clock, events }: { readonly clock: Clock; readonly events: Events },
  leaving?: string,
): Promise<void> {
  const { name, certificates: place, challenges, defaultFile } = needs;
  if (challenges !== undefined && await kindOf(challenges) === undefined) {
    await createEmpty(challenges);
    tell(challenges);
  }
  await checkFolder(name, place);
  if (!await isEmpty(place, leaving)) return;
  const path = fileIn(place, defaultFile === undefined || defaultFile === leaving ? PLACEHOLDER : defaultFile);
  if (await kindOf(path) === undefined) {
    const { placeholderCertificate } = await import("../../mod.ts"); // of all starts, only the first one needs it
    await replaceFile(path, await placeholderCertificate(clock.now()));
    tell(path);
  }
  if (place.kind === "crt-list") {
    await replaceFile(place.path, withFile(await readIfThere(place.path) ?? "", lbPath(needs, path)));
    tell(place.path);
  }

  function tell(path: string): void {
    const text = `${name}: made ${path}, which its HAProxy needs to start`;
    events.emit({ level: "info", name: "balancer.prepared", text, fields: { balancer: name, path } });
  }
}

async function isEmpty(place: CertificatePlace, leaving: string | undefined): Promise<boolean> {
  if (place.kind === "directory") return (await visibleFiles(place.path)).every((file) => file === leaving);
  const list = await readIfThere(place.path) ?? "";
  return list.split("\n").every((line) => /^\s*(?:#|$)/.test(line));
}

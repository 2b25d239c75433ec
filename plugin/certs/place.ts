import { SidecarError } from "../../src/model/errors.ts";
import { kindOf } from "./files.ts";
import { parent } from "./paths.ts";

/** Where a balancer's certificates are, as this process sees the paths. */
export type CertificatePlace =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "crt-list"; readonly path: string; readonly store: string };

/** Where the file of a certificate is. */
export function fileIn(place: CertificatePlace, file: string): string {
  return `${place.kind === "directory" ? place.path : place.store}/${file}`;
}

/**
 * A path as the balancer sees it: what lies in the folder of `certs` is below `lb-root`, where that is given; the rest is
 * the same for both.
 */
export function lbPath(
  { certificates, lbRoot }: { readonly certificates: CertificatePlace; readonly lbRoot?: string },
  path: string,
): string {
  const root = parent(certificates.path);
  if (lbRoot === undefined || !path.startsWith(root === "/" ? root : `${root}/`)) return path;
  return `${lbRoot}/${path.slice(root === "/" ? 1 : root.length + 1)}`;
}

/**
 * Checks that the place is there, as what it was configured to be.
 *
 * @param name The balancer's name, for the error.
 * @throws {SidecarError} `BALANCER_CONFIG`.
 */
export async function checkPlace(name: string, place: CertificatePlace): Promise<void> {
  if (place.kind === "crt-list") await checkKind(name, place, "crt-list", "file");
  await checkFolder(name, place);
}

/** The part of {@linkcode checkPlace} that is about the folder of the PEM files. */
export async function checkFolder(name: string, place: CertificatePlace): Promise<void> {
  await checkKind(name, place, place.kind === "directory" ? "certificate directory" : "store", "directory");
}

async function checkKind(
  name: string,
  place: CertificatePlace,
  what: "crt-list" | "certificate directory" | "store",
  kind: "file" | "directory",
): Promise<void> {
  const path = place.kind === "crt-list" && what === "store" ? place.store : place.path;
  const found = await kindOf(path);
  if (found === kind) return;
  const fault = found === undefined ? "does not exist" : `is a ${found}`;
  throw new SidecarError("BALANCER_CONFIG", `Load balancer ${name}: its ${what} ${path} ${fault}`, {
    field: "load_balancers",
    todo: place.kind === "directory" && found === "file"
      ? "add store= with the folder of the crt-list's PEM files"
      : "make it, share it with the balancer, and name it in a bind line of haproxy.cfg",
  });
}

/**
 * What is wrong where the CA's own list of what it has issued says what is right.
 *
 * @module
 */
import { parseDnsName } from "../../src/model/dns_name.ts";
import { certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import type { Certificate } from "../../test/ca/mod.ts";
import { CALL } from "../../test/support/fakes.ts";
import { fingerprintOf } from "../../test/support/pki.ts";
import { clientSees } from "../../test/support/reconcile_stage.ts";
import type { LeftStores } from "../../test/support/sidecar.ts";
import { BALANCERS, NAMES, newestOf, type Scene } from "./drift_scene.ts";

/** Names that a client does not see as the CA issued them last, by balancer. */
export async function notServed({ authority, haproxies }: Scene): Promise<readonly string[]> {
  const newest = newestOf(authority);
  const looks = haproxies.flatMap((haproxy, i) =>
    NAMES.map(async (name): Promise<readonly string[]> => {
      const seen = await clientSees(haproxy, name);
      return isSame(seen, newest.get(name)) ? [] : [`${BALANCERS[i]} ${name}`];
    })
  );
  return (await Promise.all(looks)).flat();
}

/** Names of which the vault does not hold what the CA issued last. */
export async function notHeld({ authority }: Scene, { vault }: LeftStores): Promise<readonly string[]> {
  const newest = newestOf(authority);
  const looks = NAMES.map(async (name): Promise<readonly string[]> => {
    const { bundle } = certificateSecrets(defaultSecretName(parseDnsName(name)));
    const held = (await vault.read(bundle, CALL))?.value;
    return held !== undefined && isSame(fingerprintOf(held), newest.get(name)) ? [] : [`vault ${name}`];
  });
  return (await Promise.all(looks)).flat();
}

/** Names that have another number of certificates than were asked for. */
export function miscounted({ authority, recalled }: Pick<Scene, "authority" | "recalled">): readonly string[] {
  const byName = Map.groupBy(authority.certificates, ({ names: [name = ""] }) => name);
  return NAMES.flatMap((name) => {
    const made = byName.get(name) ?? [];
    const wanted = 1 + made.filter(({ serial }) => recalled.has(serial)).length;
    return made.length === wanted ? [] : [`${name} has ${made.length} certificates, not ${wanted}`];
  });
}

function isSame(fingerprint: string | undefined, certificate: Certificate | undefined): boolean {
  const [chain] = certificate?.chains ?? [];
  return chain !== undefined && fingerprint === fingerprintOf(chain);
}

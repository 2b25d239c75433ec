import { nameSet } from "../model/dns_name.ts";
import type { CertificateRecord, Intent } from "../model/records.ts";
import type { RevocationReason } from "../model/revocation.ts";
import { defaultSecretName } from "../model/secret_name.ts";
import type { Call } from "../ports.ts";
import { acceptAside, asideOf, clearAside } from "./aside.ts";
import { balancersAsked, checkBalancers, onlyBalancer } from "./choose_balancer.ts";
import { currentRecord, heldCertificate, shown } from "./held.ts";
import { type ForeignCertificate, judgeForeign, readForeign, storeForeign } from "./import.ts";
import type { Certificates } from "./inner_service.ts";
import type { FlowParts } from "./parts.ts";
import { removeCertificates } from "./remove.ts";
import { checkRevocable, isRevocable, revokeCertificate } from "./revoke.ts";
import type { HeldCertificate, ImportRequest } from "./service.ts";
import { working, type Workshop } from "./workshop.ts";

/** What a person does to certificates without ordering any. */
export function changes(
  shop: Workshop,
): Pick<
  Certificates,
  "importCertificate" | "acceptCertificate" | "removeCertificate" | "endTwin" | "revokeCertificate"
> {
  const { parts, flights, turns, swaps } = shop;
  return {
    async importCertificate(request: ImportRequest, call: Call): Promise<HeldCertificate> {
      const foreign = await readForeign(request, parts.clock.now());
      const intent = await foreignIntent(parts, foreign, request, call);
      await checkBalancers(parts, intent.balancers, call);
      const { bundle } = foreign;
      const flight = ["import", intent.secretName, bundle.facts.fingerprint, ...intent.balancers].join(" ");
      return await flights.join(flight, async (own) => {
        const store = async (): Promise<CertificateRecord> => {
          const warnings = await judgeForeign(parts, intent, bundle, request, own);
          return await storeForeign(parts, intent, bundle, warnings, own);
        };
        return await swaps.redeploy(await turns.take(nameSet(intent.names), store, own), own);
      }, call);
    },

    async acceptCertificate(subject: string, call: Call): Promise<HeldCertificate | undefined> {
      const found = await asideOf(parts, subject, call);
      if (found === undefined) return undefined;
      const { names, secretName, balancers } = found.intent;
      await checkBalancers(parts, balancers, call);
      return await flights.join(`accept ${secretName}`, async (own) => {
        const accept = async (): Promise<CertificateRecord | undefined> => {
          const now = (await parts.records.asides.get(secretName, own))?.value; // a better one may have come
          return now === undefined ? undefined : await acceptAside(parts, now, own);
        };
        const record = await turns.take(nameSet(names), accept, own);
        return record === undefined ? undefined : await swaps.redeploy(record, own);
      }, call);
    },

    async removeCertificate(subject: string, options: { readonly force: boolean }, call: Call): Promise<boolean> {
      const found = (await heldCertificate(parts, subject, call))?.record;
      if (found === undefined) return await dropAside(parts, subject, call);
      const { secretName } = found.intent;
      return await flights.join(`remove ${secretName} ${options.force}`, async (own) => {
        // After what is under way for its names, and while no swap of it is: else it would be back.
        await turns.take(nameSet(found.intent.names), async () => {
          await remove(shop, [...await twinsOf(parts, found, own), found], options, own);
        }, own);
        return true;
      }, call);
    },

    endTwin(record: CertificateRecord, call: Call): Promise<void> {
      return flights.join(`end ${record.intent.secretName}`, (own) => {
        const end = (): Promise<void> => remove(shop, [record], { force: true }, own);
        return turns.take(nameSet(record.intent.names), end, own);
      }, call);
    },

    async revokeCertificate(
      subject: string,
      reason: RevocationReason,
      call: Call,
    ): Promise<HeldCertificate | undefined> {
      const found = (await heldCertificate(parts, subject, call))?.record;
      if (found === undefined) return undefined;
      checkRevocable(parts, found);
      const twins = (await twinsOf(parts, found, call)).filter((it) => isRevocable(parts, it));
      // Where one is left, the command is repeated for that one; where none is, the CA says so.
      const left = [found, ...twins].filter((it) => it.revoked === undefined);
      return await flights.join(`revoke ${found.facts.fingerprint} ${reason}`, async (own) => {
        for (const it of left.length > 0 ? left : [found]) {
          await working(shop, ({ account }) => revokeCertificate(parts, account, it, reason, own), own);
        }
        return await shown(parts, await currentRecord(parts, found.intent.secretName, own) ?? found, own);
      }, call);
    },
  };
}

function remove(
  { parts, swaps }: Workshop,
  pair: readonly CertificateRecord[],
  options: { readonly force: boolean },
  call: Call,
): Promise<void> {
  const names = pair.map(({ intent }) => intent.secretName);
  return swaps.whileNone(names, () => removeCertificates(parts, pair, options, call), call);
}

/** Also one that is not wanted any more. */
async function twinsOf(
  { records }: FlowParts,
  { intent }: CertificateRecord,
  call: Call,
): Promise<readonly CertificateRecord[]> {
  const all = (await records.certificates.list(call)).map((entry) => entry.value);
  return all.filter((it) => it.intent.twinOf === intent.secretName);
}

/** Where the only certificate of a subject was kept aside, that is what there is to remove. */
async function dropAside(parts: FlowParts, subject: string, call: Call): Promise<boolean> {
  const aside = await asideOf(parts, subject, call);
  if (aside === undefined) return false;
  await clearAside(parts, aside.intent.secretName, call);
  return true;
}

/** An imported certificate takes the place of the one of the same subject, its secrets' names and its balancers. */
async function foreignIntent(
  parts: FlowParts,
  { names, keyType }: ForeignCertificate,
  request: ImportRequest,
  call: Call,
): Promise<Intent> {
  const former = (await heldCertificate(parts, names[0], call))?.record.intent;
  const known = (await parts.records.authorizations.list(call)).map((entry) => entry.value)
    .filter((it) => names.includes(it.name));
  const links = [...new Set([...former?.balancers ?? [], ...known.flatMap((it) => it.balancer ?? [])])]
    .filter((name) => parts.balancers.has(name));
  return {
    names,
    keyType,
    secretName: former?.secretName ?? defaultSecretName(names[0]),
    certType: former?.certType ?? "fullchain",
    balancers: balancersAsked(parts, request) ?? (links.length > 0 ? links : onlyBalancer(parts)),
  };
}

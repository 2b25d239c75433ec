import { AcmeProblemError, describe, OrderParkedError, SidecarError } from "../model/errors.ts";
import { nextStep, type Order } from "../model/order.ts";
import { isProblem } from "../model/problem.ts";
import type { CertificateRecord, Intent, OrderRecord } from "../model/records.ts";
import { orderKeyName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { bundleWrites, readSecret } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { chainMatches } from "../x509/bundle.ts";
import { createCsr } from "../x509/csr.ts";
import { generateKey, importKey, type KeyPair } from "../x509/keys.ts";
import { asideError, clearAside } from "./aside.ts";
import { admit } from "./admit.ts";
import { type OpenOrder, writeOrder } from "./orders.ts";
import { tellWarnings } from "./standing.ts";
import { pollOrder } from "./poll.ts";
import { whyInvalid } from "./failure.ts";
import { noteRefusal, releaseNames } from "./quarantine.ts";
import { closeRecords, type Preference, type ProofParts, proveOrder } from "./proof.ts";

type Located = OpenOrder["record"];

/** Between CSRs of one order that the CA goes on refusing. */
const CSR_REST_MS = 24 * 3_600_000;

/**
 * Takes an order to its end: one case a step of {@linkcode nextStep}, each written down before it is done. What it returns is
 * in the vault.
 */
export async function completeOrder(
  parts: ProofParts,
  open: OpenOrder,
  intent: Intent,
  preference: Preference,
  call: Call,
): Promise<CertificateRecord> {
  let { record, order } = open;
  for (let proven = false;;) {
    const step = nextStep(order, proven);
    switch (step.do) {
      case "prove":
        order = await prove(parts, record, order, preference, call);
        proven = true;
        break;
      case "finalize":
        await closeRecords(parts, order, call);
        [record, order] = await finalize(parts, record, order, intent, call);
        break;
      case "wait":
        order = await pollOrder(parts.account.authority, parts.clock, order, (it) => it.status !== order.status, call);
        break;
      case "download":
        await closeRecords(parts, order, call);
        await releaseNames(parts, record.names, "its certificate is issued", call);
        return await download(parts, record, step.from, intent, call);
      case "abandon":
        throw await abandon(parts, record, order, call);
    }
  }
}

/** Proves the names; an order that has to wait for a person is parked. */
async function prove(
  parts: ProofParts,
  record: Located,
  order: Order,
  preference: Preference,
  call: Call,
): Promise<Order> {
  try {
    return await proveOrder(parts, order, preference, call);
  } catch (error) {
    if (error instanceof OrderParkedError) await writeOrder(parts, { ...record, step: "parked" }, call);
    throw error;
  }
}

/** The certificate's key is sealed, then the step is written down, then the CSR leaves (RFC 8555 §7.4). */
async function finalize(
  parts: ProofParts,
  record: Located,
  order: Order,
  intent: Intent,
  call: Call,
): Promise<[Located, Order]> {
  const key = await sealedKey(parts, record, intent, call);
  const refusals = record.step === "finalizing" ? record.refusals : undefined;
  const step = { ...common(record), url: record.url, step: "finalizing" as const };
  const written = await writeOrder(parts, { ...step, ...given("refusals", refusals) }, call);
  try {
    return [written, await parts.account.authority.finalize(order, await createCsr(intent.names, key), call)];
  } catch (error) {
    // orderNotReady: somebody was faster, perhaps we ourselves before a restart (§7.4); its state says how to go on.
    const stale = error instanceof AcmeProblemError && isProblem(error.problem, "orderNotReady");
    if (error instanceof AcmeProblemError) await noteRefusal(parts, record.names, error, call);
    // A key that the CA never takes would be refused for ever: the next attempt makes another one for the same order. Nothing
    // else in a CSR could be put right.
    if (error instanceof AcmeProblemError && isProblem(error.problem, "badPublicKey", "badCSR")) {
      await parts.vault.remove(orderKeyName(record.id), call);
      if (isProblem(error.problem, "badCSR")) throw await csrRefused(parts, written, error, call);
    }
    const unheard = error instanceof SidecarError && error.code === "CA_TRANSPORT";
    if (!stale && !unheard) throw error;
    const now = await parts.account.authority.order(record.url, call);
    if (now.status === "ready" || now.status === "pending") throw error;
    return [written, now];
  }
}

/** After one corrected CSR the order rests for a day at a time, until a person acts or the CA forgets it. */
async function csrRefused(
  parts: ProofParts,
  written: Located & { readonly step: "finalizing" },
  error: AcmeProblemError,
  call: Call,
): Promise<AcmeProblemError> {
  const refusals = (written.refusals ?? 0) + 1;
  await writeOrder(parts, { ...written, refusals }, call);
  if (refusals < 2) return error;
  const { problem, pages, status } = error;
  const until = new Date(parts.clock.now().getTime() + CSR_REST_MS);
  return new AcmeProblemError(problem, {
    pages,
    ...given("status", status),
    cause: error,
    todo: `a corrected CSR was refused as well: read what the CA says, then run kontena certificate request ${
      written.names.join(" ")
    }; by itself it is tried once a day`,
    retryAt: new Date(Math.max(until.getTime(), error.retryAt?.getTime() ?? 0)),
  });
}

/** Downloads, judges, stores: after this the certificate is ours, whatever happens to the order. */
async function download(
  parts: ProofParts,
  record: Located,
  from: URL,
  intent: Intent,
  call: Call,
): Promise<CertificateRecord> {
  const { vault, records, clock, events } = parts;
  const stored = (await records.certificates.get(intent.secretName, call))?.value;
  if (stored?.origin === "ca" && stored.order.href === record.url.href) {
    return await forget(parts, record, stored, call);
  }
  const aside = (await records.asides.get(intent.secretName, call))?.value;
  if (aside?.order.href === record.url.href) throw await forget(parts, record, asideError(aside), call);
  const issued = await writeOrder(parts, atCertificate(record, from), call);
  const key = await findKey(parts, record, call);
  if (key === undefined) throw await keyLost(parts, record, call);
  const admission = await admit(parts, issued, intent, { pem: await chosenChain(parts, from, call), key }, call);
  if (admission.do === "close") throw await forget(parts, record, admission.error, call);
  if (admission.do === "look again") {
    if (admission.looks !== undefined) await writeOrder(parts, { ...issued, looks: admission.looks }, call);
    throw admission.error;
  }
  const { bundle, warnings } = admission;
  const held: CertificateRecord = {
    intent,
    facts: bundle.facts,
    origin: "ca",
    directory: parts.authority.directory,
    account: parts.account.authority.url,
    order: record.url,
    storedAt: clock.now(),
    ...given("warnings", warnings.length === 0 ? undefined : warnings),
  };
  await vault.write(bundleWrites(intent.secretName, bundle, intent.certType), { ...call, mayWait: true });
  await records.certificates.put(intent.secretName, held, call);
  await clearAside(parts, intent.secretName, call);
  await forget(parts, record, held, call);
  const { serial, notAfter } = bundle.facts;
  events.emit({
    level: "info",
    name: "certificate.stored",
    text: `Certificate for ${intent.names.join(", ")} is in the vault, valid until ${notAfter.toISOString()}`,
    fields: { subject: intent.names[0], serial, secret: intent.secretName },
  });
  tellWarnings(parts, intent, warnings);
  return held;
}

/** What came of earlier looks is kept. */
function atCertificate(record: Located, certificate: URL): OrderRecord & { readonly step: "issued" } {
  const looks = record.step === "issued" ? record.looks : undefined;
  return { ...common(record), url: record.url, step: "issued", certificate, ...given("looks", looks) };
}

/** The order has served its end. Its record goes last: a restart in between finds it, and forgets the key after all. */
async function forget<T>(parts: ProofParts, record: Located, result: T, call: Call): Promise<T> {
  await parts.vault.remove(orderKeyName(record.id), { ...call, mayWait: true });
  await parts.records.orders.remove(record.id, call);
  return result;
}

/** The default chain, or the first alternate that leads to the preferred issuer (RFC 8555 §7.4.2). */
async function chosenChain(parts: ProofParts, from: URL, call: Call): Promise<string> {
  const { authority } = parts.account;
  const issuer = parts.settings.preferredChain;
  const first = await authority.certificate(from, call);
  if (issuer === undefined || leadsTo(first.pem, issuer)) return first.pem;
  for (const url of first.alternates) {
    const other = await authority.certificate(url, call).catch(() => undefined); // the default is as good
    if (other !== undefined && leadsTo(other.pem, issuer)) return other.pem;
  }
  const text = `The CA offers no chain to ${issuer}; its default is used`;
  parts.events.emit({ level: "warn", name: "chain.default", text });
  return first.pem;
}

/** One that cannot be read leads nowhere; the gate says so. */
function leadsTo(pem: string, issuer: string): boolean {
  try {
    return chainMatches(pem, issuer);
  } catch (error) {
    if (error instanceof SidecarError) return false;
    throw error;
  }
}

/** The order's own key: made once, sealed before anything is sent that depends on it. */
async function sealedKey(parts: ProofParts, record: Located, intent: Intent, call: Call): Promise<KeyPair> {
  const sealed = await findKey(parts, record, call);
  if (sealed !== undefined) return sealed;
  const key = await generateKey(intent.keyType);
  await parts.vault.write([{ name: orderKeyName(record.id), value: key.pem, ifVersion: 0 }], {
    ...call,
    mayWait: true,
  });
  return key;
}

/**
 * The order's sealed key. One that was altered cannot be opened again: it goes, so that the order ends and another one follows.
 * Where it is the whole vault that cannot be opened, it does not go either.
 */
async function findKey({ vault, events }: ProofParts, record: Located, call: Call): Promise<KeyPair | undefined> {
  const name = orderKeyName(record.id);
  const sealed = await readSecret(vault, name, call);
  if (!(sealed instanceof SidecarError)) return sealed === undefined ? undefined : await importKey(sealed.value);
  await vault.remove(name, call);
  const text = `${describe(sealed)}; it is thrown away, and the certificate for ${
    record.names.join(", ")
  } gets another key`;
  const fields = { subject: record.names[0], code: sealed.code };
  events.emit({ level: "error", name: "order.key_altered", text, fields });
  return undefined;
}

/** The CA reused an order whose key is not ours to have: its certificate is of no use. */
async function keyLost(parts: ProofParts, record: Located, call: Call): Promise<SidecarError> {
  await parts.records.orders.remove(record.id, call);
  return new SidecarError(
    "CERTIFICATE_REJECTED",
    `The key of the order for ${record.names.join(", ")} is not in the vault`,
    {
      field: "cert_store",
      todo: "get the certificate again",
    },
  );
}

/** The CA gave the order up. Its record goes; the reason stays with the names. */
async function abandon(parts: ProofParts, record: Located, order: Order, call: Call): Promise<SidecarError> {
  return await forget(parts, record, await whyInvalid(parts, order, call), call);
}

function common(record: OrderRecord): Pick<OrderRecord, "id" | "directory" | "account" | "names" | "createdAt"> {
  const { id, directory, account, names, profile, replaces, intent, createdAt } = record;
  return {
    id,
    directory,
    account,
    names,
    createdAt,
    ...given("profile", profile),
    ...given("replaces", replaces),
    ...given("intent", intent),
  };
}

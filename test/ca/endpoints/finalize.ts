import type { Answer } from "../answer.ts";
import { payloadObject, type Signed } from "../envelope.ts";
import { textField } from "../fields.ts";
import { fromBase64Url } from "../jose/base64url.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Order } from "../state/types.ts";
import { checkCsr, type Checked } from "../x509/check_csr.ts";
import { orderAnswer, ownOrder } from "./order.ts";

/** RFC 8555 §7.4. A request that is refused leaves the order as it was. */
export async function finalize(parts: Parts, signed: Signed, { id }: { readonly id: string }): Promise<Answer> {
  const { store, settings, tasks, urls } = parts;
  const order = ownOrder(parts, signed, id);
  const payload = payloadObject(signed);
  const status = store.orderStatus(order);
  if (status !== "ready") {
    throw new Problem("orderNotReady", `Order's status ("${status}") is not acceptable for finalization`);
  }
  const csr = fromBase64Url(textField(payload, "csr"));
  if (csr === undefined) throw new Problem("malformed", "Error decoding Base64url-encoded CSR");
  const checked = await checkCsr(parts, csr, order.names);
  // Another request may have come while the signature was checked.
  if (store.orderStatus(order) !== "ready" || store.orders.get(id) !== order) {
    throw new Problem("orderNotReady", "Order is being finalized already");
  }
  const processing: Order = { ...order, outcome: { kind: "processing" } };
  store.put({ order: processing });
  const issuance = tasks.start(async (signal) => {
    try {
      await issue(parts, processing, checked, signal);
    } catch (error) {
      const problem = new Problem("serverInternal", "The certificate could not be issued");
      store.put({ order: { ...order, outcome: { kind: "failed", error: problem.toJSON() } } });
      throw error;
    }
  });
  if (settings.finalize === "valid") await issuance;
  const answer = orderAnswer(parts, settings.finalize === "valid" ? store.orders.get(id) ?? processing : processing);
  return settings.finalizeLocation ? { ...answer, location: urls.order(id) } : answer;
}

async function issue(parts: Parts, order: Order, csr: Checked, signal: AbortSignal): Promise<void> {
  const { store, issuer, settings, chance } = parts;
  signal.throwIfAborted();
  const profile = settings.profiles[order.profile];
  if (profile === undefined) throw new Error(`The order has the unknown profile "${order.profile}"`);
  const wanted = { ...csr, names: order.names, profile, now: settings.now(), serial: serial(parts) };
  const issued = await issuer.issue(await parts.faults.issue(parts, wanted));
  const { names, account, profile: profileName } = order;
  const certificate = { id: chance.ids.token(9), account, order: order.id, names, profile: profileName, ...issued };
  store.put({ certificate });
  const at = new Date(settings.now().getTime() + settings.issuanceDelayMs);
  store.put({ order: { ...order, outcome: { kind: "issued", certificate: certificate.id, at } } });
}

/** 17 bytes, the first never 0: half of them need a zero before them in DER, which RFC 9773 §4.1 keeps. */
function serial({ chance }: Parts): Uint8Array<ArrayBuffer> {
  const [first = 0, ...rest] = chance.serials.bytes(17);
  return Uint8Array.of(first || 1, ...rest);
}

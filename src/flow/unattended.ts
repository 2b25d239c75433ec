import { answered } from "../model/by_hand.ts";
import type { Intent } from "../model/records.ts";
import type { Call } from "../ports.ts";
import { bringAbout, fly, preferenceOf } from "./bring_about.ts";
import { recordsSeen, tellSeen } from "./by_hand.ts";
import { currentRecord } from "./held.ts";
import type { Certificates, Interrupted } from "./inner_service.ts";
import { issue, linksOf, resume } from "./issue.ts";
import { resting } from "./resting.ts";
import type { HeldCertificate } from "./service.ts";
import { accountOf, working, type Workshop } from "./workshop.ts";

/** Certificates that nobody waits for: declared, due, or left by a person to the keeper. */
export function unattended(
  shop: Workshop,
): Pick<Certificates, "openAccount" | "keep" | "finish" | "interrupted" | "resume"> {
  const { parts, answers } = shop;
  const { certificates, orders } = parts.records;
  const open = resting(parts.clock, (call) => accountOf(shop, call));
  return {
    async openAccount(call: Call): Promise<void> {
      await open(call);
    },

    async keep(intent: Intent, call: Call, { insists } = { insists: false }): Promise<HeldCertificate> {
      await open(call);
      return await bringAbout(shop, answered(intent), { first: "automatic", insists }, call);
    },

    async finish(intent: Intent, call: Call): Promise<HeldCertificate | undefined> {
      const proof = { ...parts, account: await open(call), answers };
      const before = await currentRecord(parts, intent.secretName, call);
      if (!await recordsSeen(proof, intent, call)) return undefined;
      tellSeen(parts, intent);
      const { balancers } = intent;
      const links = balancers.length > 0 ? balancers : await linksOf(proof, intent.names, call);
      const theirs: Intent = { ...intent, balancers: links.filter((it) => parts.balancers.has(it)), awaited: true };
      const preference = preferenceOf(parts, theirs, "record");
      return await fly(shop, theirs, async (own) => {
        const now = await currentRecord(parts, intent.secretName, own);
        if (now !== undefined && now.facts.fingerprint !== before?.facts.fingerprint) return now; // the person was faster
        return await working(shop, (proof) => issue(proof, theirs, preference, own), own);
      }, call);
    },

    async interrupted(call: Call): Promise<readonly Interrupted[]> {
      const all = (await orders.list(call)).map((entry) => entry.value);
      return all.flatMap((it) => it.intent === undefined || it.step === "parked" ? [] : [{ ...it, intent: it.intent }]);
    },

    async resume(record: Interrupted, call: Call): Promise<HeldCertificate> {
      const { intent } = record;
      await open(call);
      return await fly(shop, intent, async (own) => {
        const now = (await orders.get(record.id, own))?.value;
        const done = now === undefined ? (await certificates.get(intent.secretName, own))?.value : undefined;
        if (done !== undefined) return done; // somebody was faster
        const order = { ...now ?? record, intent };
        const preference = preferenceOf(parts, intent, intent.awaited === true ? "record" : "automatic");
        return await working(shop, (proof) => resume(proof, order, preference, own), own);
      }, call);
    },
  };
}

/**
 * Writes records down and reads them, in the time zone of its process: `write FOLDER` takes a certificate and an instant from
 * `CERTIFICATE` and `INSTANT`, `read FOLDER` prints what it finds, each with the local time that it stands for.
 *
 * @module
 */
import { systemClock } from "../../plugin/clock.ts";
import { openSqlite, sqliteLedger } from "../../plugin/sqlite/mod.ts";
import { recordsOf } from "../../src/ledger/records.ts";
import { renewalTimes } from "../../src/model/renewal.ts";
import { certificateFacts } from "../../src/x509/certificate.ts";
import { readPem } from "../../src/x509/pem.ts";
import { CALL } from "./fakes.ts";

const [mode, folder] = Deno.args;
await using store = openSqlite(`${folder}/ledger.db`);
const { renewals } = recordsOf(sqliteLedger(store, systemClock));
const at = new Date(Deno.env.get("INSTANT")!);
const facts = certificateFacts(readPem(Deno.env.get("CERTIFICATE")!)[0]!.der);

if (mode === "write") {
  const draw = { window: { start: at, end: new Date(at.getTime() + 3_600_000) }, at };
  await renewals.put("A", { certId: "a.b", draw, askedAt: at, askAt: at, failures: 0, recalls: 0 }, CALL);
}
const found = (await renewals.get("A", CALL))!.value;
console.log(JSON.stringify({ local: at.toString(), found, facts, times: renewalTimes(facts) }));

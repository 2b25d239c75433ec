import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  hasTransactionPart,
  isDenied,
  readAbort,
  readAdd,
  readCertificate,
  readCertificates,
  readCommit,
  readDelete,
  readDeleteEntry,
  readEntries,
  readFiles,
  readInfo,
  readLists,
  readNew,
  readSet,
  readTransaction,
  readWorkers,
} from "../../../plugin/haproxy/replies.ts";

const FILE = "/etc/haproxy/certs/a.pem";
const OTHER = "/etc/haproxy/certs/a.pem.b.pem";
const LIST = "/etc/haproxy/certs";
const LOCKED = "Can't update the certificate!\nOperations on certificates are currently locked!\n\n";

Deno.test("readInfo() reads pid and version", () => {
  const reply =
    "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nRelease_date: 2026/10/17\nNbproc: 1\nPid: 13462\nUptime: 0d\n\n";
  assertEquals(readInfo(reply), { pid: 13462, version: { major: 2, minor: 6, text: "2.6.12-1+deb12u4" } });
  assertEquals(readInfo(reply.replace("2.6.12-1+deb12u4", "3.4-dev5"))?.version.minor, 4);
  const own = readInfo(reply.replace("2.6.12-1+deb12u4", "of-our-own"))?.version;
  assertEquals(own, { major: 0, minor: 0, text: "of-our-own" }, "taken for the oldest");
  assertEquals(readInfo(reply.replace("Uptime", "Start_time_sec: 1796000000\nUptime"))?.startedAt, 1_796_000_000);
});

Deno.test("readCertificates() reads the replies to several commands on one line, and passes over what is not loaded", () => {
  const one = (file: string, status: string): string =>
    `Filename: ${file}\nStatus: ${status}\nSerial: 0A\nSHA1 FingerPrint: ${"AB".repeat(20)}\nSubject: /CN=x\n\n`;
  const missing = "Can't display the certificate: Not found or the certificate is a bundle!\n\n";
  assertEquals([...readCertificates(one("/c/a.pem", "Used") + missing + one("/c/b.pem", "Unused"))], [
    ["/c/a.pem", { status: "used", sha1: "ab".repeat(20), serial: "0a" }],
    ["/c/b.pem", { status: "unused", sha1: "ab".repeat(20), serial: "0a" }],
  ]);
});

for (const reply of ["", "\n", "Unknown command: 'show info'\n", "Version: 2.6.12\n", "Pid: x\nVersion: 2.6\n"]) {
  Deno.test(`readInfo() takes ${JSON.stringify(reply)} for no answer`, () => assertEquals(readInfo(reply), undefined));
}

Deno.test("readTransaction() reads the file of an open transaction", () => {
  assertEquals(readTransaction(`# transaction\n*${FILE}\n# filename\n${FILE}\n\n`), FILE);
  assertEquals(readTransaction(`# filename\n${FILE}\n\n`), undefined);
});

Deno.test("hasTransactionPart() waits for the list of files", () => {
  assertEquals(hasTransactionPart(`# transaction\n*${FILE}\n`), false);
  assertEquals(hasTransactionPart(`# transaction\n*${FILE}\n# filename\n${FILE.slice(0, 9)}`), true);
});

Deno.test("readFiles() reads the loaded files, without the one of the transaction", () => {
  assertEquals(readFiles(`# transaction\n*${FILE}\n# filename\n${FILE}\n${OTHER}\n\n`), [FILE, OTHER]);
  assertEquals(readFiles("# filename\n\n"), []);
  assertEquals(readFiles(LOCKED), undefined);
});

const SHOWN = `Filename: ${FILE}
Status: Used
Serial: 0A37C746C6D3DFDD81DCAA92260216FFF525EE45
notBefore: Nov 23 22:52:06 2026 GMT
notAfter: Dec 23 22:52:06 2026 GMT
Subject Alternative Name: DNS:new.example.com
Algorithm: EC256
SHA1 FingerPrint: 4F4890808821AC2CAA9C3FBD32EE47DF2B403BBF
Subject: /CN=new.example.com
Issuer: /CN=new.example.com
OCSP Response Key: 

`;

Deno.test("readCertificate() reads status, serial and fingerprint", () => {
  assertEquals(readCertificate(SHOWN, FILE), {
    status: "used",
    sha1: "4f4890808821ac2caa9c3fbd32ee47df2b403bbf",
    serial: "0a37c746c6d3dfdd81dcaa92260216fff525ee45",
  });
  assertEquals(readCertificate(SHOWN.replace("Used", "Unused"), FILE)?.status, "unused");
  assertEquals(readCertificate(`Filename: ${FILE}\nStatus: Empty\nOCSP Response Key: \n\n`, FILE), { status: "empty" });
});

Deno.test("readCertificate() finds nothing where the file is not loaded under that name", () => {
  assertEquals(readCertificate(SHOWN, OTHER), undefined);
  const reply = "Can't display the certificate: Not found or the certificate is a bundle!\n\n";
  assertEquals(readCertificate(reply, FILE), undefined);
});

Deno.test("readLists() reads the names of all lists", () => {
  assertEquals(readLists("/tmp/h/certs\n/tmp/h/challenges.list\n\n"), ["/tmp/h/certs", "/tmp/h/challenges.list"]);
  assertEquals(readLists("\n"), []);
});

Deno.test("readEntries() reads the line numbers of a file's entries", () => {
  const reply = `# ${LIST}\n${FILE}:1 [alpn acme-tls/1\0] new.example.com\n${OTHER}:2\n${FILE}:7 [alpn h2] *.b\n\n`;
  assertEquals(readEntries(reply, FILE), [1, 7]);
  assertEquals(readEntries(`# ${LIST}\n${FILE}:0\n\n`, FILE), [0]);
  assertEquals(readEntries("didn't find the specified filename\n\n", FILE), []);
});

for (
  const [reply, outcome] of [
    [`Transaction created for certificate ${FILE}!\n\n`, "done"],
    [`Transaction updated for certificate ${FILE}!\n\n`, "done"],
    [`Transaction updated for certificate ${OTHER}!\n\n`, { overwrote: OTHER }],
    [`Transaction created for certificate ${FILE}!\nTransaction updated for certificate ${OTHER}!\n\n`, {
      overwrote: OTHER,
    }],
    [LOCKED, "busy"],
    [
      `The ongoing transaction is about '${OTHER}' but you are trying to set '${FILE}'\nCan't update ${FILE}!\n\n`,
      "foreign",
    ],
    [`Can't replace a certificate which is not referenced by the configuration!\nCan't update ${FILE}!\n\n`, "refused"],
    [`unable to load certificate from file '${FILE}'.\nCan't load the payload\nCan't update ${FILE}!\n\n`, "refused"],
    ["'set ssl cert expects a filename and a certificate as a payload\n\n", "refused"],
    ["\n", "refused"],
    ["", "refused"],
  ] as const
) {
  Deno.test(`readSet() takes ${JSON.stringify(reply.slice(0, 70))} for ${JSON.stringify(outcome)}`, () => {
    assertEquals(readSet(reply, FILE), outcome);
  });
}

for (
  const [reply, outcome] of [
    [`Committing ${FILE}\nSuccess!\n\n`, "done"],
    [`Committing ${FILE}....\nSuccess!\n\n`, "done"],
    [`Committing ${OTHER}\nSuccess!\n\n`, "refused"],
    ["Success!\n\n", "refused"],
    [`Committing ${FILE}\n\n`, "refused"],
    [`No ongoing transaction! !\nCan't commit ${FILE}!\n\n`, "no transaction"],
    [`inconsistencies between private key and certificate loaded '${FILE}'.\nCan't commit ${FILE}!\n\n`, "refused"],
    [
      `The ongoing transaction is about '${OTHER}' but you are trying to set '${FILE}'\nCan't commit ${FILE}!\n\n`,
      "refused",
    ],
    ["Can't commit the certificate!\nOperations on certificates are currently locked!\n\n", "busy"],
    ["", "refused"],
  ] as const
) {
  Deno.test(`readCommit() takes ${JSON.stringify(reply.slice(0, 70))} for ${outcome}`, () => {
    assertEquals(readCommit(reply, FILE), outcome);
  });
}

const CANNOT_DELETE = "Can't delete the entry: certificate";
for (
  const [name, outcome, expected] of [
    ["readAbort", readAbort(`Transaction aborted for certificate '${FILE}'!\n\n`, FILE), "done"],
    ["readAbort", readAbort(`Transaction aborted for certificate '${OTHER}'!\n\n`, FILE), "refused"],
    ["readAbort", readAbort("No ongoing transaction!\n\n", FILE), "no transaction"],
    ["readNew", readNew(`New empty certificate store '${FILE}'!\n\n`, FILE), "done"],
    ["readNew", readNew(`Certificate '${FILE}' already exists!\n\n`, FILE), "exists"],
    ["readNew", readNew("", FILE), "refused"],
    ["readAdd", readAdd(`Inserting certificate '${FILE}' in crt-list '${LIST}'.\nSuccess!\n\n`, LIST, FILE), "done"],
    [
      "readAdd",
      readAdd(`Inserting certificate '${OTHER}' in crt-list '${LIST}'.\nSuccess!\n\n`, LIST, FILE),
      "refused",
    ],
    ["readAdd", readAdd("Can't edit the crt-list: file already exists in this directory!\n\n", LIST, FILE), "exists"],
    ["readAdd", readAdd(`Can't edit the crt-list: crt-list '${LIST}' does not exist!\n\n`, LIST, FILE), "refused"],
    [
      "readAdd",
      readAdd("Can't edit the crt-list: parsing [CLI:1]: unknown ssl keyword bogus\n\n", LIST, FILE),
      "refused",
    ],
    ["readDeleteEntry", readDeleteEntry(`Entry '${FILE}' deleted in crtlist '${LIST}'!\n\n`, LIST, FILE), "done"],
    ["readDeleteEntry", readDeleteEntry(`${CANNOT_DELETE} '${FILE}' does not exist!\n\n`, LIST, FILE), "absent"],
    [
      "readDeleteEntry",
      readDeleteEntry(`${CANNOT_DELETE} '${FILE}' can't be found in crt-list '${LIST}'!\n\n`, LIST, FILE),
      "absent",
    ],
    [
      "readDeleteEntry",
      readDeleteEntry(
        `${CANNOT_DELETE} '${FILE}' cannot be deleted, it is used as default certificate by the following frontends:\n\t- h.cfg:14\n\n\n`,
        LIST,
        FILE,
      ),
      "refused",
    ],
    ["readDelete", readDelete(`Certificate '${FILE}' deleted!\n\n`, FILE), "done"],
    [
      "readDelete",
      readDelete(`Can't remove the certificate: certificate '${FILE}' doesn't exist!\n\n\n`, FILE),
      "absent",
    ],
    [
      "readDelete",
      readDelete(`Can't remove the certificate: certificate '${FILE}' in use, can't be deleted!\n\n\n`, FILE),
      "refused",
    ],
    ["isDenied", isDenied("Permission denied\n\n"), true],
    ["isDenied", isDenied(`# filename\nPermission denied\n`), false],
  ] as const
) {
  Deno.test(`${name}() reads ${expected}`, () => assertEquals<unknown>(outcome, expected));
}

Deno.test("no reader takes garbage for a success", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (garbage) => {
    assertEquals(readSet(garbage, FILE), "refused");
    assertEquals(readCommit(garbage, FILE), "refused");
    assertEquals(readNew(garbage, FILE), "refused");
    assertEquals(readAdd(garbage, LIST, FILE), "refused");
    assertEquals(readAbort(garbage, FILE), "refused");
    assertEquals(readDelete(garbage, FILE), "refused");
    assertEquals(readDeleteEntry(garbage, LIST, FILE), "refused");
    assertEquals(readInfo(garbage), undefined);
  }));
});

for (
  const [why, reply, workers] of [
    ["one", "# workers\n1271            worker          1               0d00h00m00s     2.5-dev13\n", [1271]],
    [
      "one beside those of before",
      "# workers\n1271            worker          1      0d00h00m00s  3.2.0\n# old workers\n1233  worker  3  0d00h00m43s  3.2.0\n",
      [1271],
    ],
    ["none", "# workers\n# programs\n", []],
  ] as const
) {
  Deno.test(`readWorkers() finds ${why}`, () => {
    const head =
      "#<PID>          <type>          <reloads>       <uptime>        <version>\n1162  master  5 [failed: 0]  0d00h02m07s  3.2.0\n";
    assertEquals(readWorkers(`${head}${reply}\n`), workers);
  });
}

Deno.test("readWorkers() knows who is no master", () => {
  assertEquals(readWorkers("Unknown command, but maybe one of the following ones is a better match:\n"), undefined);
  assertEquals(readWorkers(""), undefined);
});

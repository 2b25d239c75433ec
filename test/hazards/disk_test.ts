import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
import {
  atRest,
  entries,
  FILE,
  issue,
  type Kit,
  NAME,
  OLD,
  PKI,
  read,
  rejection,
  servedForGood,
  untouched,
  WITH_OLD,
  withKit,
} from "../support/haproxy_kit.ts";
import { has, start } from "../support/process.ts";

const ROOM = 64 * 1024;

/** Puts a file system of 64 KiB in the place of the certificate directory, with what is in it. */
async function onSmallDisk({ haproxy }: Kit): Promise<AsyncDisposable> {
  const { certs } = haproxy;
  const files = entries(certs).map((name) => [name, read(`${certs}/${name}`) ?? ""] as const);
  await run("mount", "-t", "tmpfs", "-o", `size=${ROOM},mode=755`, "tmpfs", certs);
  for (const [name, text] of files) await Deno.writeTextFile(`${certs}/${name}`, text);
  return { [Symbol.asyncDispose]: () => run("umount", "--lazy", certs) };
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  await using process = start(program, { args });
  const code = await process.exit;
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${process.output()}`);
}

/** Fills the disk where HAProxy does not look, but for `free` bytes. */
async function fill(certs: string): Promise<string> {
  const path = `${certs}/.filler/all`;
  await Deno.mkdir(`${certs}/.filler`);
  using file = await Deno.open(path, { write: true, create: true });
  try {
    while (true) await file.write(new Uint8Array(4_096));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
  return path;
}

function test(name: string, run: (kit: Kit) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy, root, mount]`,
    ignore: !has("haproxy", "mount", "umount") || Deno.uid() !== 0,
    fn: () =>
      withKit(WITH_OLD, async (kit) => {
        await using _disk = await onSmallDisk(kit);
        await run(kit);
      }),
  });
}

test("full disk: swap() changes nothing, names the cause, and works when there is room", async (kit) => {
  const filler = await fill(kit.haproxy.certs);
  const before = entries(kit.haproxy.certs);
  const error = await rejection(
    () => kit.lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
    "SWAP_REJECTED",
    "No space",
  );
  assertStringIncludes(error.message, "the former state was put back");
  assertStringIncludes(error.todo ?? "", "make room on the disk");
  assertEquals(entries(kit.haproxy.certs).filter((it) => !before.includes(it) && it !== ".staging"), []);
  await untouched(kit);
  await Deno.remove(filler);
  const bundle = issue(NAME);
  assertEquals((await kit.lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  await servedForGood(kit, bundle);
});

test("full disk: a new name leaves nothing behind", async (kit) => {
  const { haproxy, lb } = kit;
  const filler = await fill(haproxy.certs);
  const file = "LE_CERTIFICATE_b_example_com.pem";
  const bundle = issue("b.example.com");
  await rejection(() => lb.swap({ file, bundle }, CALL), "SWAP_REJECTED", "No space");
  assertEquals([read(`${haproxy.certs}/${file}`), (await haproxy.ask("show ssl cert")).includes(file)], [
    undefined,
    false,
  ]);
  await untouched(kit);
  await Deno.remove(filler);
  assertEquals((await lb.swap({ file, bundle }, CALL)).kind, "added");
});

test("full disk: the room ends in the middle of a large file", async (kit) => {
  const { haproxy, lb } = kit;
  const filler = await fill(haproxy.certs);
  await Deno.truncate(filler, (await Deno.stat(filler)).size - 8_192);
  const bundle: Bundle = PKI.issue([NAME], { padding: 12_000 });
  await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "No space");
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  await atRest(haproxy);
});

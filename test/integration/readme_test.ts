import { assert, assertEquals } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { testPki } from "../support/pki.ts";
import { find, has, tempDir } from "../support/process.ts";

Deno.test({
  name: "the README's HAProxy configuration is one that HAProxy takes [needs haproxy, openssl]",
  ignore: !has("haproxy", "openssl"),
  fn: async () => {
    using folder = tempDir();
    const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
    const shown = /```haproxy\n([\s\S]*?)```/.exec(readme)?.[1];
    assert(shown !== undefined);
    const text = shown.replaceAll("/etc/haproxy", folder.path).replaceAll("/run/haproxy", folder.path);
    await Deno.mkdir(`${folder.path}/certs`);
    await Deno.writeTextFile(`${folder.path}/challenges.list`, "");
    const bundle = testPki().issue(["default.example"]);
    await Deno.writeTextFile(`${folder.path}/certs/00-default.pem`, bundlePem(bundle));
    const timeouts = "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n";
    await Deno.writeTextFile(`${folder.path}/haproxy.cfg`, `${timeouts}${text}\nbackend app\n  mode http\n`);

    const { code, stderr } = await new Deno.Command(find("haproxy") ?? "haproxy", {
      args: ["-c", "-f", `${folder.path}/haproxy.cfg`],
    }).output();

    assertEquals(code, 0, new TextDecoder().decode(stderr));
  },
});

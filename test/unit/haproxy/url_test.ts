import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { InputError } from "../../../src/model/errors.ts";
import { haproxyPermissions, parseHaproxy } from "../../../plugin/haproxy/url.ts";

const UNIX = "haproxy+unix:///var/run/haproxy-admin.sock?certs=/etc/haproxy/certs&probe=127.0.0.1:443";

Deno.test("parseHaproxy() reads a directory over a unix socket", () => {
  assertEquals(parseHaproxy("lb", UNIX), {
    kind: "haproxy",
    name: "lb",
    socket: { transport: "unix", path: "/var/run/haproxy-admin.sock" },
    certificates: { kind: "directory", path: "/etc/haproxy/certs" },
    probe: { hostname: "127.0.0.1", port: 443 },
  });
});

Deno.test("parseHaproxy() reads every parameter", () => {
  const url =
    "haproxy+tcp://127.0.0.1:9999?certs=/etc/h/site%2Dcerts.list&store=/etc/h/store/&challenges=/etc/h/c.list" +
    "&probe=[::1]:8443&probe-proxy=v2&lb-root=/lb//etc/&reload=/run/master.sock&default=/etc/h/store/00-site.pem&http=lb.local:80";
  assertEquals(parseHaproxy("two", url), {
    kind: "haproxy",
    name: "two",
    socket: { transport: "tcp", hostname: "127.0.0.1", port: 9999 },
    certificates: { kind: "crt-list", path: "/etc/h/site-certs.list", store: "/etc/h/store" },
    probe: { hostname: "::1", port: 8443 },
    probeProxy: "v2",
    lbRoot: "/lb/etc",
    challenges: "/etc/h/c.list",
    http: { hostname: "lb.local", port: 80 },
    reload: { by: "master", socket: "/run/master.sock" },
    defaultFile: "00-site.pem",
  });
});

Deno.test("parseHaproxy() takes relative paths from the working directory", () => {
  const { certificates } = parseHaproxy("lb", UNIX.replace("/etc/haproxy/certs", "./certs"));
  assertEquals(certificates, { kind: "directory", path: `${Deno.cwd()}/certs` });
});

for (
  const [change, found] of [
    [["haproxy+unix:", "https:"], 'its URL begins with "https:"'],
    [[/^.*$/, "no url"], "its URL cannot be read"],
    [["unix:///var", "unix://var"], "the path of its socket is not absolute"],
    [["certs=/etc/haproxy/certs&", ""], "certs= is missing"],
    [["&probe=127.0.0.1:443", ""], "probe= is missing"],
    [["&probe", "&cert=x&probe"], '"cert" is not a parameter'],
    [["&probe", "&certs=/x&probe"], "certs= is there twice"],
    [["127.0.0.1:443", ""], "probe= is empty"],
    [["127.0.0.1:443", "127.0.0.1"], "not host:port"],
    [["127.0.0.1:443", "127.0.0.1:70000"], "not host:port"],
    [["127.0.0.1:443", "127.0.0.1:0"], "not host:port"],
    [["443", "443&http=here"], 'http= is "here"'],
    [["443", "443&probe-proxy=v3"], 'probe-proxy= is "v3"'],
    [["443", "443&reload=reload-lb"], 'reload= is "reload-lb", neither a socket nor'],
    [["443", "443&reload=/bin/../x"], 'reload= is "/bin/../x", neither'],
    [["443", "443&reload=/bin/sh%20-c%20%22a;b%22"], "neither a socket nor a command"],
    [["443", "443&reload=/bin/a%20%20b"], "neither a socket nor a command"],
    [["443", "443&reload=/bin/a%0Ab"], "neither a socket nor a command"],
    [["443", "443&default=a%20b.pem"], "default= is not the name of a file"],
    [["/etc/haproxy/certs", "/etc/a%20b"], "a path that HAProxy's runtime API cannot take"],
    [["/etc/haproxy/certs", "/etc/a%0Ashow%20info"], "a path that HAProxy's runtime API cannot take"],
    [["/etc/haproxy/certs", "/etc/a;shutdown"], "a path that HAProxy's runtime API cannot take"],
    [["/etc/haproxy/certs", "/etc/../x"], "a path that HAProxy's runtime API cannot take"],
    [["/etc/haproxy/certs", "/"], "certs= is the root directory"],
    [["admin.sock", "admin%zz"], "not percent-encoded"],
    [["unix:///var/run/haproxy-admin.sock", "tcp://10.0.0.1:9999"], "private keys do not travel over TCP to 10.0.0.1"],
    [["unix:///var/run/haproxy-admin.sock", "tcp://127.0.0.1.evil.test:99"], "private keys do not travel"],
    [["unix:///var/run/haproxy-admin.sock", "tcp://127.0.0.1"], "not host:port"],
    [["unix:///var/run/haproxy-admin.sock", "tcp://127.0.0.1:99/var/run/a.sock"], "its URL has a path"],
    [["unix:///var/run/haproxy-admin.sock", "tcp://u:p@127.0.0.1:99"], "a user, password or fragment"],
  ] as const
) {
  const url = UNIX.replace(change[0], change[1]);
  Deno.test(`parseHaproxy() refuses ${url.length > 90 ? url.slice(0, 90) : url}: ${found}`, () => {
    const error = assertThrows(() => parseHaproxy("front", url), InputError, found);
    assertEquals(error.field, "load_balancers");
    assertStringIncludes(error.message, '"front"');
  });
}

for (const address of ["localhost:99", "127.9.9.9:99", "[::1]:99", "127.0.0.1:99/"]) {
  Deno.test(`parseHaproxy() takes ${address} for loopback`, () => {
    const { socket } = parseHaproxy("lb", UNIX.replace("unix:///var/run/haproxy-admin.sock", `tcp://${address}`));
    assertEquals(socket.transport, "tcp");
  });
}

Deno.test("haproxyPermissions() lists net, read and write of a unix socket, the certificates and the addresses", () => {
  assertEquals(haproxyPermissions(parseHaproxy("lb", `${UNIX}&http=[::1]:80`)), {
    net: ["unix:/var/run/haproxy-admin.sock", "127.0.0.1:443", "[::1]:80"],
    read: ["/var/run/haproxy-admin.sock", "/etc/haproxy/certs"],
    write: ["/var/run/haproxy-admin.sock", "/etc/haproxy/certs"],
    run: [],
  });
});

Deno.test("haproxyPermissions() lists the master's socket, or the one program that reloads", () => {
  const master = haproxyPermissions(parseHaproxy("lb", `${UNIX}&reload=/run/master.sock`));
  assertEquals(master.net, ["unix:/var/run/haproxy-admin.sock", "unix:/run/master.sock", "127.0.0.1:443"]);
  assertEquals([master.read.includes("/run/master.sock"), master.run], [true, []]);
  const command = parseHaproxy("lb", `${UNIX}&reload=/usr/bin/docker%20kill+-s%20HUP%20lb`);
  assertEquals(command.reload, { by: "command", program: "/usr/bin/docker", args: ["kill", "-s", "HUP", "lb"] });
  const { run, read, write } = haproxyPermissions(command);
  assertEquals([run, read.at(-1), write.includes("/usr/bin/docker")], [["/usr/bin/docker"], "/usr/bin/docker", false]);
});

Deno.test("haproxyPermissions() lists the folder of a crt-list, where its new text is staged", () => {
  const url = "haproxy+tcp://127.0.0.1:9999?certs=/etc/h/certs.list&store=/etc/h/store&probe=lb:443";
  const paths = ["/etc/h", "/etc/h/store"];
  assertEquals(haproxyPermissions(parseHaproxy("lb", url)), {
    net: ["127.0.0.1:9999", "lb:443"],
    read: paths,
    write: paths,
    run: [],
  });
});

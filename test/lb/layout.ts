/**
 * From the tree in etcd to services as values. Unknown keys are ignored.
 *
 * @module
 */

/** A node of the v2 keys API. */
export interface EtcdNode {
  readonly key?: string;
  readonly value?: string;
  readonly nodes?: readonly EtcdNode[];
}

/** A container behind a service. */
export interface Upstream {
  readonly name: string;
  /** `ip:port`. */
  readonly address: string;
}

/** A service that is reached by HTTP. */
export interface HttpService {
  readonly name: string;
  readonly upstreams: readonly Upstream[];
  readonly balance: string;
  readonly virtualHosts: readonly string[];
  readonly virtualPaths: readonly string[];
  readonly keepVirtualPath: boolean;
  readonly cookie?: string;
  readonly basicAuthSecrets?: string;
  readonly healthCheckUri?: string;
  readonly healthCheckPort?: string;
  readonly customSettings: readonly string[];
}

/** A service with a port of its own. */
export interface TcpService {
  readonly name: string;
  readonly upstreams: readonly Upstream[];
  readonly balance: string;
  readonly externalPort: string;
  readonly customSettings: readonly string[];
}

/** All that the configuration is rendered from, apart from the environment. */
export interface Layout {
  readonly services: readonly HttpService[];
  readonly tcpServices: readonly TcpService[];
}

/**
 * Reads the LB's directory.
 *
 * @throws {TypeError} Where the original's generator fails: nothing is rendered then, whatever else is in the tree.
 */
export function readLayout(root: EtcdNode): Layout {
  return {
    services: children(child(root, "services")).map(readService),
    tcpServices: children(child(root, "tcp-services")).map(readTcpService).filter((it) => it !== undefined),
  };
}

function readService(node: EtcdNode): HttpService {
  return {
    name: nameOf(node),
    upstreams: upstreamsOf(node),
    balance: child(node, "balance")?.value ?? "roundrobin",
    virtualHosts: list(child(node, "virtual_hosts"), ","),
    virtualPaths: list(child(node, "virtual_path"), ","),
    keepVirtualPath: child(node, "keep_virtual_path")?.value === "true",
    ...optional("cookie", child(node, "cookie")),
    ...optional("basicAuthSecrets", child(node, "basic_auth_secrets")),
    ...optional("healthCheckUri", child(node, "health_check_uri")),
    ...optional("healthCheckPort", child(node, "health_check_port")),
    customSettings: list(child(node, "custom_settings"), "\n"),
  };
}

/** Undefined where it is left out: it has no port, or nobody behind it. */
function readTcpService(node: EtcdNode): TcpService | undefined {
  // The original reads this key and has nowhere to put it.
  if (child(node, "health_check_uri") !== undefined) {
    throw new TypeError(`undefined method 'health_check_uri=' for tcp service ${nameOf(node)}`);
  }
  const externalPort = child(node, "external_port")?.value;
  const upstreams = upstreamsOf(node);
  if (externalPort === undefined || upstreams.length === 0) return undefined;
  return {
    name: nameOf(node),
    upstreams,
    balance: child(node, "balance")?.value ?? "leastconn",
    externalPort,
    customSettings: list(child(node, "custom_settings"), "\n"),
  };
}

function upstreamsOf(node: EtcdNode): readonly Upstream[] {
  return children(child(node, "upstreams")).map((it) => ({ name: nameOf(it), address: it.value ?? "" }));
}

function optional<K extends string>(name: K, node: EtcdNode | undefined): { readonly [P in K]?: string } {
  return node?.value === undefined ? {} : { [name]: node.value } as { readonly [P in K]?: string };
}

/** Parts of a value; empty ones at its end do not count, those before do. */
function list(node: EtcdNode | undefined, separator: string): readonly string[] {
  const parts = (node?.value ?? "").split(separator);
  return parts.slice(0, parts.findLastIndex((part) => part !== "") + 1);
}

/** In the order of their keys' bytes: the first one with a rule that matches gets the request. */
function children(node: EtcdNode | undefined): readonly EtcdNode[] {
  return [...node?.nodes ?? []].sort((a, b) => compareBytes(a.key ?? "", b.key ?? ""));
}

function child(node: EtcdNode, name: string): EtcdNode | undefined {
  return node.nodes?.find((it) => nameOf(it) === name);
}

function nameOf(node: EtcdNode): string {
  return node.key?.split("/").at(-1) ?? "";
}

function compareBytes(a: string, b: string): number {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}

/** Collects the arguments of all processes, as everybody on the machine can read them, until it is disposed. */
export function watchArguments(): AsyncDisposable & { readonly seen: ReadonlySet<string> } {
  const seen = new Set<string>();
  let over = false;
  const watching = (async (): Promise<void> => {
    while (!over) {
      for await (const { name } of Deno.readDir("/proc")) {
        if (/^\d+$/.test(name)) seen.add(await argumentsOf(name));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    seen,
    async [Symbol.asyncDispose](): Promise<void> {
      over = true;
      await watching;
    },
  };
}

async function argumentsOf(pid: string): Promise<string> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}

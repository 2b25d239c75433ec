/** Takes so many bytes from a stream, as soon as they are there; rejects where it ends before. */
export type TakeBytes = (count: number) => Promise<Uint8Array<ArrayBuffer>>;

/** Reads a stream, a TLS socket for example, by pieces of known length. */
export function bytesFrom(stream: AsyncIterable<Uint8Array>): TakeBytes {
  const chunks = stream[Symbol.asyncIterator]();
  let held = new Uint8Array();
  return async (count) => {
    while (held.length < count) {
      const { done, value } = await chunks.next();
      if (done === true) throw new Error("the connection was closed");
      const more = new Uint8Array(held.length + value.length);
      more.set(held);
      more.set(value, held.length);
      held = more;
    }
    const taken = held.slice(0, count);
    held = held.subarray(count);
    return taken;
  };
}

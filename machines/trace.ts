/** An observer that writes each event as a line of JSON. */
import { type ObservedKind, type Observer, observedKinds } from './observer.ts';

/**
 * `write` gets a line without its end. 64-bit values are texts such as `0xfee00000`, and bytes of the console are text: a byte that is no
 * UTF-8 by itself is U+FFFD.
 */
export function traceObserver(kinds: readonly ObservedKind[], write: (line: string) => void): Observer {
  const line = (event: ObservedKind, { time, ...fields }: { readonly time: number }): void =>
    write(JSON.stringify({ time, event, ...fields }, written));
  return Object.fromEntries(
    observedKinds
      .filter(kind => kinds.includes(kind))
      .map(kind => [kind, (event: { readonly time: number }) => line(kind, event)]),
  );
}

function written(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
}

/** Where an error was thrown: the first line of its stack that is neither virt64's own machinery nor the host's. */

/** The folders of the sources. In the compiled package modules are joined, and all machinery is in this one's own folder. */
const folders = ['../../../core/', '../../../accelerators/', '../../../machines/', './'];
const machinery = folders.map(folder => withoutScheme(new URL(folder, import.meta.url).href));

/** `/home/me/dice.ts:23:11`, as far as the host's stacks tell. */
export function sourceLine(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  const places = error.stack.split('\n').flatMap(frame => {
    const match = /(?:^|[\s(@])([^\s()@]+:\d+:\d+)\)?$/.exec(frame.trimEnd());
    return match ? [withoutScheme(match[1])] : [];
  });
  const isMachinery = (place: string): boolean => machinery.some(folder => place.startsWith(folder));
  return places.find(place => !place.startsWith('node:') && !place.startsWith('wasm:') && !isMachinery(place));
}

function withoutScheme(place: string): string {
  return place.replace(/^file:\/\//, '');
}

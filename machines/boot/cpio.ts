/** Writes cpio archives in the "newc" format that Linux unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst). */

export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array | string; readonly mode?: number }
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly type: 'character' | 'block';
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

const fileType = { file: 0o100000, directory: 0o040000, link: 0o120000, character: 0o020000, block: 0o060000 } as const;
const headerSize = 110;
const trailer = 'TRAILER!!!';

const encoder = new TextEncoder();
const encode = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? encoder.encode(content) : content;
const padded = (size: number): number => (size + 3) & ~3;

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly links: number;
  readonly content: Uint8Array;
  readonly major: number;
  readonly minor: number;
}

const nothing = new Uint8Array(0);

function memberOf(entry: CpioEntry): Member {
  const plain = { path: entry.path, links: 1, content: nothing, major: 0, minor: 0 };
  switch (entry.kind) {
    case 'file':
      return { ...plain, mode: fileType.file | (entry.mode ?? 0o644), content: encode(entry.content) };
    case 'directory':
      return { ...plain, mode: fileType.directory | (entry.mode ?? 0o755), links: 2 };
    case 'link':
      return { ...plain, mode: fileType.link | 0o777, content: encode(entry.target) };
    case 'device':
      return {
        ...plain,
        mode: fileType[entry.type] | (entry.mode ?? 0o600),
        major: entry.major,
        minor: entry.minor,
      };
  }
}

/** Relative to the archive's root, without empty or dot components: the kernel ignores entries whose parent is missing. */
const normalize = (path: string): string =>
  path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/');

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** Every directory on the way to an entry, in front of it, once, with the mode that it was given anywhere. */
function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const named = entries.map(entry => ({ ...entry, path: normalize(entry.path) }));
  const directories = new Map(named.filter(({ kind }) => kind === 'directory').map(entry => [entry.path, entry]));
  const result = new Map<string, CpioEntry>();
  const addDirectory = (path: string): void => {
    if (path === '' || result.has(path)) return;
    addDirectory(parentOf(path));
    result.set(path, directories.get(path) ?? { kind: 'directory', path });
  };
  for (const entry of named) {
    if (entry.kind === 'directory') addDirectory(entry.path);
    else {
      addDirectory(parentOf(entry.path));
      result.set(entry.path, entry);
    }
  }
  return [...result.values()];
}

/**
 * Same entries, same bytes: inode numbers count from one and every time stamp is `modified` (seconds since 1970, 0 by default).
 * The result is padded to 512 bytes, so that archives can simply be concatenated.
 */
export function cpio(entries: readonly CpioEntry[], { modified = 0 }: { readonly modified?: number } = {}): Uint8Array {
  const members = withParents(entries).map(memberOf);
  members.push({ path: trailer, mode: 0, links: 1, content: nothing, major: 0, minor: 0 });
  const names = members.map(member => encoder.encode(`${member.path}\0`));
  const size = members.reduce(
    (sum, { content }, index) => sum + padded(headerSize + names[index].length) + padded(content.length),
    0,
  );
  const archive = new Uint8Array(Math.ceil(size / 512) * 512);
  let at = 0;
  for (const [index, { mode, links, content, major, minor }] of members.entries()) {
    const name = names[index];
    const isTrailer = index === members.length - 1;
    const fields = [
      isTrailer ? 0 : index + 1,
      mode,
      0,
      0,
      links,
      isTrailer ? 0 : modified,
      content.length,
      0,
      0,
      major,
      minor,
      name.length,
      0,
    ];
    const header = `070701${fields.map(field => (field >>> 0).toString(16).padStart(8, '0')).join('')}`;
    archive.set(encoder.encode(header), at);
    archive.set(name, at + headerSize);
    at += padded(headerSize + name.length);
    archive.set(content, at);
    at += padded(content.length);
  }
  return archive;
}

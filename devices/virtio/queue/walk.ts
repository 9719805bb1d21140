import type { GuestMemory } from '#core';
import { Chain } from './chain.ts';

/** Descriptors (virtio 1.2, 2.7.5): le64 address, le32 length, le16 flags, le16 next. */
export const descriptorSize = 16;
const Flag = { next: 1, write: 2, indirect: 4 } as const;

/** More than any driver makes: an indirect table may be longer than its queue, if not as the specification wants it. */
const longestTable = 256;

export interface WalkRules {
  readonly memory: GuestMemory;
  /** The descriptor table. */
  readonly table: number;
  readonly size: number;
  /** Indirect descriptors were negotiated. */
  readonly indirect: boolean;
  /** Bytes of a chain that the device is ready to take. */
  readonly longest: number;
}

/** Follows a chain from its head. What is wrong with it comes back as a text; RAM outside and endless loops are wrong. */
export function walk(head: number, rules: WalkRules): Chain | string {
  const { memory, indirect, longest } = rules;
  const chain = new Chain(head, memory);
  let { table, size } = rules;
  let isIndirect = false;
  let index = head;
  for (let count = 0; ; count++) {
    if (index >= size) return `descriptor ${index} of ${size}`;
    if (count >= size) return 'a chain without end';
    const at = table + index * descriptorSize;
    const address = memory.read32(at + 4) * 2 ** 32 + memory.read32(at);
    const length = memory.read32(at + 8);
    const flags = memory.read16(at + 12);
    if (flags & Flag.indirect) {
      if (!indirect || isIndirect || flags & Flag.next) return 'an indirect descriptor where none may be';
      if (length === 0 || length % descriptorSize || length > longestTable * descriptorSize)
        return 'a bad indirect table';
      if (!memory.contains(address, length)) return 'an indirect table outside RAM';
      table = address;
      size = length / descriptorSize;
      isIndirect = true;
      index = 0;
      count = -1;
      continue;
    }
    if (!(flags & Flag.write) && chain.writable.length > 0) return 'a readable buffer after writable ones';
    if (length > 0) {
      if (!memory.contains(address, length)) return 'a buffer outside RAM';
      const segment = { address, length };
      if (flags & Flag.write) chain.addWritable(segment);
      else chain.addReadable(segment);
      if (chain.length > longest) return `a chain of more than ${longest} bytes`;
    }
    if (!(flags & Flag.next)) return chain;
    index = memory.read16(at + 14);
  }
}

/** Guests that drive virtio devices as no driver should. */
import { type GuestMemory, MemoryDisk } from '#core';
import { VirtioBlock, VirtioConsole } from '#devices';
import { use } from '#machines';
import type { HostileGuest } from '../guest.ts';
import { layout } from '../layout.ts';

const { rings, available, used, buffer } = layout;
const ring = (queue: number): number => rings + queue * 0x1_0000;

/** Brings the function at configuration address EBX up, its structures' address in RBP. All queues as large as they may be. */
const driver = `
virtio_start:
  mov   ecx, 6
  mov   eax, 4
  call  pci_write
  mov   eax, 0x10
  call  pci_read
  and   eax, ~15
  mov   ebp, eax
virtio_restart:
  mov   byte [rbp + 0x14], 0
  mov   byte [rbp + 0x14], 3
  mov   dword [rbp + 0x08], 0
  mov   dword [rbp + 0x0c], 0
  mov   dword [rbp + 0x08], 1
  mov   dword [rbp + 0x0c], 1     ; VERSION_1
  mov   byte [rbp + 0x14], 11
  xor   ecx, ecx
.queue:
  mov   [rbp + 0x16], cx
  mov   eax, ecx
  shl   eax, 16
  add   eax, rings
  mov   [rbp + 0x20], eax
  mov   dword [rbp + 0x24], 0
  add   eax, ${available}
  mov   word [rax + 2], 0
  mov   [rbp + 0x28], eax
  mov   dword [rbp + 0x2c], 0
  add   eax, ${used - available}
  mov   word [rax + 2], 0
  mov   [rbp + 0x30], eax
  mov   dword [rbp + 0x34], 0
  mov   word [rbp + 0x1c], 1
  inc   ecx
  cmp   cx, [rbp + 0x12]
  jb    .queue
  mov   byte [rbp + 0x14], 15
  ret
`;

/** Fills queue N again and again, without waiting for anything; a device that has had enough is started anew. */
const flood = (slot: number, queue: number, size: number): string => `
guest:
  mov   ebx, ${0x8000_0000 + slot * 0x800}
  call  virtio_start
.again:
  add   word [${ring(queue) + available + 2}], ${size}
  mov   word [rbp + 0x3000 + ${4 * queue}], ${queue}
  test  byte [rbp + 0x14], 0x40
  jz    .again
  call  virtio_restart
  jmp   .again
${driver}`;

interface Descriptor {
  readonly at: number;
  readonly length: number;
  readonly writable?: boolean;
}

/** A table of equal chains, and an available ring that offers each of them; as many as fit. */
function lay(memory: GuestMemory, queue: number, size: number, chain: readonly Descriptor[]): void {
  const base = ring(queue);
  for (let index = 0; index < size; index++) {
    const { at, length, writable = false } = chain[index % chain.length];
    const last = index % chain.length === chain.length - 1;
    memory.write64(base + 16 * index, BigInt(at));
    memory.write32(base + 16 * index + 8, length);
    memory.write16(base + 16 * index + 12, (last ? 0 : 1) | (writable ? 2 : 0));
    memory.write16(base + 16 * index + 14, index + 1);
  }
  const heads = Math.floor(size / chain.length);
  for (let entry = 0; entry < size; entry++)
    memory.write16(base + available + 4 + 2 * entry, (entry % heads) * chain.length);
  // The driver of Linux would say so with flags; here the device shall interrupt as it likes.
  memory.write16(base + available, 0);
}

const header = buffer;
const status = buffer + 0x100;
const data = buffer + 0x1000;
const mebibyte = 2 ** 20;

const blockChain = (memory: GuestMemory, type: number, length: number): readonly Descriptor[] => {
  memory.fill(header, 16, 0);
  memory.write32(header, type);
  const reads = type === 0;
  return [
    { at: header, length: 16 },
    ...(length > 0 ? [{ at: data, length, writable: reads }] : []),
    { at: status, length: 1, writable: true },
  ];
};

const disk = () => ({
  devices: { disk: use(VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(new Uint8Array(8 * mebibyte)) }) },
});
const terminal = () => ({ devices: { hvc: use(VirtioConsole, { slot: '00:05.0' }) } });

const floodsBlock = (name: string, does: string, type: number, length: number): HostileGuest => ({
  name,
  does,
  change: disk,
  prepare: memory => lay(memory, 0, 256, blockChain(memory, type, length)),
  source: flood(4, 0, 256),
});

/** DMA to addresses that are no RAM. */
const elsewhere = (name: string, does: string, at: number): HostileGuest => ({
  name,
  does,
  prepare: memory => lay(memory, 0, 64, [{ at, length: 0x1000, writable: true }]),
  source: flood(2, 0, 64),
});

export const virtio: readonly HostileGuest[] = [
  floodsBlock('block-flood', 'virtio-blk reads of 4 KiB without waiting', 0, 0x1000),
  floodsBlock('block-empty', 'virtio-blk requests of no length without waiting', 8, 0),
  floodsBlock('block-large', 'virtio-blk reads of 7 MiB without waiting', 0, 7 * mebibyte),
  floodsBlock('block-write', 'virtio-blk writes of 7 MiB without waiting', 1, 7 * mebibyte),
  {
    name: 'block-reset',
    does: 'resets virtio-blk while reads of 7 MiB are under way',
    change: disk,
    prepare: memory => lay(memory, 0, 256, blockChain(memory, 0, 7 * mebibyte)),
    source: `
guest:
  mov   ebx, 0x80002000
  call  virtio_start
.again:
  mov   word [${ring(0) + available + 2}], 64
  mov   word [rbp + 0x3000], 0
  call  virtio_restart
  jmp   .again
${driver}`,
  },
  {
    name: 'console-flood',
    does: 'virtio-console sends 64 KiB in each of 128 buffers, without waiting',
    change: terminal,
    prepare: memory => {
      lay(memory, 0, 128, [{ at: data, length: 64, writable: true }]);
      lay(memory, 1, 128, [{ at: data, length: 0x1_0000 }]);
    },
    source: flood(5, 1, 128),
  },
  {
    name: 'rng-flood',
    does: 'virtio-rng fills 64 buffers of 64 KiB, without waiting',
    prepare: memory => lay(memory, 0, 64, [{ at: data, length: 0x1_0000, writable: true }]),
    source: flood(2, 0, 64),
  },
  elsewhere('dma-bar', 'virtio-rng writes into its own BAR', 0xc000_0000),
  elsewhere('dma-apic', 'virtio-rng writes into the local APIC', 0xfee0_0000),
  elsewhere('dma-hole', 'virtio-rng writes into the hole below 1 MiB', 0xa_0000),
  elsewhere('dma-code', 'virtio-rng writes into code that was executed', layout.image + 0x4000),
  {
    name: 'msi-x',
    does: 'virtio-rng sends an MSI-X interrupt for each of 64 buffers, to a processor that takes them',
    prepare: memory => lay(memory, 0, 64, [{ at: data, length: 4, writable: true }]),
    source: `
guest:
  mov   ebx, 0x80001000
  call  virtio_start
  mov   eax, 0x14
  call  pci_read
  and   eax, ~15
  mov   ecx, 2
.vector:
  mov   dword [rax], 0xfee00000
  mov   dword [rax + 4], 0
  mov   dword [rax + 8], 0x50
  mov   dword [rax + 12], 0
  add   eax, 16
  loop  .vector
  mov   eax, 0x40
  call  pci_read
  mov   ecx, eax
  or    ecx, 0x80000000
  mov   eax, 0x40
  call  pci_write
  call  messages
  sti
.again:
  add   word [${ring(0) + available + 2}], 64
  mov   word [rbp + 0x3000], 0
  test  byte [rbp + 0x14], 0x40
  jz    .again
  call  virtio_restart
  call  messages
  jmp   .again
messages:
  mov   word [rbp + 0x10], 0
  mov   word [rbp + 0x16], 0
  mov   word [rbp + 0x1a], 1
  ret
${driver}`,
  },
];

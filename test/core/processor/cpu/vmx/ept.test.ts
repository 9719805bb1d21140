/** Extended page tables, translation tags, and their invalidation. */
import test from 'ava';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place, valid } from './hypervisor.ts';

const hlt = 12;
const violation = 48;
const misconfiguration = 49;
const linearValid = 0x80n;
const final = 0x100n;

const entryOf = (guest: Guest, place: number) => guest.read64(guest.entry(place));
const setEntry = (guest: Guest, place: number, change: (entry: bigint) => bigint) =>
  guest.write64(guest.entry(place), change(entryOf(guest, place)));
const permit = (guest: Guest, place: number, permissions: bigint) =>
  setEntry(guest, place, entry => (entry & ~7n) | permissions);

for (const [name, source, access] of [
  ['read', 'mov eax, [0xc123]', 1n],
  ['write', 'mov [0xc123], al', 2n],
  ['read-modify-write', 'inc dword [0xc123]', 2n],
  ['fetch', 'mov eax, 0xc123\n jmp rax', 4n],
] as const)
  test(`violation by a ${name}`, t => {
    const guest = new Guest().program(`${source}\n hlt`);
    permit(guest, Place.data, 0n);
    t.is(guest.run(), violation);
    t.is(guest.qualification & 7n & access, access);
    t.is(guest.qualification & ~7n, linearValid | final);
    t.is(guest.get(Field.guestPhysicalAddress), 0xc123n);
    t.is(guest.get(Field.guestLinearAddress), 0xc123n);
    t.is(guest.get32(Field.guestRflags) & 0x1_0000, 0x1_0000);
    permit(guest, Place.data, 7n);
    guest.write(guest.at(0xc123), [0xf4]);
    t.is(guest.run(), hlt, 'mended, without INVEPT');
  });

test('permissions of the path are in bits 5:3', t => {
  const guest = new Guest().program('mov eax, [0xc000]\n mov [0xc000], eax\n hlt');
  permit(guest, Place.data, 5n);
  t.is(guest.run(), violation);
  t.is(guest.qualification, 2n | (5n << 3n) | linearValid | final);
  permit(guest, Place.data, 7n);
  t.is(guest.run(), hlt);
});

test('execute-only pages', t => {
  const guest = new Guest().program('mov eax, 0xd000\n jmp rax').program('mov eax, [0xd000]\n hlt', 0xd000);
  permit(guest, 0xd000, 4n);
  t.is(guest.run(), violation);
  t.is(guest.rip, 0xd000);
  t.is(guest.qualification, 1n | (4n << 3n) | linearValid | final);
});

test('violation while guest page tables are read', t => {
  const guest = new Guest().program('nop\n hlt');
  permit(guest, Place.tables + 0x1000, 0n);
  t.is(guest.run(), violation);
  t.is(guest.qualification & (final | linearValid), linearValid);
  t.is(guest.qualification & 7n, 1n);
  t.is(guest.get(Field.guestPhysicalAddress), BigInt(Place.tables + 0x1000));
  t.is(guest.get(Field.guestLinearAddress), BigInt(Place.code));
});

test('violation by an accessed bit in a read-only guest table', t => {
  const guest = new Guest().program('nop\n hlt');
  permit(guest, Place.tables + 0x2000, 5n);
  t.is(guest.run(), violation);
  t.is(guest.qualification & (final | 2n), 2n);
});

test('violation while an event is delivered: reinjected, it arrives', t => {
  const guest = new Guest().program('int 0x30\n hlt').handler(0x30, 'mov eax, 9\n hlt');
  permit(guest, Place.idt, 0n);
  t.is(guest.run(), violation);
  t.is(guest.get32(Field.vectoringInfo), (0x30 | (4 << 8) | valid) >>> 0);
  t.is(guest.length, 2);
  t.is(guest.rip, Place.code);
  t.is(guest.get32(Field.guestRflags) & 0x1_0000, 0);
  permit(guest, Place.idt, 7n);
  guest.inject(0x30, 4, undefined, 2);
  t.is(guest.run(), hlt);
  t.is(guest.register(0), 9n);
});

test('violation while an event is injected', t => {
  const guest = new Guest().program('hlt').handler(13, 'hlt').inject(13, 3, 0x10);
  permit(guest, Place.stack - 0x1000, 0n);
  guest.set(Field.guestRsp, Place.stack - 0x800);
  t.is(guest.run(), violation);
  t.is(guest.get32(Field.vectoringInfo), (13 | (3 << 8) | 0x800 | valid) >>> 0);
  t.is(guest.get32(Field.vectoringErrorCode), 0x10);
});

for (const [name, bits] of [
  ['write without read', 2n],
  ['memory type 2', (2n << 3n) | 7n],
  ['memory type 7', (7n << 3n) | 7n],
  ['an address beyond the physical width', (1n << 45n) | 0x37n],
] as const)
  test(`misconfiguration: ${name}`, t => {
    const guest = new Guest().program('mov eax, [0xc008]\n hlt');
    setEntry(guest, Place.data, entry => (entry & ~0x3fn) | bits);
    t.is(guest.run(), misconfiguration);
    t.is(guest.qualification, 0n);
    t.is(guest.get(Field.guestPhysicalAddress), 0xc008n);
  });

test('misconfiguration: reserved bits of a table entry, and outranks a violation below', t => {
  const guest = new Guest().program('hlt');
  guest.write64(guest.ept + 0x2000, guest.read64(guest.ept + 0x2000) | 0x40n);
  t.is(guest.run(), misconfiguration);
});

test('2 MiB pages', t => {
  const guest = new Guest().program('mov eax, [0xc008]\n hlt');
  guest.write64(guest.ept + 0x2000, BigInt(guest.ram) | 0xb7n);
  guest.write64(guest.at(Place.data + 8), 0x55);
  t.is(guest.run(), hlt);
  t.is(guest.register(0), 0x55n);
  const crooked = new Guest().program('hlt');
  crooked.write64(crooked.ept + 0x2000, BigInt(crooked.ram + 0x1000) | 0xb7n);
  t.is(crooked.run(), misconfiguration);
});

test('accessed and dirty bits', t => {
  const guest = new Guest().program('mov eax, [0xc000]\n mov [0xd000], eax\n hlt');
  guest.set(Field.eptPointer, guest.eptPointer | 0x40n);
  t.is(guest.run(), hlt);
  t.is(entryOf(guest, 0xc000) & 0x300n, 0x100n);
  t.is(entryOf(guest, 0xd000) & 0x300n, 0x300n);
  t.is(entryOf(guest, 0xe000) & 0x300n, 0n);
  t.is(guest.read64(guest.ept) & 0x300n, 0x100n);
  t.is(entryOf(guest, Place.tables) & 0x200n, 0x200n, 'reads of guest tables count as writes');
  const plain = new Guest().program('mov eax, [0xc000]\n hlt');
  t.is(plain.run(), hlt);
  t.is(entryOf(plain, 0xc000) & 0x300n, 0n);
});

test('INVEPT: a mapping taken away is gone after it, and another root is not touched', t => {
  const guest = new Guest().program('again: mov eax, [0xc000]\n cpuid\n jmp again');
  t.is(guest.run(), 10);
  permit(guest, Place.data, 0n);
  guest.skip();
  t.is(guest.cpu.invept(1, guest.eptPointer), VmxOutcome.succeed);
  t.is(guest.run(), violation);
  permit(guest, Place.data, 7n);
  t.is(guest.run(), 10);
  permit(guest, Place.data, 0n);
  guest.skip();
  t.is(guest.cpu.invept(2, 0n), VmxOutcome.succeed);
  t.is(guest.run(), violation);
});

test('INVEPT and INVVPID refuse wrong operands with error 28', t => {
  const guest = new Guest();
  const { cpu } = guest;
  const wrong = (outcome: VmxOutcome) => {
    t.is(outcome, VmxOutcome.failValid);
    t.is(guest.get32(Field.instructionError), 28);
    guest.cpu.vmclear(guest.region());
    t.is(cpu.vmptrld(guest.vmcs), VmxOutcome.succeed);
  };
  wrong(cpu.invept(0, guest.eptPointer));
  wrong(cpu.invept(3, guest.eptPointer));
  wrong(cpu.invept(1, guest.eptPointer | 1n));
  wrong(cpu.invvpid(4, 1, 0n));
  wrong(cpu.invvpid(1, 0, 0n));
  wrong(cpu.invvpid(0, 0, 0n));
  wrong(cpu.invvpid(3, 0x1_0000, 0n));
  wrong(cpu.invvpid(0, 1, 1n << 47n));
  t.is(cpu.invvpid(2, 0, 0n), VmxOutcome.succeed);
});

test('VPIDs keep translations apart, and INVVPID drops those of one', t => {
  const guest = new Guest().program('again: mov eax, [0x600000]\n cpuid\n jmp again');
  const directory = guest.at(Place.tables + 0x2000);
  const map = (target: number) => guest.write64(directory + 3 * 8, BigInt(guest.at(0) * 0 + target) | 7n);
  // Linear 600000H by a table of 4 KiB pages at 10000H.
  map(0x1_0000);
  const page = (target: number) => guest.write64(guest.at(0x1_0000), BigInt(target) | 7n);
  guest.write64(guest.at(0xc000), 0x11);
  guest.write64(guest.at(0xd000), 0x22);
  page(0xc000);
  const read = (vpid: number) => {
    guest.set(Field.vpid, vpid).set(Field.guestRip, Place.code);
    guest.setRegister(0, 0);
    t.is(guest.run(), 10);
    return Number(guest.register(0));
  };
  t.is(read(1), 0x11);
  page(0xd000);
  t.is(read(2), 0x22, 'another VPID walks for itself');
  t.is(guest.cpu.invvpid(1, 1, 0n), VmxOutcome.succeed);
  t.is(read(1), 0x22);
  page(0xc000);
  t.is(guest.cpu.invvpid(0, 2, 0x60_0000n), VmxOutcome.succeed);
  t.is(read(2), 0x11);
});

test('without VPIDs entries flush', t => {
  const guest = new Guest().program('again: mov eax, [0x600000]\n cpuid\n jmp again').secondary(1 << 5, false);
  guest.write64(guest.at(Place.tables + 0x2000) + 3 * 8, 0x1_0007n);
  guest.write64(guest.at(0xc000), 0x11);
  guest.write64(guest.at(0xd000), 0x22);
  guest.write64(guest.at(0x1_0000), 0xc007n);
  t.is(guest.run(), 10);
  t.is(guest.register(0), 0x11n);
  guest.write64(guest.at(0x1_0000), 0xd007n);
  guest.set(Field.guestRip, Place.code);
  t.is(guest.run(), 10);
  t.is(guest.register(0), 0x22n);
});

test('PAE: the PDPTE fields go in, MOV CR3 loads others from guest memory, exits save them', t => {
  const guest = new Guest({ bits: 32 });
  guest.control(Field.primaryControls, (1 << 15) | (1 << 16), false);
  guest.write64(guest.at(0x1_0000), 0x1_1001n);
  guest.write64(guest.at(0x1_1000), 0x83n);
  guest.write64(guest.at(0x1_2000), 0x1_1001n);
  guest.write64(guest.at(0x1_2008), 0x1_3001n);
  guest.set(Field.guestCr0, 0x8000_0033).set(Field.guestCr4, 0x2020).set(Field.guestCr3, 0x1_0000);
  // The field says another thing than memory does: the field counts.
  guest.write64(guest.at(0x1_0000), 0n);
  guest.set(Field.guestPdpte0, 0x1_1001n).set(Field.guestPdpte1, 0).set(Field.guestPdpte2, 0).set(Field.guestPdpte3, 0);
  guest.program('nop\n mov eax, 0x12000\n mov cr3, eax\n hlt');
  t.is(guest.run(), hlt);
  t.is(guest.get(Field.guestPdpte1), 0x1_3001n);
  t.is(guest.get(Field.guestCr3), 0x1_2000n);
});

test('MOV CR3 in PAE mode from memory that EPT withholds', t => {
  const guest = new Guest({ bits: 32 }).control(Field.primaryControls, (1 << 15) | (1 << 16), false);
  guest.write64(guest.at(0x1_1000), 0x83n);
  guest.set(Field.guestCr0, 0x8000_0033).set(Field.guestCr4, 0x2020).set(Field.guestCr3, 0x1_0000);
  guest.set(Field.guestPdpte0, 0x1_1001n).set(Field.guestPdpte1, 0).set(Field.guestPdpte2, 0).set(Field.guestPdpte3, 0);
  guest.program('mov eax, 0x12000\n mov cr3, eax\n hlt');
  permit(guest, 0x1_2000, 0n);
  t.is(guest.run(), violation);
  t.is(guest.qualification, 1n, 'a read, of which there is neither linear address nor translation');
  t.is(guest.get(Field.guestPhysicalAddress), 0x1_2000n);
  t.is(guest.get(Field.guestCr3), 0x1_0000n, 'CR3 is as it was');
});

test('real, protected, PAE and long mode under an unrestricted guest', t => {
  const guest = new Guest({ bits: 16 }).control(Field.primaryControls, (1 << 15) | (1 << 16), false);
  guest.control(Field.primaryControls, 1 << 28);
  const { tables } = Place;
  guest.write64(guest.at(tables), BigInt(tables + 0x1000) | 7n);
  guest.write64(guest.at(tables + 0x1000), BigInt(tables + 0x2001));
  guest.write64(guest.at(tables + 0x2000), 0x83n);
  guest.write64(guest.at(Place.gdt + 0x08), 0x00cf_9b00_0000_ffffn);
  guest.write64(guest.at(Place.gdt + 0x10), 0x00cf_9300_0000_ffffn);
  guest.write64(guest.at(Place.gdt + 0x18), 0x00af_9b00_0000_ffffn);
  // A pointer for LGDT.
  guest.write(guest.at(0x7000), [0x3f, 0, 0, 0x40, 0, 0]);
  guest.program(`lgdt [0x7000]\n mov eax, cr0\n or al, 1\n mov cr0, eax\n cpuid\n jmp 8:0x9000`);
  const write32 = (source: string, place: number) => {
    const other = new Guest({ bits: 32 }).program(source, place);
    guest.write(
      guest.at(place),
      other.host.memory.bytes.subarray(
        other.host.memory.offset(other.at(place)),
        other.host.memory.offset(other.at(place)) + 0x100,
      ),
    );
  };
  write32(
    `mov ax, 0x10\n mov ds, ax\n mov ss, ax\n mov eax, 0x20a0\n mov cr4, eax\n mov eax, ${tables + 0x1000}\n mov cr3, eax
    mov eax, cr0\n or eax, 0x80000000\n mov cr0, eax\n cpuid
    mov eax, cr0\n and eax, 0x7fffffff\n mov cr0, eax\n mov eax, ${tables}\n mov cr3, eax
    mov dword [${tables + 0x1000}], ${tables + 0x2007}\n mov dword [${tables + 0x2000}], 0x87
    mov ecx, 0xc0000080\n rdmsr\n or eax, 0x100\n wrmsr\n mov eax, cr0\n or eax, 0x80000000\n mov cr0, eax\n cpuid\n jmp 0x18:0x9800`,
    0x9000,
  );
  const long = new Guest().program('mov rax, 0x123456789a\n hlt', 0x9800);
  guest.write(
    guest.at(0x9800),
    long.host.memory.bytes.subarray(
      long.host.memory.offset(long.at(0x9800)),
      long.host.memory.offset(long.at(0x9800)) + 32,
    ),
  );
  t.is(guest.run(), 10, 'protected mode');
  t.is(guest.get32(Field.guestCr0) & 1, 1);
  guest.skip();
  t.is(guest.run(), 10, 'PAE');
  t.is(guest.get(Field.guestPdpte0), BigInt(tables + 0x2001));
  t.is(guest.get32(Field.entryControls) & 0x200, 0);
  guest.skip();
  t.is(guest.run(), 10, 'IA-32e, compatibility');
  t.is(guest.get32(Field.entryControls) & 0x200, 0x200);
  t.is(guest.get32(Field.guestEfer) & 0x500, 0x500);
  guest.skip();
  t.is(guest.run(), hlt);
  t.is(guest.register(0), 0x12_3456_789an);
});

test('after power-on a hypervisor finds its tables read as before', t => {
  // Generated code walks where the guest's own tables are plain; what it demands of entries must outlive the registers.
  const guest = new Guest().program('mov eax, [0x200010]\n hlt');
  t.is(guest.run(), violation);
  const { cpu, processor } = guest;
  const registers = processor.getState();
  processor.powerOn();
  processor.setState(registers);
  cpu.wrmsr(0x3a, 5n);
  cpu.vmxon(guest.vmxon);
  cpu.vmclear(guest.vmcs);
  cpu.vmptrld(guest.vmcs);
  guest.launched = false;
  t.is(guest.run(), violation);
  t.is(guest.get(Field.guestPhysicalAddress), 0x20_0010n);
});

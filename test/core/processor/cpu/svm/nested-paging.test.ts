import test from 'ava';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 0x78;
const fault = 0x400;
const final = 1n << 32n;
const table = 1n << 33n;
const noExecute = 1n << 63n;

test('a read of what is not mapped', t => {
  const guest = new Guest().program('mov eax, [0x200123]\nhlt');
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 4n);
  t.is(guest.info2, 0x20_0123n);
  t.is(guest.rip, Place.code);
  const { bytes } = assemble(64, 'mov eax, [0x200123]\nhlt', { origin: Place.code });
  t.is(guest.byte(guest.vmcb + Control.fetched), 15);
  t.deepEqual(
    [...bytes].map((_, n) => guest.byte(guest.vmcb + Control.fetched + 1 + n)),
    [...bytes],
  );
});

test('a write', t => {
  const guest = new Guest().program('mov [0x200ffc], eax\nhlt');
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 6n);
  t.is(guest.info2, 0x20_0ffcn);
});

test('a fetch has no bytes', t => {
  const guest = new Guest().program('mov eax, 0x200010\njmp rax');
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 0x14n);
  t.is(guest.info2, 0x20_0010n);
  t.is(guest.rip, 0x20_0010);
  t.is(guest.byte(guest.vmcb + Control.fetched), 0);
});

test('a write to a page that may be read', t => {
  const guest = new Guest().program('mov eax, [0xc000]\nmov [0xc008], eax\nhlt');
  guest.write64(guest.entry(Place.data), BigInt(guest.at(Place.data)) | 5n);
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 7n);
  t.is(guest.info2, 0xc008n);
});

test("a supervisor page is nobody's", t => {
  const guest = new Guest().program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.entry(Place.data), BigInt(guest.at(Place.data)) | 3n);
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 5n);
});

test('a fetch from a no-execute page', t => {
  const guest = new Guest().program('mov eax, 0xc000\njmp rax').program('hlt', Place.data);
  guest.write64(guest.entry(Place.data), BigInt(guest.at(Place.data)) | 7n | noExecute);
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 0x15n);
});

test('a reserved bit of an entry', t => {
  const guest = new Guest().program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.entry(Place.data), BigInt(guest.at(Place.data)) | 7n | (1n << 45n));
  t.is(guest.run(), fault);
  t.is(guest.info1, final | 0xdn);
});

test("a fault while the guest's tables are walked reports the entry, as a write", t => {
  const guest = new Guest().program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.entry(Place.tables + 0x2000), 0);
  t.is(guest.run(), fault);
  t.is(guest.info1, table | 6n);
  t.is(guest.info2, BigInt(Place.tables + 0x2000));
});

test('guest tables must be writable', t => {
  const guest = new Guest().program('hlt');
  guest.write64(guest.entry(Place.tables), BigInt(guest.at(Place.tables)) | 5n);
  t.is(guest.run(), fault);
  t.is(guest.info1, table | 7n);
  t.is(guest.info2, BigInt(Place.tables));
});

test('the guest goes on where it was once the page is there', t => {
  const guest = new Guest().program('mov eax, [0xc010]\nhlt');
  const entry = guest.entry(Place.data);
  const saved = guest.read64(entry);
  guest.write64(guest.at(Place.data) + 0x10, 0x1234n);
  guest.write64(entry, 0);
  t.is(guest.run(), fault);
  guest.write64(entry, saved);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0x1234n);
});

test('accessed and dirty bits of the nested tables', t => {
  const guest = new Guest().program('mov eax, [0xc000]\nmov [0xd000], eax\nhlt');
  t.is(guest.run(), hlt);
  t.is(guest.read64(guest.entry(0xc000)) & 0x60n, 0x20n);
  t.is(guest.read64(guest.entry(0xd000)) & 0x60n, 0x60n);
  t.is(guest.read64(guest.entry(0xe000)) & 0x60n, 0n);
});

test('translations belong to an ASID until they are flushed', t => {
  // Each ASID has a page of its own: the buffers are direct mapped.
  const places = [0, Place.data, 0xd000];
  const guest = new Guest();
  for (const asid of [1, 2]) guest.program(`mov eax, [${places[asid]}]\nhlt`, Place.code + asid * 256);
  guest.write64(guest.at(Place.data), 1n);
  guest.write64(guest.at(0xd000), 1n);
  guest.write64(guest.at(0xe000), 2n);
  const read = (asid: number, tlbControl = 0): bigint => {
    guest.set32(Control.asid, asid);
    guest.set32(Control.tlbControl, tlbControl);
    guest.set(Save.rip, Place.code + asid * 256);
    t.is(guest.run(), hlt);
    return guest.get(Save.rax);
  };
  t.is(read(1), 1n);
  t.is(read(2), 1n);
  for (const asid of [1, 2]) guest.write64(guest.entry(places[asid]), BigInt(guest.at(0xe000)) | 7n);
  t.is(read(1), 1n, 'the old translation is still good');
  t.is(read(2), 1n);
  t.is(read(1, 3), 2n, 'flushed');
  t.is(read(2), 1n, 'but not that of the other');
  t.is(read(2, 1), 2n, 'all are flushed');
  t.is(read(1), 2n);
  for (const asid of [1, 2]) guest.write64(guest.entry(places[asid]), BigInt(guest.at(places[asid])) | 7n);
  t.is(read(1), 2n);
  t.is(read(1, 7), 1n);
});

test('one linear page of two ASIDs', t => {
  const guest = new Guest().program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.at(0xd000), 2n);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0n);
  guest.write64(guest.entry(Place.data), BigInt(guest.at(0xd000)) | 7n);
  guest.set32(Control.asid, 2);
  guest.set(Save.rip, Place.code);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 2n);
});

test('INVLPGA drops one page', t => {
  const guest = new Guest().program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.at(0xd000), 2n);
  t.is(guest.run(), hlt);
  guest.write64(guest.entry(Place.data), BigInt(guest.at(0xd000)) | 7n);
  guest.cpu.invlpga(Place.data, 0, 1);
  guest.set(Save.rip, Place.code);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 2n);
});

test("without nested paging the guest's tables lead to physical memory", t => {
  const guest = new Guest(64, false).program('mov eax, [0xc000]\nhlt');
  guest.write64(guest.at(Place.tables + 0x2000), BigInt(guest.ram) | 0x87n);
  guest.write64(guest.at(Place.data), 0x4321n);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0x4321n);
});

test('legacy PAE under nested paging reads its four entries from memory', t => {
  const guest = new Guest(32).program('mov eax, [0x4000c010]\nhlt');
  guest.write64(guest.at(Place.tables), BigInt(Place.tables + 0x1000) | 1n);
  guest.write64(guest.at(Place.tables + 8), BigInt(Place.tables + 0x2000) | 1n);
  guest.write64(guest.at(Place.tables + 0x1000), 0x83n);
  guest.write64(guest.at(Place.tables + 0x2000), 0x83n);
  guest.write64(guest.at(Place.data + 0x10), 0x99n);
  guest.set(Save.cr0, 0x8000_0033n);
  guest.set(Save.cr3, Place.tables);
  guest.set(Save.cr4, 0x20);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0x99n);
});

test('MOV CR3 looks at no PDPTE under nested paging: their walk faults', t => {
  const guest = new Guest(32).intercept(0x4e);
  guest.write64(guest.at(Place.tables), BigInt(Place.tables + 0x1000) | 1n);
  guest.write64(guest.at(Place.tables + 0x1000), 0x83n);
  guest.write64(guest.at(Place.tables + 0x20), BigInt(Place.tables + 0x1000) | 1n);
  guest.write64(guest.at(Place.tables + 0x28), 0x1e7n);
  guest.set(Save.cr0, 0x8000_0033n);
  guest.set(Save.cr3, Place.tables);
  guest.set(Save.cr4, 0x20);
  guest.program(`mov eax, ${Place.tables + 0x20}\nmov cr3, eax\nmov eax, [0x40000000]\nhlt`);
  t.is(guest.run(), 0x4e);
  t.is(guest.info1, 9n, 'a reserved bit');
  t.is(guest.info2, 0x4000_0000n);
});

test('without nested paging bad PDPTEs are VMEXIT_INVALID', t => {
  const guest = new Guest(32, false);
  const { host } = guest;
  const tables = host.memory.allocate(1);
  guest.write64(tables, 0x1e7n);
  guest.set(Save.cr0, 0x8000_0033n);
  guest.set(Save.cr3, tables);
  guest.set(Save.cr4, 0x20);
  t.is(guest.run(), -1);
});

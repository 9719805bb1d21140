/**
 * A data breakpoint that MOV SS meets is reported after the next instruction. A VMCS keeps it meanwhile, a VMCB has no place for it: an exit
 * in between loses it on SVM, and no state of a guest has it.
 */
import test from 'ava';
import { at, Guest } from './guest.ts';

const source = `
  mov eax, ${at.data}\n mov dr0, rax
  mov eax, 0x70402\n mov dr7, rax
  mov ss, [${at.data}]
  held: nop
  reported: nop
  nop\n nop\n hlt`;
/** The instructions up to MOV SS. */
const before = 5;

function create(name: string): { guest: Guest; symbols: ReadonlyMap<string, bigint> } {
  const guest = new Guest(name).long();
  guest.put(at.data, 0x10);
  return { guest, symbols: guest.load(64, source) };
}

for (const name of ['nvmm-vmx', 'software'])
  test(`${name}: it is kept where the time is over`, t => {
    const { guest, symbols } = create(name);
    t.is(guest.run(before).reason, 'limit');
    t.is(BigInt(guest.rip), symbols.get('held')!);
    t.true(guest.state.interrupts.shadow);
    while (guest.run(1).reason === 'limit');
    t.is(guest.vector, 1);
    t.is(guest.get64(at.stack - 40), symbols.get('reported')!);
    t.is(guest.state.debug.dr6 & 0xfn, 1n);
  });

for (const name of ['nvmm-svm', 'nvmm-vmx', 'software'])
  test(`${name}: another state has nothing of it`, t => {
    const { guest } = create(name);
    const { state } = guest;
    t.is(guest.run(before).reason, 'limit');
    guest.processor.setState({ ...state, interrupts: { ...state.interrupts, shadow: true } });
    guest.load(64, 'nop\n nop\n hlt');
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, -1);
  });

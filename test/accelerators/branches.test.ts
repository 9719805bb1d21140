/** A guest whose own processor has DEBUGCTL: software alone can give it one. */
import test from 'ava';
import { amd, differences, intel } from '../../core/index.ts';
import { guestModel } from '../../machines/guest-model.ts';
import { at, Guest, names } from './guest.ts';

const debugControl = 0x1d9;
const wrmsr = (value: number) => `mov ecx, ${debugControl}\n mov eax, ${value}\n xor edx, edx\n wrmsr\n`;
const step = 'pushfq\n or qword ptr [rsp], 0x100\n popfq\n';
const create = (cpu = amd(), name = 'software') => new Guest(name, { cpu });

test('BTF: what the board serves is no branch, unless it is one', t => {
  const guest = create().long();
  const symbols = guest.load(
    64,
    `${wrmsr(2)}${step}
     out 0x80, al
     add eax, [0xd0000000]
     rep insb
     jmp qword ptr [0xd0000008]
   next: nop`,
  );
  guest.set({ rip: at.code, rdi: at.data, rdx: 0x80 });
  guest.memory = address => (address === 0xd000_0008 ? symbols.get('next')! : 0n);
  t.is(guest.run().reason, 'halt');
  t.is(guest.vector, 1);
  t.is(guest.get64(at.stack - 40), symbols.get('next')!);
});

test('LBR: a call whose target is a device, and one whose stack is', t => {
  const guest = create(intel()).long();
  const symbols = guest.load(
    64,
    `${wrmsr(1)}
   first: call qword ptr [0xd0000008]
     hlt
   next: mov esp, 0xd0001000
   second: call last
     nop
   last: hlt`,
  );
  guest.memory = () => symbols.get('next')!;
  t.is(guest.run().reason, 'halt');
  const { branches } = guest.state.debug;
  t.is(branches?.branchTop, 2n);
  t.deepEqual(
    branches?.from.slice(1, 3),
    ['first', 'second'].map(name => symbols.get(name)),
  );
  t.deepEqual(
    branches?.to.slice(1, 3),
    ['next', 'last'].map(name => symbols.get(name)),
  );
});

test('the state has it, and goes on elsewhere', t => {
  const source = `${wrmsr(3)}jmp a\na: jmp b\nb: ${step}nop\n jmp c\n nop\nc: hlt`;
  const guest = create().long(source);
  const symbols = guest.load(64, source);
  t.is(guest.run(6).reason, 'limit');
  const { state } = guest;
  t.deepEqual(
    [state.debug.branches?.from[0], state.debug.branches?.to[0]],
    ['a', 'b'].map(name => symbols.get(name)),
  );
  const other = create().long(source);
  other.processor.setState(state);
  t.deepEqual(differences(other.state, state), []);
  t.is(other.run().reason, 'halt');
  t.is(other.vector, 1);
  t.is(other.get64(at.stack - 40), symbols.get('c')!);
  t.is(other.state.debug.branches?.debugControl, 0n);
  other.processor.setState({ debug: { ...state.debug, branches: undefined as never } });
  t.false('branches' in other.state.debug);
  for (const name of names) {
    const refuses = create(guestModel({ cpu: 'amd', processors: 1 }), name).long();
    t.throws(() => refuses.processor.setState({ debug: state.debug }), { code: 'bad-state' }, name);
  }
});

/** Accelerators do not agree on average: the same random program leaves the same guest and has asked the board the same things. */
import test from 'ava';
import { type CpuState, differences } from '../../core/index.ts';
import { random } from '../kit/contract/random.ts';
import { at, Guest, names } from './guest.ts';

/** Whoever made the host's processor, the guest's executes instructions as its own vendor's does. */
const vendors = ['amd', 'intel'] as const;
const interpreted = vendors.map(cpu => names.map(name => new Guest(name, { cpu })));
/** Only 64-bit code is compiled. */
const compiled = vendors.map(cpu => names.map(name => new Guest(name, { cpu, engine: 'jit' })));

function outcome(guest: Guest, mode: 'real' | 'protected' | 'long', seed: number) {
  const next = random(seed * 104_729);
  guest.reset()[mode](undefined, {
    rax: next(),
    rbx: at.data,
    rcx: next() & 0xff,
    rdx: next(),
    rsi: at.data + 0x800,
    rdi: at.device,
    rbp: at.stack,
  });
  guest.processor.setState({ msrs: { ...guest.state.msrs, tsc: BigInt(seed) } });
  for (let n = 0; n < 0x1000; n++) guest.bytes[at.code + n] = next();
  for (let n = 0; n < 0x400; n++) guest.put(at.data + 4 * n, next());
  guest.block.written(at.code, 0x1000);
  guest.msr = index => (index & 1 ? BigInt(index) : undefined);
  guest.memory = address => BigInt(address & 0xff) * 0x0101_0101_0101_0101n;
  guest.input = port => port * 3;
  const exits: string[] = [];
  for (let round = 0; round < 4; round++) {
    const exit = guest.run(97 + round);
    exits.push(exit.reason);
    if (exit.reason === 'shutdown' || exit.reason === 'error') break;
    guest.pin.raise(0x20 + (next() & 0x7f));
  }
  return { exits, log: guest.log, state: comparable(guest.state), memory: guest.bytes.slice() };
}

/** SVM has every CS be code; in real mode it may have been loaded as data. */
function comparable(state: CpuState): CpuState {
  const { segments, controls } = state;
  if (controls.cr0 & 1n) return state;
  return { ...state, segments: { ...segments, cs: { ...segments.cs, attributes: segments.cs.attributes | 8 } } };
}

for (const [n, mode] of vendors.flatMap((_, n) =>
  (['real', 'protected', 'long'] as const).map(mode => [n, mode] as const),
)) {
  test(`random code agrees: ${mode}, ${vendors[n]}`, t => {
    const guests = mode === 'long' ? [...interpreted[n], ...compiled[n]] : interpreted[n];
    let compared = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const [first, ...others] = guests.map(guest => outcome(guest, mode, seed));
      // Events whose stack or IDT is no memory end a machine, here sooner and there later.
      const ends = [first!, ...others].map(({ exits }) => exits.at(-1));
      const stackIsMemory = [first!, ...others].every(({ state }) => state.general.registers[4] < 0x1f_0000n);
      if (ends.includes('shutdown') || ends.includes('error') || !stackIsMemory) continue;
      compared++;
      others.forEach((other, n) => {
        const where = `${mode}, seed ${seed}, ${guests[0].name} and ${guests[n + 1].name}`;
        t.deepEqual(other.exits, first!.exits, where);
        t.deepEqual(other.log, first!.log, where);
        t.deepEqual(differences(other.state, first!.state), [], where);
        t.is(Buffer.compare(other.memory, first!.memory), 0, where);
      });
    }
    t.true(compared > 75, `${compared}`);
  });
}

/** INIT that a processor sends to itself through its local APIC's page, in the midst of an access that the board serves. */
import test from 'ava';
import { accelerators } from '#accelerators';
import { build, pc } from '#machines';
import { bootSource } from '../hostile/image.ts';

const guest = {
  name: 'init-self',
  does: 'INIT to itself',
  source: `
guest:
  mov   dword [0xfee00310], 0
  mov   dword [0xfee00300], 0x4500
  ud2`,
};

test('it stands at the reset vector then, with nothing left of what it was, on every accelerator', async t => {
  const ends: unknown[] = [];
  for (const { name } of accelerators) {
    const profile = pc.with({ memory: '64 MiB', boot: bootSource(guest) });
    await using machine = await build(profile, { accelerator: name });
    const outcome = await machine.run({ timeout: '1 s' });
    const { general, segments, controls, msrs } = machine.processors[0].getState();
    const { tsc: _, ...kept } = msrs;
    ends.push({ time: machine.now, registers: general.registers, cs: segments.cs, cr0: controls.cr0, msrs: kept });
    // There is no ROM below 4 GiB: nobody can go on from there.
    t.is(outcome.kind, 'error');
    t.is(general.rip, 0xfff0n);
    t.is(segments.cs.base, 0xffff_0000n);
    t.is(controls.cr0, 0x10n | (controls.cr0 & 0x6000_0000n));
  }
  for (const end of ends) t.deepEqual(end, ends[0]);
});

/** What comes from outside while a processor runs: interrupts, cancellations, a task priority, and what the board hears of its counter. */
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

/** More than the entries below may take; an implementation that heeds what happens only at their end takes as many. */
const budget = 20_000_000;

const loops = {
  plain: 'sti\n again: inc rbx\n jmp again',
  'of dear instructions': 'sti\n again: fldpi\n fsin\n fstp st(0)\n jmp again',
} as const;

export function outside(test: AddCase, guest: Guest): void {
  const { pin, accelerator } = guest;

  /** The board does so the first time that it is asked. */
  const once = (action: () => void): void => {
    let asked = false;
    guest.isOverdue = () => {
      if (!asked) action();
      asked = true;
      return false;
    };
  };

  for (const [kind, loop] of Object.entries(loops)) {
    for (const [what, vector] of [
      ['an interrupt', 0x51],
      ['an NMI', 2],
    ] as const)
      test(`${what} from outside stops a running loop ${kind} at once`, t => {
        guest.reset().long(loop);
        let raised = -1;
        once(() => {
          raised = accelerator.time.ticks;
          if (vector === 2) pin.raiseNmi();
          else pin.raise(vector);
        });
        t.deepEqual(guest.run(budget), { reason: 'halt' });
        t.is(guest.vector, vector);
        t.true(raised > 0, 'it was running');
        // The handler is one instruction; generated code may finish the one that it is in.
        t.true(accelerator.time.ticks - raised <= 3, `${accelerator.time.ticks - raised} instructions later`);
      });

    test(`a cancellation from outside ends a running loop ${kind} at once`, t => {
      guest.reset().long(loop);
      let cancelled = -1;
      once(() => {
        cancelled = accelerator.time.ticks;
        guest.processor.cancel();
      });
      t.deepEqual(guest.run(budget), { reason: 'cancelled' });
      t.true(cancelled > 0 && accelerator.time.ticks - cancelled <= 2);
    });
  }

  test('a masked interrupt that waits changes nothing', t => {
    guest.reset().long('mov ecx, 400000\n again: dec ecx\n jnz again\n hlt');
    once(() => pin.raise(0x51));
    t.deepEqual(guest.run(budget), { reason: 'halt' });
    t.is(guest.vector, -1);
    t.deepEqual(pin.taken, []);
  });

  test("CR8 is the interrupt controller's: the state says what the board has", t => {
    guest.reset().long('mov rbx, cr8\n mov eax, 6\n mov cr8, rax\n hlt');
    pin.taskPriority = 9;
    const { controls } = guest.state;
    t.is(controls.cr8, 9n, 'before any entry');
    guest.processor.setState({ controls: { ...controls, cr8: 3n } });
    t.is(pin.taskPriority, 3);
    pin.taskPriority = 4;
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rbx'), 4n);
    t.is(pin.taskPriority, 6);
    t.is(guest.state.controls.cr8, 6n);
  });

  test('the board is told what the time-stamp counter is ahead of the time', t => {
    guest.reset().long('wrmsr\n jmp $', { rcx: 0x10, rdx: -1n, rax: 0x10 });
    const offsets: (readonly [processor: number, offset: bigint])[] = [];
    guest.timestampChanged = (processor, offset) => offsets.push([processor, offset]);
    const before = BigInt(accelerator.time.ticks);
    t.is(guest.run(1).reason, 'limit');
    t.deepEqual(offsets, [[0, BigInt.asIntN(64, 0xffff_ffff_0000_0010n - before)]]);
    const { msrs } = guest.state;
    guest.processor.setState({ msrs: { ...msrs, tsc: 5n } });
    t.deepEqual(offsets.slice(1), [[0, 5n - BigInt(accelerator.time.ticks)]]);
    t.is(guest.state.msrs.tsc, 5n);
  });

  test('the counters of a machine that is powered on are equal', t => {
    const { machine } = guest.another({ processors: 3 });
    t.deepEqual(
      machine.processors.map(processor => processor.getState('msrs').msrs.tsc),
      [0n, 0n, 0n],
    );
    t.is(machine.processors[2].getState('general').general.rip, 0xfff0n, `code is not at ${at.code}`);
  });
}

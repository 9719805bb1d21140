import { MemoryStream } from '#core';
import {
  AcpiPm,
  DebugConsole,
  DebugExit,
  Hpet,
  IoApic,
  IsaInterrupts,
  IsaSerial,
  LocalApic,
  Pic,
  Pit,
  PlatformMsrs,
  Ps2Controller,
  Rtc,
  SystemPort,
} from '#devices';
import { TestBoard } from './support.ts';

/** A board with one of everything, as a PC would have it. */
export function fullBoard(processors = 2, board = new TestBoard(processors)) {
  const stream = new MemoryStream();
  const devices = {
    pic: board.add('pic', Pic, {}),
    ioapic: board.add('ioapic', IoApic, {}),
    isa: board.add('isa', IsaInterrupts, {}),
    lapic: board.add('lapic', LocalApic, {}),
    hpet: board.add('hpet', Hpet, {}),
    pit: board.add('pit', Pit, { irq: 'hpet@0' }),
    rtc: board.add('rtc', Rtc, { irq: 'hpet@8' }),
    acpi: board.add('acpi', AcpiPm, {}),
    system: board.add('system', SystemPort, {}),
    com1: board.add('com1', IsaSerial, { stream }),
    ps2: board.add('ps2', Ps2Controller, {}),
    console: board.add('console', DebugConsole, { port: 0x402 }),
    exit: board.add('exit', DebugExit, {}),
    msrs: board.add('msrs', PlatformMsrs, {}),
  };
  return { board, stream, devices };
}

/** What gdb's `monitor` says to the machine. */
import { instructionAddress } from '#accelerators';
import { listing } from '#core';
import { guestModel } from '../guest-model.ts';
import type { LinearMemory } from '../linear-memory.ts';
import type { Machine } from '../machine.ts';
import { hexOf } from './packet.ts';

export interface MonitorContext {
  readonly machine: Machine;
  /** The processor that gdb has chosen. */
  readonly processor: number;
  readonly memory: LinearMemory;
}

interface Command {
  readonly help: string;
  /** What is said back, in lines. */
  run(context: MonitorContext, argument: string): readonly string[];
}

const hex = (value: bigint | number, digits = 16): string => value.toString(16).padStart(digits, '0');

const names = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];

function registers({ machine, processor }: MonitorContext): readonly string[] {
  const { general, segments, controls, debug, msrs } = machine.processors[processor].getState();
  const { execution, codeBits, paging } = machine.processors[processor].mode;
  const columns = (parts: readonly string[], width: number): string[] =>
    Array.from({ length: Math.ceil(parts.length / width) }, (_, n) =>
      parts.slice(n * width, (n + 1) * width).join('  '),
    );
  const { gdtr, idtr, ...parts } = segments;
  return [
    `processor ${processor}: ${execution} mode, ${codeBits}-bit code, paging ${paging}`,
    ...columns(
      general.registers.map((value, n) => `${(names[n] ?? `r${n}`).padEnd(3)} ${hex(value)}`),
      4,
    ),
    `rip ${hex(general.rip)}  rflags ${hex(general.rflags, 8)}`,
    ...Object.entries(parts).map(
      ([name, { selector, base, limit, attributes }]) =>
        `${name.padEnd(4)} ${hex(selector, 4)}  base ${hex(base)}  limit ${hex(limit, 8)}  attributes ${hex(attributes, 4)}`,
    ),
    `gdtr base ${hex(gdtr.base)} limit ${hex(gdtr.limit, 4)}  idtr base ${hex(idtr.base)} limit ${hex(idtr.limit, 4)}`,
    columns(
      (['cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'xcr0'] as const).map(name => `${name} ${hex(controls[name])}`),
      6,
    ).join('\n'),
    columns(
      Object.entries(debug).flatMap(([name, value]) => (typeof value === 'bigint' ? [`${name} ${hex(value)}`] : [])),
      6,
    ).join('\n'),
    columns(
      Object.entries(msrs).map(([name, value]) => `${name} ${hex(value)}`),
      3,
    ).join('\n'),
  ];
}

function msr({ machine, processor }: MonitorContext, argument: string): readonly string[] {
  const [index, value] = argument.split(/\s+/);
  if (!index || !/^(0x)?[0-9a-f]+$/i.test(index) || (value && !/^(0x)?[0-9a-f]+$/i.test(value)))
    return ['usage: msr INDEX [VALUE], in hexadecimal'];
  const number = Number.parseInt(index, 16);
  if (number >= 2 ** 32) return [`${index} is no index of an MSR`];
  const cpu = machine.processors[processor];
  if (value === undefined) {
    const read = cpu.getMsr(number);
    return [read === undefined ? 'RDMSR would fault (#GP)' : hex(read)];
  }
  const wanted = BigInt(`0x${value.replace(/^0x/i, '')}`);
  if (wanted >= 1n << 64n) return [`${value} has more than 64 bits`];
  return cpu.setMsr(number, wanted) ? [] : ['WRMSR would fault (#GP)'];
}

function translation({ machine, processor }: MonitorContext, argument: string): readonly string[] {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(argument)) return ['usage: gva2gpa ADDRESS, in hexadecimal'];
  const found = machine.processors[processor].translate(BigInt(`0x${argument.replace(/^0x/i, '')}`));
  if (!found) return ['nothing is mapped there'];
  const { gpa, pageSize, writable, executable, user } = found;
  const rights = `${writable ? 'w' : '-'}${executable ? 'x' : '-'}${user ? 'u' : '-'}`;
  return [`gpa ${hex(gpa)}, page of ${pageSize} bytes, ${rights}`];
}

/** In the size of the code that the processor executes, which gdb does not follow. */
function assembly({ machine, processor, memory }: MonitorContext, argument: string): readonly string[] {
  const [place, many = '10'] = argument.split(/\s+/);
  if ((place && !/^(0x)?[0-9a-f]{1,16}$/i.test(place)) || !/^\d{1,3}$/.test(many))
    return ['usage: asm [ADDRESS [COUNT]], the address in hexadecimal'];
  const cpu = machine.processors[processor];
  const here = instructionAddress(cpu.getState('general', 'segments', 'msrs'));
  const address = place ? BigInt(`0x${place.replace(/^0x/i, '')}`) : here;
  const count = Number(many);
  const bytes = memory.read(processor, address, 15 * count);
  const { codeBits: bits } = cpu.mode;
  const lines = listing(bytes, { bits, address, count, features: guestModel(machine.profile).features });
  if (lines.length === 0) return ['nothing is mapped there'];
  return lines.map(
    ({ address: at, bytes: code, text }) =>
      `${at === here ? '=>' : '  '} ${hex(at)}  ${hexOf(code).padEnd(20)}  ${text}`,
  );
}

/** Small numbers, so that bigint and tree values print. */
const printed = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part), 1) ?? '';

function inspect({ machine }: MonitorContext, name: string): readonly string[] {
  const device = machine.devices.get(name);
  return device ? [printed(device.inspect())] : [`devices are: ${[...machine.devices.keys()].join(', ')}`];
}

const commands: Readonly<Record<string, Command>> = {
  status: { help: 'what the machine is doing', run: ({ machine }) => machine.status() },
  registers: { help: 'all registers of the processor, segments and tables included', run: registers },
  asm: { help: '[ADDRESS [COUNT]]: instructions, in the size of the code that runs', run: assembly },
  msr: { help: 'INDEX [VALUE]: reads or writes an MSR, as RDMSR and WRMSR do', run: msr },
  gva2gpa: { help: 'ADDRESS: where a linear address leads', run: translation },
  device: { help: '[NAME]: the state of a device', run: inspect },
  reset: {
    help: 'power-on state again',
    run({ machine }) {
      machine.reset();
      return [];
    },
  },
  quit: {
    help: 'ends the run',
    run({ machine }) {
      machine.stop();
      return [];
    },
  },
};

/** QEMU's names for some of them. */
const aliases: Readonly<Record<string, string>> = {
  'info registers': 'registers',
  'info status': 'status',
  'info cpus': 'status',
  system_reset: 'reset',
  q: 'quit',
};

const helpLines: readonly string[] = Object.entries(commands).map(([name, { help }]) => `${name.padEnd(10)} ${help}`);

/** The answer ends with a newline, unless there is none. */
export function monitor(context: MonitorContext, line: string): string {
  const text = line.trim();
  const whole = aliases[text.replace(/\s+/g, ' ')] ?? text;
  const [, name = '', argument = ''] = /^(\S*)\s*(.*)$/s.exec(whole) ?? [];
  if (name === '' || name === 'help') return `${helpLines.join('\n')}\n`;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return `there is no command ${name}; help lists them\n`;
  const lines = command.run(context, argument.trim());
  return lines.length ? `${lines.join('\n')}\n` : '';
}

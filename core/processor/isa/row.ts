/** One encoding of one instruction, parsed from its notation: a row of the opcode map. */
import type { Instruction } from './instruction.ts';
import type { Encoding, EncodingOptions } from './notation.ts';
import { laneWidth, type OperandPattern, parseOperand } from './operand-pattern.ts';

/** Opcode spaces by their escape bytes; those of VEX by VEX.mmmmm. */
export const Space = { one: 0, of: 1, of38: 2, of3a: 3, vexOf: 5, vexOf38: 6, vexOf3a: 7 } as const;
export type Space = (typeof Space)[keyof typeof Space];
/** From a space to the same one behind a VEX prefix. */
export const vexSpaces = 4;
export const opcodeCount = 0x800;
export const escapes: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** Mandatory prefix of an encoding: `any` where 66, F2 and F3 are no part of the opcode, `none` where they must be absent. */
export type MandatoryPrefix = 'any' | 'none' | '66' | 'f3' | 'f2' | 'no-rep';

export interface Row {
  readonly instruction: Instruction;
  readonly text: string;
  readonly space: Space;
  readonly byte: number;
  readonly prefix: MandatoryPrefix;
  /** The low three bits of the opcode are a register. */
  readonly plusRegister: boolean;
  readonly hasModrm: boolean;
  /** Opcode extension in ModRM.reg, or -1. */
  readonly reg: number;
  /** The whole ModRM byte, or -1. */
  readonly modrm: number;
  readonly memory: boolean;
  readonly register: boolean;
  /** ModRM.mod is not looked at: r/m is a register always (MOV CRn and DRn). */
  readonly forcesRegister: boolean;
  readonly operands: readonly OperandPattern[];
  readonly options: EncodingOptions;
  /** By vector width: 128 bits, 256. */
  readonly features: readonly [string | undefined, string | undefined];
  readonly vex: boolean;
  /** VEX.L as it must be. */
  readonly l: 0 | 1 | 'both' | 'ignored';
  /** The legacy form's first operand is the second one here, too. */
  readonly merges: boolean;
}

const prefixes: Readonly<Record<string, MandatoryPrefix>> = {
  np: 'none',
  nr: 'no-rep',
  '66': '66',
  f3: 'f3',
  f2: 'f2',
};

const isByte = (token: string | undefined): boolean => token !== undefined && /^[0-9a-f]{2}(\+[ri])?$/.test(token);

const vexInstructions = new Map<Instruction, Instruction>();

/** The instruction with a VEX prefix: its name, and the unit that it asks. */
function vexForm(instruction: Instruction): Instruction {
  let known = vexInstructions.get(instruction);
  if (!known) {
    const { unit, ...rest } = instruction;
    known = {
      ...rest,
      name: `v${instruction.name}`,
      ...(unit === 'sse' ? { unit: 'avx' as const } : unit ? { unit } : {}),
    };
    vexInstructions.set(instruction, known);
  }
  return known;
}

/** The rows of one encoding: as it is, and with a VEX prefix if it has such a form. */
export function parseRows(instruction: Instruction, encoding: Encoding): Row[] {
  const isVex = encoding[0].startsWith('vex ');
  const row = parseRow(isVex && instruction.unit === 'sse' ? vexForm(instruction) : instruction, encoding);
  const { vex, ...options } = row.options;
  if (vex === undefined) return [row];
  const operands = vex.split(' ');
  const { vexFeature = 'avx', vexW, ...others } = options;
  const vexOptions: EncodingOptions = { ...others, feature: vexFeature, ...(vexW === undefined ? {} : { w: vexW }) };
  const other = parseRow(vexForm(instruction), [`vex ${encoding[0]}`, ...operands, vexOptions]);
  return [row, { ...other, merges: operands.length > row.operands.length }];
}

/** VEX.L follows from the operands where the row does not say it. */
function vectorLength(options: EncodingOptions, operands: readonly OperandPattern[]): Row['l'] {
  if (options.l !== undefined) return options.l;
  if (operands.some(operand => laneWidth(operand) > 0)) return 'both';
  return operands.some(({ type }) => type === 'ss' || type === 'sd') ? 'ignored' : 0;
}

function parseRow(instruction: Instruction, encoding: Encoding): Row {
  const [opcode, ...rest] = encoding;
  const text = `${instruction.name} [${[opcode, ...rest.filter(part => typeof part === 'string')].join(' ')}]`;
  const wrong = (why: string): never => {
    throw new Error(`${text}: ${why}`);
  };
  const options = (rest.find(part => typeof part === 'object') ?? {}) as EncodingOptions;
  const operands = rest.filter(part => typeof part === 'string').map(parseOperand);

  const tokens = opcode.replace(/ \+r/, '+r').split(' ');
  const vex = tokens[0] === 'vex';
  if (vex) tokens.shift();
  let prefix: MandatoryPrefix = 'any';
  if (tokens[0] in prefixes && isByte(tokens[1])) prefix = prefixes[tokens.shift()!];
  let space: Space = Space.one;
  const [leading, second] = tokens;
  if (leading === '0f' && isByte(second)) {
    tokens.shift();
    space = Space.of;
    if ((second === '38' || second === '3a') && isByte(tokens[1])) {
      tokens.shift();
      space = second === '38' ? Space.of38 : Space.of3a;
    }
  }
  if (vex) {
    if (space === Space.one || prefix === 'any') wrong('a VEX row has a prefix class and an escape');
    space = (space + vexSpaces) as Space;
  }
  const first = tokens.shift();
  if (!isByte(first)) return wrong('no opcode byte');
  const byte = Number.parseInt(first!, 16);
  const plusRegister = first!.includes('+');
  let reg = -1;
  let modrm = -1;
  let only: 'mem' | 'reg' | undefined;
  for (const token of tokens) {
    if (/^\/[0-7]$/.test(token)) reg = Number(token[1]);
    else if (token === 'mem' || token === 'reg') only = token;
    else if (isByte(token)) modrm = Number.parseInt(token, 16);
    else if (token !== '/r') wrong(`"${token}" is not understood`);
  }

  const hasModrm = reg >= 0 || modrm >= 0 || only !== undefined || operands.some(operand => operand.modrm);
  const rm = operands.filter(operand => operand.modrm && (operand.memory || operand.register));
  if (rm.length > 1) wrong('two operands in ModRM.rm');
  if (plusRegister && byte & 7) wrong('+r on an opcode that is no multiple of eight');
  const forcesRegister = operands.some(({ kind }) => kind === 'control' || kind === 'debug');
  const memory = modrm >= 0 ? modrm < 0xc0 : only !== 'reg' && (rm.length === 0 || rm[0].memory) && !forcesRegister;
  const register = modrm >= 0 ? modrm >= 0xc0 : only !== 'mem' && (rm.length === 0 || rm[0].register);
  const feature = options.feature ?? instruction.feature;
  return {
    instruction,
    text,
    space,
    byte,
    prefix,
    plusRegister,
    hasModrm,
    reg,
    modrm,
    memory: hasModrm && memory,
    register: hasModrm && register,
    forcesRegister,
    operands,
    options,
    features: [feature, options.wideFeature ?? feature],
    vex,
    l: vex ? vectorLength(options, operands) : 0,
    merges: false,
  };
}

/**
 * What is compiled as one function: the basic blocks of a page that are reached from a hot record by direct branches, calls and their
 * return sites included, as far as they are decoded.
 */

import { type Helper, helpers } from '../ir/helpers.ts';
import type { Form } from '../isa/form.ts';
import { programOf } from '../isa/programs.ts';
import type { CompiledInstruction } from './instruction.ts';

export interface Block {
  readonly offset: number;
  readonly instructions: readonly CompiledInstruction[];
  /** Page offset after the last instruction. */
  readonly end: number;
}

export interface Region {
  /** In the order of their addresses. */
  readonly blocks: readonly Block[];
  /** Offsets of blocks at which the region may be entered: the hot record's first. */
  readonly entries: readonly number[];
  /** Offsets of blocks that follow a call. */
  readonly returnSites: readonly number[];
  /** Some branch goes back. */
  readonly loops: boolean;
}

const blockCount = 48;
const blockLength = 60;
const instructionCount = 400;

/** REP and whatever may transfer in a helper is left to the interpreter. */
const compilable: (boolean | undefined)[] = [];
export function isCompilable(form: Form): boolean {
  compilable[form.id] ??=
    form.code64 &&
    programOf(form).effects.every(
      effect =>
        effect.kind !== 'again' &&
        effect.kind !== 'bulk' &&
        effect.kind !== 'window' &&
        !(effect.kind === 'call' && (helpers[effect.helper] as Helper).transfers),
    );
  return compilable[form.id]!;
}

export interface Branch {
  readonly direct: boolean;
  readonly conditional: boolean;
}

const branches: (Branch | null)[] = [];
export function branchOf({ form }: CompiledInstruction): Branch | undefined {
  if (branches[form.id] === undefined) {
    const jump = programOf(form).effects.find(effect => effect.kind === 'jump');
    branches[form.id] = jump
      ? { direct: jump.target.operation === 'immediate', conditional: jump.when !== undefined }
      : null;
  }
  return branches[form.id] ?? undefined;
}

/** What is known about a page's code. */
export interface PageCode {
  at(offset: number): CompiledInstruction | undefined;
  /** How often the instruction there has been jumped to, about. */
  jumps(offset: number): number;
}

/**
 * A branch target joins the region only if it was reached this often in the time the head was reached 16,000 times. Cold code is not compiled.
 */
const rareBranch = 128;
const rareCall = 1600;

export function findRegion(head: number, code: PageCode): Region | undefined {
  const known = (offset: number): CompiledInstruction | undefined => {
    if (offset < 0 || offset > 4095) return undefined;
    const instruction = code.at(offset);
    return instruction && isCompilable(instruction.form) ? instruction : undefined;
  };
  const leaders = new Set<number>();
  const returnSites = new Set<number>();
  const backwards = new Set<number>();
  const queue: number[] = [];
  const jumps = (offset: number): number => (offset < 0 || offset > 4095 ? 0 : code.jumps(offset));
  const lead = (offset: number): boolean => {
    if (leaders.has(offset)) return true;
    if (leaders.size >= blockCount || !known(offset)) return false;
    leaders.add(offset);
    queue.push(offset);
    return true;
  };
  lead(head);
  let total = 0;
  for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
    let offset = start;
    for (let count = 0; count < blockLength && total < instructionCount; count++, total++) {
      const instruction = known(offset);
      if (!instruction || (count > 0 && leaders.has(offset))) break;
      offset += instruction.length;
      const branch = branchOf(instruction);
      if (!branch) continue;
      const isCall = instruction.form.instruction.branch === 'call';
      if (branch.direct) {
        const target = Number(instruction.immediate);
        const worthwhile =
          jumps(target) >= (isCall ? rareCall : branch.conditional ? rareBranch : 0) || leaders.has(target);
        if (worthwhile && lead(target) && target <= instruction.offset) backwards.add(target);
      }
      if (branch.conditional) lead(offset);
      else if (isCall && lead(offset)) returnSites.add(offset);
      break;
    }
  }

  const blocks = [...leaders].sort((a, b) => a - b).map(offset => blockAt(offset, leaders, known));
  if (blocks.length === 0) return undefined;
  const entries = [...new Set([head, ...returnSites, ...backwards])];
  return { blocks, entries, returnSites: [...returnSites], loops: backwards.size > 0 };
}

function blockAt(
  start: number,
  leaders: ReadonlySet<number>,
  known: (offset: number) => CompiledInstruction | undefined,
): Block {
  const instructions: CompiledInstruction[] = [];
  let offset = start;
  while (instructions.length < blockLength && !(instructions.length > 0 && leaders.has(offset))) {
    const instruction = known(offset);
    if (!instruction) break;
    instructions.push(instruction);
    offset += instruction.length;
    if (branchOf(instruction)) break;
  }
  return { offset: start, instructions, end: offset };
}

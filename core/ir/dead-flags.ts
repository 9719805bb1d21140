/** Which flags nobody will look at: liveness over instructions in a row. ZF, SF and PF are one part, as the state block keeps them. */
import { helpers } from '../isa/helpers.ts';
import type { Effect, FlagUpdate, Program } from './effect.ts';
import type { FlagName } from './value.ts';
import { allValues } from './visit.ts';

export const FlagPart = { result: 1, cf: 2, af: 4, of: 8, all: 15 } as const;

export interface FlagUse {
  /** Parts whose value before the instruction matters to it. */
  readonly reads: number;
  /** Parts that it may write. */
  readonly writes: number;
  /** Parts that it always writes. */
  readonly kills: number;
  /** It may fault or leave, and then all flags must be as before it. */
  readonly aborts: boolean;
}

const partOf: Readonly<Record<FlagName, number>> = {
  cf: FlagPart.cf,
  af: FlagPart.af,
  of: FlagPart.of,
  zf: FlagPart.result,
  sf: FlagPart.result,
  pf: FlagPart.result,
};

const aborting: ReadonlySet<Effect['kind']> = new Set(['load', 'store', 'update', 'probe', 'raise', 'call', 'again']);

const partsWritten = (flags: FlagUpdate): number =>
  (Object.keys(flags) as (keyof FlagUpdate)[])
    .filter(name => flags[name] !== undefined)
    .reduce((parts, name) => parts | (name === 'result' ? FlagPart.result : partOf[name]), 0);

/** ZF alone leaves SF and PF to be kept: that reads them. */
const keepsSome = ({ result, zf, sf, pf }: FlagUpdate): boolean => !result && !!(zf ?? sf ?? pf) && !(zf && sf && pf);

export function flagUse(program: Program): FlagUse {
  let reads = 0;
  let writes = 0;
  let kills = 0;
  let certain = true;
  for (const value of allValues(program)) if (value.operation === 'flag') reads |= partOf[value.detail as FlagName];
  for (const effect of program.effects) {
    if (effect.kind === 'finish') certain = false;
    if (effect.kind === 'call' && helpers[effect.helper].flags) reads |= FlagPart.all & ~kills;
    if (effect.kind !== 'flags') continue;
    const parts = partsWritten(effect.flags);
    writes |= parts;
    const merges = keepsSome(effect.flags);
    if (merges) reads |= FlagPart.result & ~kills;
    if (certain && !effect.when) kills |= merges ? parts & ~FlagPart.result : parts;
  }
  return { reads, writes, kills, aborts: program.effects.some(({ kind }) => aborting.has(kind)) };
}

export interface Liveness {
  /** Parts that matter after the last instruction. */
  readonly liveAfter?: number;
  /** Whether an abort needs exact flags; not so if the reader can make them afterwards. */
  readonly exactOnAbort?: boolean;
}

/** For each instruction the parts that it writes in vain. */
export function deadFlags(uses: readonly FlagUse[], options: Liveness = {}): number[] {
  const { liveAfter = FlagPart.all, exactOnAbort = true } = options;
  let live: number = liveAfter;
  const dead = new Array<number>(uses.length);
  for (let i = uses.length - 1; i >= 0; i--) {
    const { reads, writes, kills, aborts } = uses[i]!;
    dead[i] = writes & ~live;
    live = (live & ~kills) | reads | (aborts && exactOnAbort ? FlagPart.all : 0);
  }
  return dead;
}

/** The program without the flags that are dead after it. */
export function withoutFlags(program: Program, dead: number): Program {
  if (dead === 0) return program;
  const effects = program.effects.flatMap((effect): Effect[] => {
    if (effect.kind !== 'flags') return [effect];
    const alive = Object.entries(effect.flags).filter(([name]) => {
      const part = name === 'result' ? FlagPart.result : partOf[name as FlagName];
      return !(dead & part);
    });
    return alive.length === 0 ? [] : [{ ...effect, flags: Object.fromEntries(alive) as FlagUpdate }];
  });
  return { effects };
}

/** The groups of templates, one recorded file each, and the making of random snippets from them. */
import type { Random } from './random.ts';
import { Retry, Snippet, type Template } from './snippet.ts';
import { templates as alias } from './templates/alias.ts';
import { templates as arithmetic } from './templates/arithmetic.ts';
import { templates as avx } from './templates/avx.ts';
import { templates as bit } from './templates/bit.ts';
import { templates as control } from './templates/control.ts';
import { templates as extended } from './templates/extended.ts';
import { templates as float } from './templates/float.ts';
import { templates as legacy } from './templates/legacy.ts';
import { templates as mmx } from './templates/mmx.ts';
import { templates as move } from './templates/move.ts';
import { templates as shift } from './templates/shift.ts';
import { templates as sse } from './templates/sse.ts';
import { templates as stack } from './templates/stack.ts';
import { templates as string } from './templates/string.ts';
import { legacyTemplates as legacyVendor, templates as vendor } from './templates/vendor.ts';

export interface Group {
  readonly name: string;
  readonly mode: 32 | 64;
  /** Cases in the committed recording, at most. */
  readonly count: number;
  /** Cases for each row of the instruction table (coverage.ts) after which more of them are left out. */
  readonly each?: number;
  /** How many of the snippets hold more than one instruction. */
  readonly sequences: number;
  readonly templates: readonly Template[];
}

const integer = [...arithmetic, ...shift, ...bit, ...move, ...control, ...stack, ...string];

export const groups: readonly Group[] = [
  { name: 'integer', mode: 64, count: 14_000, sequences: 0.3, templates: integer },
  { name: 'float', mode: 64, count: 6_500, sequences: 0.3, templates: float },
  { name: 'extended', mode: 64, count: 5_000, sequences: 0, templates: extended },
  { name: 'vector', mode: 64, count: 9_000, sequences: 0.1, templates: [...mmx, ...sse] },
  { name: 'avx', mode: 64, count: 16_000, sequences: 0.1, templates: avx },
  { name: 'legacy', mode: 32, count: 3_000, sequences: 0.2, templates: [...legacy, ...legacy, ...legacy, ...integer] },
  { name: 'alias', mode: 64, count: 5_000, each: 7, sequences: 0, templates: alias },
  { name: 'legacy-alias', mode: 32, count: 6_000, each: 7, sequences: 0, templates: [...alias, ...alias, ...integer] },
  { name: 'legacy-vector', mode: 32, count: 6_000, each: 7, sequences: 0, templates: [...float, ...mmx, ...sse] },
  { name: 'vendor', mode: 64, count: 2_500, sequences: 0, templates: vendor },
  { name: 'legacy-vendor', mode: 32, count: 2_500, sequences: 0, templates: legacyVendor },
];

const attempts = 200;

/** Endlessly draws snippets so that every template comes up in proportion to its share. */
export function* snippets(group: Group, random: Random): Generator<Snippet, never> {
  const deck = group.templates.flatMap(template =>
    Array<Template>(Math.max(1, Math.round((template.share ?? 1) * 4))).fill(template),
  );
  for (;;) {
    for (const template of shuffle(deck, random)) {
      const made = tryToMake(group, template, random);
      if (made) yield made;
    }
  }
}

const tryToMake = (group: Group, template: Template, random: Random): Snippet | undefined => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const snippet = new Snippet(random, group.mode);
    try {
      const before = random.chance(group.sequences) ? random.between(1, 3) : 0;
      for (let i = 0; i < before; i++) {
        const other = random.pick(group.templates);
        if (!other.alone) add(other, snippet, random);
      }
      const lines = snippet.lines.length;
      add(template, snippet, random);
      if (snippet.lines.length > lines) return snippet;
    } catch (error) {
      if (!(error instanceof Retry)) throw error;
    }
  }
  return undefined;
};

const add = (template: Template, snippet: Snippet, random: Random): void => {
  snippet.legacyBytes = random.chance(0.2);
  template.make(snippet);
};

const shuffle = <T>(items: readonly T[], random: Random): T[] => {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
};

/** Blocks of code in READMEs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  /** The README, as git names it. */
  readonly file: string;
  readonly line: number;
  /** The word behind the fence: ts, sh, … */
  readonly language: string;
  /** The words behind that. */
  readonly marks: readonly string[];
  readonly text: string;
}

/** The READMEs that git knows. */
export const readmes = (): string[] => {
  const { stdout } = spawnSync('git', ['ls-files', 'README.md', '*/README.md'], { cwd: root, encoding: 'utf8' });
  return stdout.split('\n').filter(file => file !== '');
};

export function blocksOf(file: string): Block[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *)```(.*)$/.exec(lines[at]);
    if (!fence) continue;
    const [, indent, words] = fence;
    const [language = '', ...marks] = words!.trim().split(/\s+/);
    const line = at + 1;
    const text: string[] = [];
    while (lines[++at] !== `${indent}\`\`\``) {
      if (at >= lines.length) throw new Error(`${file}:${line} does not end`);
      text.push(lines[at].slice(indent!.length));
    }
    blocks.push({ file, line, language, marks, text: `${text.join('\n')}\n` });
  }
  return blocks;
}

/**
 * What the guest itself says on its console, for `until`: without the kernel's copies of its command line and without the echo of
 * what was typed. Lines end with \n alone.
 */
import { longestLine, type TypedLines } from './typed-lines.ts';

/** A match may begin so many characters before what is new. */
const lookBack = 2 ** 13;
/** Stands behind an unfinished line, so that no `$` takes its present end for the line's. */
const goesOn = '\uffff';

const commandLine = /(?:Kernel command line|Command line): |Unknown kernel command line parameters /;
const controlSequence = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[78=>])/g;

export class GuestWords {
  #finished = '';
  #line = '';
  /** What is still to come of a typed line that is echoed in several lines. */
  #pieces: { readonly text: string; readonly rest: string } | undefined;

  constructor(
    private readonly typed: TypedLines,
    private readonly commandLine: string,
  ) {}

  /** New output. True if the pattern matches what the guest has said by now. */
  hear(output: string, pattern: RegExp): boolean {
    const lines = (this.#line + output).split('\n');
    this.#line = lines.pop()!;
    for (const line of lines) this.#finished += `${this.#own(line.replace(/\r+$/, ''))}\n`;
    // Nobody types lines so long, so what leaves the front is no echo.
    if (this.#line.length > 2 * longestLine) {
      this.#finished += this.#line.slice(0, -longestLine);
      this.#line = this.#line.slice(-longestLine);
    }
    // What may be an echo is looked for only where it matters: output may come byte by byte.
    const found =
      pattern.test(this.#finished + this.#line + goesOn) &&
      pattern.test(this.#finished + this.#ownSoFar(this.#line) + goesOn);
    this.#finished = this.#finished.slice(-lookBack);
    return found;
  }

  /** A finished line without what is none of the guest's words. */
  #own(line: string): string {
    const match = commandLine.exec(line);
    if (match && (match[0].startsWith('Unknown') || this.#isCommandLine(line))) return line.slice(0, match.index);
    const shown = asShown(line);
    const { typed } = this;
    const pieces = this.#pieces;
    this.#pieces = undefined;
    if (pieces && shown.length > 0 && pieces.rest.startsWith(shown)) {
      const rest = pieces.rest.slice(shown.length);
      if (rest === '') typed.takePieces(pieces.text);
      else this.#pieces = { text: pieces.text, rest };
      return '';
    }
    const echo = typed.takeEcho(shown);
    if (echo !== undefined) return shown.slice(0, echo);
    const first = typed.firstPiece(shown);
    if (!first) return line;
    this.#pieces = { text: first.text, rest: first.text.slice(first.length) };
    return shown.slice(0, shown.length - first.length);
  }

  #isCommandLine(line: string): boolean {
    return this.commandLine !== '' && line.trimEnd().endsWith(this.commandLine);
  }

  /** An unfinished line without what may turn out to be none of its words. */
  #ownSoFar(line: string): string {
    const match = commandLine.exec(line);
    if (match) return line.slice(0, match.index);
    const shown = asShown(line);
    if (shown.length > 0 && this.#pieces?.rest.startsWith(shown)) return '';
    const begun = this.typed.beginning(shown);
    return begun > 0 ? shown.slice(0, shown.length - begun) : line;
  }
}

/** A line as a terminal shows it: without control sequences, with backspaces done. Line editors use both. */
function asShown(line: string): string {
  let shown = line.replace(controlSequence, '').replace(/ \r/g, '');
  for (let before = ''; before !== shown; ) {
    before = shown;
    shown = shown.replace(/[^\b]\x08/g, '');
  }
  return shown.replace(/[\0-\x1f\x7f]/g, '');
}

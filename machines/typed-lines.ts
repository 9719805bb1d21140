/**
 * Lines that were typed into a console, until the guest has echoed them. A line is echoed alone, by the terminal as it arrives, and
 * again behind a prompt, by a line editor that reads it; the second may come without the first, and ends it.
 */

interface TypedLine {
  /** Echoes that may still come. */
  alone: number;
  behindPrompt: number;
}

/** Too short to be told from the guest's own words. */
const shortest = 3;
/** A typed line that is wider than the terminal comes in pieces; the first is at least this long. */
const shortestPiece = 16;
/** Echoes come in the order of typing; so many lines are looked at where a search through all would take too long. */
const nearby = 64;
/** Terminals and line editors take no longer ones. */
export const longestLine = 4096;
/** Characters that are remembered, for guests that echo nothing. */
const remembered = 2 ** 20;

export class TypedLines {
  readonly #lines = new Map<string, TypedLine>();
  /** How many lines there are of each length. */
  readonly #lengths = new Map<number, number>();
  readonly #decoder = new TextDecoder('utf-8', { fatal: false });
  #size = 0;
  #unfinished = '';

  add(data: Uint8Array): void {
    for (const character of this.#decoder.decode(data, { stream: true })) this.#press(character);
  }

  /** Where the echo in a finished line of output begins, if it ends with one; its line is then taken off. */
  takeEcho(line: string): number | undefined {
    const lengths = [...this.#lengths.keys()].filter(length => length <= line.length).sort((a, b) => b - a);
    for (const length of lengths) {
      const text = line.slice(line.length - length);
      const typed = this.#lines.get(text);
      if (!typed || (length === line.length && typed.alone === 0)) continue;
      this.#take(text, length === line.length);
      return line.length - length;
    }
    return undefined;
  }

  /** The typed line that a finished line of output ends with the first piece of, and the piece's length. */
  firstPiece(line: string): { readonly text: string; readonly length: number } | undefined {
    for (const text of this.#nearby()) {
      const length = overlap(line, text);
      if (length >= shortestPiece) return { text, length };
    }
    return undefined;
  }

  /** How many characters at the end of an unfinished line may become an echo. */
  beginning(line: string): number {
    let longest = this.#unfinished.length < shortest ? 0 : overlap(line, this.#unfinished);
    for (const text of this.#nearby()) longest = Math.max(longest, overlap(line, text));
    return longest;
  }

  /** A line has been echoed in pieces. */
  takePieces(text: string): void {
    if (this.#lines.has(text)) this.#take(text, false);
  }

  #press(character: string): void {
    switch (character) {
      case '\r':
      case '\n':
        this.#finish();
        break;
      case '\b':
      case '\x7f':
        this.#unfinished = this.#unfinished.slice(0, -1);
        break;
      case '\x03':
      case '\x15':
        this.#unfinished = '';
        break;
      default:
        if (character >= ' ' && this.#unfinished.length <= longestLine) this.#unfinished += character;
    }
  }

  #finish(): void {
    const text = this.#unfinished;
    this.#unfinished = '';
    if (text.length < shortest || text.length > longestLine) return;
    const line = this.#lines.get(text);
    if (line) {
      line.alone++;
      line.behindPrompt++;
      return;
    }
    this.#lines.set(text, { alone: 1, behindPrompt: 1 });
    this.#lengths.set(text.length, (this.#lengths.get(text.length) ?? 0) + 1);
    this.#size += text.length;
    while (this.#size > remembered) this.#forget(this.#lines.keys().next().value!);
  }

  #take(text: string, alone: boolean): void {
    const line = this.#lines.get(text)!;
    if (alone) line.alone--;
    else {
      line.behindPrompt--;
      line.alone = Math.min(line.alone, line.behindPrompt);
    }
    if (line.behindPrompt <= 0) this.#forget(text);
  }

  #forget(text: string): void {
    this.#lines.delete(text);
    this.#size -= text.length;
    const count = this.#lengths.get(text.length)! - 1;
    if (count > 0) this.#lengths.set(text.length, count);
    else this.#lengths.delete(text.length);
  }

  *#nearby(): Iterable<string> {
    let count = 0;
    for (const text of this.#lines.keys()) {
      if (count++ === nearby) return;
      yield text;
    }
  }
}

/** The length of the longest beginning of `text` that `line` ends with. */
function overlap(line: string, text: string): number {
  const tail = line.slice(-text.length);
  for (let start = tail.indexOf(text[0] ?? '\0'); start >= 0; start = tail.indexOf(text[0], start + 1)) {
    if (text.startsWith(tail.slice(start))) return tail.length - start;
  }
  return 0;
}

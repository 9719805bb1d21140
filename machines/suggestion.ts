/** What somebody may have meant who misspelt a name. */

/** The known name that is nearest, if one is near enough to be meant. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const candidate of known) {
    const steps = distance(name.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}

/** `did you mean pc? machines are: pc, microvm` */
export function suggestion(kind: string, name: string, known: Iterable<string>): string {
  const names = [...known];
  const meant = nearest(name, names);
  const all = `${kind}s are: ${names.join(', ') || 'none'}`;
  return meant === undefined ? all : `did you mean ${meant}? ${all}`;
}

/** Insertions, deletions, replacements and exchanges of neighbours (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const exchanged = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      line[column] = Math.min(
        above[column] + 1,
        line[column - 1] + 1,
        above[column - 1] + (same ? 0 : 1),
        exchanged ? before[column - 2] + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, above] = [above, line];
  }
  return above[to.length];
}

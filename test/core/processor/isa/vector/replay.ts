/** Runs recorded cases on engines and gathers what differs. */
import type { Case } from '../../../../oracle/case.ts';
import { compare } from '../../../../oracle/compare.ts';
import type { Engine } from '../../../../support/evaluator.ts';

export function replay(engine: Engine, cases: Iterable<Case>): string[] {
  const wrong: string[] = [];
  for (const item of cases) {
    let differences: string[];
    try {
      differences = compare(item, engine.run(item));
    } catch (error) {
      differences = [String(error)];
    }
    if (differences.length > 0) wrong.push(`${item.text}: ${differences.join(', ')}`);
  }
  return wrong;
}

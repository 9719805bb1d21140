import type { Case } from '../../oracle/case.ts';
import { evaluator } from '../../support/evaluator.ts';

export { readCases, recordings } from '../../oracle/cases.ts';
export { compare } from '../../oracle/compare.ts';

export const myEngine = (item: Case) => evaluator.run(item);

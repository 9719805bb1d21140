/** What a person may see of a component's inside. For monitors and tests; its form is not a stable interface. */
export type InspectValue = string | number | boolean | bigint | null | readonly InspectValue[] | InspectTree;

export interface InspectTree {
  readonly [name: string]: InspectValue;
}

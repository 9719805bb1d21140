/** What is wrong with assembly source, before its line is known. */
export class Complaint extends Error {}

export const complain = (message: string): never => {
  throw new Complaint(message);
};

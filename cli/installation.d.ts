export const version: string;
export const examples: URL;
export const isCheckout: boolean;
export function shareEntries(): void;

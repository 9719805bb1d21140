export const version: string;
export const isCheckout: boolean;
export function shareEntries(): void;

import type { Level } from "../rule.ts";

/** Levels of a rule, from all of them to the last. */
export const everyLevel: readonly Level[] = ["basic", "replicated", "session", "push"];
/** Levels that shake hands and keep state. */
export const stateful: readonly Level[] = ["replicated", "session", "push"];
/** Levels of the Session. */
export const sessions: readonly Level[] = ["session", "push"];

/** Rules that others build on, a step at a time. */
export const reached = ["C1"] as const;
export const greeted = [...reached, "C9"] as const;
export const configured = [...greeted, "C12"] as const;
export const synced = [...configured, "C15", "C16"] as const;
export const answering = [...synced, "C17"] as const;
/** Answers are numbers of the right count: they can be compared. */
export const sound = [...answering, "C18", "C19", "C20"] as const;
/** The same question has the same answer: two answers can be compared. */
export const steady = [...sound, "C21", "C22"] as const;

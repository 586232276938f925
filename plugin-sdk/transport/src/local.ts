export * from "./bitmap.ts";
export * from "./call-columns.ts";
export * from "./call-decoder.ts";
export * from "./local-instance.ts";
export { asTransmitted } from "./transmitted-event.ts";

export * from "@outrider/core/contract";
export * from "./define.ts";
export * from "./serve.ts";

export * from "./hash-blocks.ts";

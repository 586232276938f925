export * from "./block-chain.ts";
export * from "./hash-blocks.ts";

/** What has been started, to be ended in reverse. */
export interface Closers {
  add(close: () => unknown): void;
  closeAll(): Promise<void>;
}

/** Nothing has been started. */
export function createClosers(): Closers {
  const stack: (() => unknown)[] = [];
  return {
    add: (close) => void stack.push(close),
    async closeAll() {
      for (const close of stack.splice(0).reverse()) await close();
    },
  };
}

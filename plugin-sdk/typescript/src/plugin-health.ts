/** Whether the plugin can take calls, as its author says. */
export interface PluginHealth {
  /** False: starting or broken. */
  readonly isReady: boolean;
  /** Why, for people. */
  readonly message: string;
  /** Says it anew. */
  set(isReady: boolean, message: string): void;
  /** Calls back at every change; returns what ends it. */
  watch(listener: () => void): () => void;
}

/** Ready, until somebody says otherwise. */
export function createPluginHealth(): PluginHealth {
  const listeners = new Set<() => void>();
  let isReady = true;
  let message = "";
  return {
    get isReady() {
      return isReady;
    },
    get message() {
      return message;
    },
    set(nextReady, nextMessage) {
      if (nextReady === isReady && nextMessage === message) return;
      isReady = nextReady;
      message = nextMessage;
      for (const listener of listeners) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

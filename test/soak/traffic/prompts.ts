/** Bytes of a long prompt: 100,000 tokens. */
const longBytes = 400_000;
const long = "a long text that many requests share, as agents do with their tools and files. ".repeat(5200);

/** A body of the completions API. @param members beside the prompt. */
export function completion(i: number, members: object): string {
  const prompt = `group ${i % 20}: ${`some shared words ${i % 20} `.repeat(20)} and request ${i} of its own`;
  return JSON.stringify({ model: modelOf(i), prompt, ...members });
}

/** A body of the chat API with some turns. */
export function chat(i: number, members: object): string {
  const messages = [
    { role: "system", content: `You are assistant ${i % 10}. ${"Be short. ".repeat(30)}` },
    { role: "user", content: `Question ${i}: what is ${i} times ${i % 7}?` },
  ];
  return JSON.stringify({ model: modelOf(i), messages, ...members });
}

/** A completion whose prompt has 400 kB, the first part shared. */
export function longCompletion(i: number, members: object): string {
  const prompt = `${long.slice(0, longBytes - 20)} end ${i}`;
  return JSON.stringify({ model: modelOf(i), prompt, ...members });
}

/** Few names, so that labels stay bounded. */
export function modelOf(i: number): string {
  return `model-${i % 5}`;
}

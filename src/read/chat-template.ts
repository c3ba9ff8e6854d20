import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { configInvalid, messageOf } from '../core/errors.ts';
import type { Refusal, Taken } from './part-read.ts';
import { halfPair, isObject, kindOf, missing, notText, shown } from './record.ts';

type Message = { readonly role: string; readonly content: string };

/** Others would be text from a corpus where the template writes control tokens. */
const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function', 'ipython']);
/** Stands for a content: no template looks at a noncharacter, and no text that may be exchanged has one. */
const placeholder = (message: number): string => `\u{10ffff}${message}\u{10fffe}`;
/** What templates do to a content; the first that gives the text is what it did. */
const CHANGES: readonly ((content: string) => string)[] = [
  (content) => content,
  (content) => content.trim(),
  (content) => content.trimStart(),
  (content) => content.trimEnd(),
];
/** Sequences of roles whose skeleton is kept: a corpus has few. */
const KEPT_SKELETONS = 256;
/**
 * What templates may call. The library's own list has the time as well, and a template that writes the date would give other
 * bytes tomorrow: without it, Llama 3's writes the day it falls back to.
 */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: (start: number, end?: number, step = 1) => {
    const [from, to] = end === undefined ? [0, start] : [start, end];
    return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
  },
};

const encoder = new TextEncoder();

/**
 * Writes conversations as a model's chat template does, and knows which bytes are the template's and which a message's: the
 * template is also run with placeholders for the contents, and both results are laid side by side.
 */
export class ChatTemplate {
  private readonly template: Parsed;
  private readonly tokens: Readonly<Record<string, string>>;
  private readonly skeletons = new Map<string, readonly string[] | null>();

  /** Throws what the parser throws: `parseChatTemplate` has looked at it before. */
  constructor(template: string, tokens: Readonly<Record<string, string>>) {
    this.template = parsed(template);
    this.tokens = tokens;
  }

  /** The text of a conversation; its prompt is all before the content of the last message, an assistant's. */
  taken(value: unknown, field: string, names: readonly string[]): Omit<Taken, 'id'> | Refusal {
    if (value === undefined) return missing(field, names);
    const messages = messagesOf(value, field);
    if ('reason' in messages) return messages;
    let text: string;
    let skeleton: readonly string[] | null;
    try {
      text = this.render(messages);
      skeleton = this.skeletonOf(messages);
    } catch (error) {
      return refused(`it says ${shown(messageOf(error))}`);
    }
    const found = skeleton && sideBySide(text, skeleton, messages);
    if (!found)
      return refused('it changes a content, or writes something else for it, in a way that cannot be followed');
    return found;
  }

  private render(messages: readonly Message[]): string {
    const given = { ...GLOBALS, ...this.tokens, messages: messages.map((message) => ({ ...message })) };
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...given, add_generation_prompt: false }))
      environment.set(name, value);
    return String(new Interpreter(environment).run(this.template).value);
  }

  /** What the template writes before, between and after the contents; null where it does not write each once, in order. */
  private skeletonOf(messages: readonly Message[]): readonly string[] | null {
    const key = messages.map(({ role }) => role).join(' ');
    const kept = this.skeletons.get(key);
    if (kept !== undefined) return kept;
    let rest = this.render(messages.map(({ role }, at) => ({ role, content: placeholder(at) })));
    const written: string[] = [];
    for (const at of messages.keys()) {
      const parts = rest.split(placeholder(at));
      if (parts.length !== 2) break;
      written.push(parts[0]!);
      rest = parts[1]!;
    }
    const skeleton = written.length === messages.length ? [...written, rest] : null;
    if (this.skeletons.size < KEPT_SKELETONS) this.skeletons.set(key, skeleton);
    return skeleton;
  }
}

type Parsed = ReturnType<typeof parse>;

/** With blocks as Hugging Face's library has them. */
const parsed = (template: string): Parsed => parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));

/** Parses a template; CONFIG_INVALID for one that is none. */
export function parseChatTemplate(template: string, file: string): Parsed {
  try {
    return parsed(template);
  } catch (error) {
    const place = { line: 0, column: 0, field: 'chat_template' };
    throw configInvalid(file, place, `is not Jinja: ${messageOf(error)}`, 'correct the template');
  }
}

function sideBySide(
  text: string,
  skeleton: readonly string[],
  messages: readonly Message[],
): Omit<Taken, 'id'> | undefined {
  const pieces: string[] = [];
  let at = 0;
  const take = (piece: string): boolean => {
    if (!text.startsWith(piece, at)) return false;
    at += piece.length;
    pieces.push(piece);
    return true;
  };
  for (const [index, { content }] of messages.entries()) {
    if (!take(skeleton[index]!)) return undefined;
    // Where what follows is there as well: a trimmed content is the beginning of the whole one.
    const after = skeleton[index + 1]!;
    const change = CHANGES.find((change) => text.startsWith(change(content) + after, at));
    if (!change) return undefined;
    take(change(content));
  }
  if (!take(skeleton.at(-1)!) || at !== text.length) return undefined;
  const written: number[] = [];
  let bytes = 0;
  let prompt = 0;
  const encoded = pieces.map((piece, index) => {
    const piecesBytes = encoder.encode(piece);
    if (index === pieces.length - 2) prompt = bytes;
    if (index % 2 === 0 && piece !== '') written.push(bytes, bytes + piecesBytes.length);
    bytes += piecesBytes.length;
    return piecesBytes;
  });
  return { text: new Uint8Array(Buffer.concat(encoded)), prompt: { bytes: prompt, written } };
}

function messagesOf(value: unknown, field: string): readonly Message[] | Refusal {
  if (!Array.isArray(value))
    return { reason: 'field-not-text', detail: `\`${field}\` is ${kindOf(value)}, not an array` };
  const messages: Message[] = [];
  for (const [at, message] of (value as unknown[]).entries()) {
    const name = `${field}[${at}]`;
    if (!isObject(message))
      return { reason: 'not-an-object', detail: `\`${name}\` is ${kindOf(message)}, not an object` };
    const { role, content } = message;
    if (typeof role !== 'string' || !ROLES.has(role))
      return refused(
        `\`${name}.role\` is ${typeof role === 'string' ? shown(role) : kindOf(role)}, none of ${[...ROLES].join(', ')}`,
      );
    if (typeof content !== 'string') return notText(`${name}.content`, kindOf(content));
    if (!content.isWellFormed()) return halfPair(`${name}.content`);
    if (Array.isArray(message['tool_calls']) && message['tool_calls'].length > 0)
      return refused(`\`${name}.tool_calls\` would be left out`);
    messages.push({ role, content });
  }
  if (messages.at(-1)?.role === 'assistant') return messages;
  return { reason: 'no-answer', detail: `the last of \`${field}\` is not an assistant's` };
}

const refused = (why: string): Refusal => ({
  reason: 'chat-template',
  detail: `the chat template cannot be used: ${why}`,
});

import { ChatTemplate } from './chat-template.ts';
import { takeGrouped } from './group.ts';
import type { ReadOptions } from './part-read.ts';
import {
  emptyText,
  idOf,
  isObject,
  kindOf,
  memberAt,
  notAnObject,
  takeText,
  type TakeRecord,
  textAt,
} from './record.ts';

const encoder = new TextEncoder();

/** Takes records as the options say they are. */
export const takerOf = (options: ReadOptions): TakeRecord =>
  options.groupField === null ? takeForm(options) : takeGrouped(takeForm(options), options.groupField);

function takeForm({ textField, idField, form }: ReadOptions): TakeRecord {
  if (!form) return takeText({ text: textField, id: idField });
  const id = (value: Readonly<Record<string, unknown>>) => (idField === null ? null : idOf(memberAt(value, idField)));
  if (form.format === 'messages') {
    const template = new ChatTemplate(form.template, form.tokens);
    return (value) => {
      if (!isObject(value)) return notAnObject(kindOf(value));
      const taken = template.taken(memberAt(value, form.messages), form.messages, Object.keys(value));
      return 'reason' in taken ? taken : { ...taken, id: id(value) };
    };
  }
  return (value) => {
    if (!isObject(value)) return notAnObject(kindOf(value));
    const prompt = textAt(value, form.prompt);
    if (typeof prompt !== 'string') return prompt;
    const response = textAt(value, form.response);
    if (typeof response !== 'string') return response;
    if (response === '') return emptyText(form.response);
    const before = encoder.encode(prompt);
    const text = Buffer.concat([before, encoder.encode(response)]);
    return { text: new Uint8Array(text), id: id(value), prompt: { bytes: before.length, written: [] } };
  };
}

// The client of openapi-typescript and openapi-fetch, as a person would write it, against the model of every field type.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { paths } from './out/every.js';

const [base, token] = process.argv.slice(2);
assert(base && token, 'usage: fetch.js BASE TOKEN');
const anyone = createClient<paths>({ baseUrl: base });
const editor = createClient<paths>({ baseUrl: base, headers: { Authorization: `Bearer ${token}` } });

for (const [n, plain] of ['one', 'two & three', 'four'].entries()) {
  const made = await editor.POST('/api/things', { body: { plain, code: `AB${n}`, whole: n, payload: { a: [n] }, huge: '9007199254740993' } });
  assert.equal(made.data?.huge, '9007199254740993');
  assert.deepEqual(made.data?.payload, { a: [n] });
}

// Arguments, lists of several values, pages.
const found = await anyone.GET('/api/things', { params: { query: { filter: 'plain == arg.text', args: { 'arg.text': 'two & three' }, total: true } } });
assert.equal(found.data?.total, 1);
const sorted = await anyone.GET('/api/things', { params: { query: { sort: ['-plain', 'id'], fields: ['id', 'plain'], expand: ['maker'] } } });
assert.deepEqual(sorted.data?.items.map((row) => row.plain), ['two & three', 'one', 'four']);
const seen: (number | undefined)[] = [];
for (let cursor: string | undefined; ;) {
  const page = await anyone.GET('/api/things', { params: { query: { limit: 1, sort: ['-whole'], ...(cursor && { cursor }) } } });
  assert(page.data);
  seen.push(...page.data.items.map((row) => row.whole));
  if (page.data.next === null) break;
  cursor = page.data.next;
}
assert.deepEqual(seen, [2, 1, 0]);

// Change what was read, unless somebody was faster.
const id = sorted.data?.items[0]?.id;
assert(id);
const path = { id };
const read = await anyone.GET('/api/things/{id}', { params: { path } });
const tag = read.response.headers.get('ETag');
assert(tag);
const change = { params: { path, header: { 'If-Match': tag } }, body: { mood: null, anything: { b: 1 } } };
assert.deepEqual((await editor.PATCH('/api/things/{id}', change)).data?.anything, { b: 1 });
assert.equal((await editor.PATCH('/api/things/{id}', change)).error?.type, '/problems/stale');
assert.equal((await anyone.GET('/api/things/{id}', { params: { path, header: { 'If-None-Match': tag } } })).response.status, 200);

for (const row of (await anyone.GET('/api/things')).data?.items ?? []) {
  assert(row.id);
  assert.equal((await editor.DELETE('/api/things/{id}', { params: { path: { id: row.id } } })).response.status, 204);
}
console.log('the client of openapi-fetch works');

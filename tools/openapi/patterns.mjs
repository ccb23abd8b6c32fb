// Reads every `pattern` of a document as JSON Schema asks: a regular expression of ECMA-262, with the flag u.
import { readFileSync } from 'node:fs';

let count = 0;
function visit(value) {
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.pattern === 'string') {
    new RegExp(value.pattern, 'u');
    count++;
  }
  Object.values(value).forEach(visit);
}
visit(JSON.parse(readFileSync(process.argv[2], 'utf8')));
console.log(`${count} patterns`);

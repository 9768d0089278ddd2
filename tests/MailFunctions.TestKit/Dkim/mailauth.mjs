// Verifies messages with the npm package mailauth: node mailauth.mjs RECORDS.json MESSAGE…
// RECORDS.json maps names to TXT values, in place of DNS. Prints a JSON array for each message, one line each.
import { readFileSync } from 'node:fs';
import verify from 'mailauth/lib/dkim/verify.js';

const [, , recordsFile, ...messages] = process.argv;
const records = JSON.parse(readFileSync(recordsFile, 'utf8'));
const resolver = async (name, type) => {
  const value = type === 'TXT' ? records[name] : undefined;
  if (value === undefined) {
    throw Object.assign(new Error(`no ${type} at ${name}`), { code: 'ENOTFOUND' });
  }
  return [value.match(/.{1,255}/gs)];
};

for (const message of messages) {
  const { results } = await verify.dkimVerify(readFileSync(message), { resolver });
  console.log(JSON.stringify(results.filter(r => r.signingDomain).map(r => ({
    domain: r.signingDomain,
    selector: r.selector,
    algorithm: r.algo,
    result: r.status.result,
    comment: String(r.status.comment ?? ''),
    underSized: r.status.underSized ?? 0,
  }))));
}

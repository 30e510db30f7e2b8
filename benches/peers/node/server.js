// A lead webhook as it is usually written: Express verifies Meta's signature over the raw body, better-sqlite3 commits
// every call's references (WAL, synchronous=FULL: fsync before the answer), then 200. Duplicates are ignored by key.
// It does not seal what it keeps, which tamis does.
//
//   npm install && APP_SECRET=… node server.js DATABASE
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const Database = require('better-sqlite3');
const express = require('express');

const secret = process.env.APP_SECRET;
const database = new Database(process.argv[2]);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec(`CREATE TABLE IF NOT EXISTS reference (
  leadgen_id TEXT PRIMARY KEY, form_id TEXT NOT NULL, page_id TEXT NOT NULL, created INTEGER, received INTEGER NOT NULL
) WITHOUT ROWID`);
const insert = database.prepare('INSERT OR IGNORE INTO reference VALUES (?, ?, ?, ?, ?)');
const accept = database.transaction((references) => {
  for (const it of references) insert.run(it.leadgen, it.form, it.page, it.created, it.received);
});

function authentic(request) {
  const header = request.get('x-hub-signature-256');
  if (!header || !header.startsWith('sha256=')) return false;
  const given = Buffer.from(header.slice(7), 'hex');
  const expected = createHmac('sha256', secret).update(request.body).digest();
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function referencesOf(notification) {
  const received = Date.now();
  const found = [];
  for (const entry of notification.entry ?? []) {
    for (const { field, value } of entry.changes ?? []) {
      if (field !== 'leadgen') continue;
      found.push({
        leadgen: String(value.leadgen_id), form: String(value.form_id), page: String(value.page_id ?? entry.id),
        created: value.created_time ?? null, received,
      });
    }
  }
  return found;
}

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.post('/webhook', express.raw({ type: '*/*', limit: '1mb' }), (request, response) => {
  if (!authentic(request)) return response.sendStatus(403);
  let notification;
  try {
    notification = JSON.parse(request.body);
  } catch {
    return response.sendStatus(400);
  }
  accept(referencesOf(notification));
  response.type('text/plain').send('ok');
});
const server = app.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));

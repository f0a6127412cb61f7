// A page that adds with an add-on in C. With --check, it asks itself and ends.
const http = require('http');
const express = require('express');
const { sum } = require('./build/Release/sum.node');

const app = express();
app.get('/', (request, response) => response.send(`Hello, 1 + 2 is ${sum(1, 2)}\n`));

const check = process.argv[2] === '--check';
const server = app.listen(check ? 0 : 8000, () => {
  if (!check) return;
  http.get({ port: server.address().port }, (response) => {
    response.pipe(process.stdout);
    response.on('end', () => server.close());
  });
});

// Adds to the log: the live tail, and the selection of a region of the heat map. The rest of the page works without it.
'use strict';

const clock = new Intl.DateTimeFormat(undefined, {month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3});

function timeOf(text) {
  const time = document.createElement('time');
  time.dateTime = text;
  time.title = text;
  time.textContent = clock.format(new Date(text));
  return time;
}

for (const time of document.querySelectorAll('[data-log] time')) time.replaceWith(timeOf(time.dateTime));

// A duration in microseconds, as addresses have it.
const spanOf = (us) => `${us}us`;
const took = (us) => us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`;

const map = document.querySelector('[data-heat]');
if (map) {
  document.querySelector('[data-heat-hint]').hidden = false;
  const output = document.querySelector('[data-heat-output]');
  const [from, step, columns, height] = [Date.parse(map.dataset.heat), Number(map.dataset.step) / 1000, Number(map.dataset.columns), Number(map.dataset.row)];
  const bounds = map.dataset.bounds.split(',').map(Number);
  const rows = bounds.length + 1;
  const at = (event) => {
    const box = map.getBoundingClientRect();
    const within = (value, count) => Math.min(Math.max(Math.floor(value), 0), count - 1);
    return {
      column: within((event.clientX - box.left - map.clientLeft) / map.clientWidth * columns, columns),
      row: rows - 1 - within((event.clientY - box.top - map.clientTop) / height, rows),
    };
  };
  const low = (row) => row === 0 ? 0 : bounds[row - 1];
  const moment = (column) => new Date(from + column * step);
  let begin;
  let frame;

  const outline = (a, b) => {
    const [left, right] = [Math.min(a.column, b.column), Math.max(a.column, b.column) + 1];
    const [bottom, top] = [Math.min(a.row, b.row), Math.max(a.row, b.row) + 1];
    frame.setAttribute('x', `${100 * left / columns}%`);
    frame.setAttribute('width', `${100 * (right - left) / columns}%`);
    frame.setAttribute('y', (rows - top) * height);
    frame.setAttribute('height', (top - bottom) * height);
    return {left, right, bottom, top};
  };

  map.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    begin = at(event);
    map.querySelector('.pick')?.remove();
    frame = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    frame.setAttribute('class', 'pick');
    map.append(frame);
    outline(begin, begin);
    map.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  map.addEventListener('pointermove', (event) => {
    const here = at(event);
    if (begin) {
      outline(begin, here);
      return;
    }
    const cell = event.target.dataset.n ? event.target : null;
    const top = here.row < bounds.length ? `to ${took(bounds[here.row])}` : 'and more';
    output.value = `${clock.format(moment(here.column))} · ${took(low(here.row))} ${top} · ${cell ? cell.dataset.n : 0} records${cell?.dataset.f ? `, ${cell.dataset.f} failed` : ''}`;
  });
  map.addEventListener('pointerleave', () => { output.value = ''; });
  map.addEventListener('pointercancel', () => {
    frame?.remove();
    begin = undefined;
  });
  map.addEventListener('pointerup', (event) => {
    if (!begin) return;
    const region = outline(begin, at(event));
    begin = undefined;
    const address = new URL(location.href);
    for (const name of ['before', 'compare', 'pick.from', 'pick.to', 'pick.min', 'pick.max']) address.searchParams.delete(name);
    // The region is of this picture, so the picture must stay where it is.
    if (!address.searchParams.has('from')) {
      address.searchParams.delete('last');
      address.searchParams.set('from', moment(0).toISOString());
      address.searchParams.set('to', moment(columns).toISOString());
    }
    address.searchParams.set('pick.from', moment(region.left).toISOString());
    address.searchParams.set('pick.to', moment(region.right).toISOString());
    if (region.bottom > 0) address.searchParams.set('pick.min', spanOf(low(region.bottom)));
    if (region.top <= bounds.length) address.searchParams.set('pick.max', spanOf(bounds[region.top - 1]));
    location.assign(address);
  });
}

// The live tail asks for new records while somebody may see them.
const live = document.querySelector('[data-tail]');
if (live) {
  const every = 2000; // milliseconds
  const most = 200; // rows
  const button = live.querySelector('button');
  const status = live.querySelector('[role=status]');
  const table = document.querySelector('[data-log]');
  const body = table.tBodies[0];
  const pattern = document.getElementById('row').content;
  let cursor = live.dataset.cursor; // of the newest record that the page knows; a number would lose digits
  const [base] = live.dataset.tail.split('/console/'); // the path of the public address, which rows lack
  let timer;
  let count = 0;

  live.hidden = false;

  const link = (text, path, name) => {
    const a = document.createElement('a');
    a.href = base + path;
    a.textContent = text;
    if (name) a.setAttribute('aria-label', name);
    return a;
  };

  const fill = (box, cell) => {
    if (!cell.only) {
      const text = document.createElement(cell.text ? 'bdi' : 'span');
      text.textContent = cell.text || '–';
      text.className = cell.text ? '' : 'quiet';
      box.append(text);
      return;
    }
    const value = document.createElement('span');
    value.className = 'value';
    const not = link('', cell.not, `Exclude ${cell.text}`);
    not.className = 'not';
    value.append(link(cell.text, cell.only), not);
    box.append(value);
  };

  const add = (row) => {
    const made = pattern.cloneNode(true).firstElementChild;
    made.className = row.mark;
    const head = made.querySelector('[data-at]');
    head.href = base + row.path;
    head.append(timeOf(row.at));
    if (row.weight) {
      const tag = document.createElement('span');
      tag.className = 'tag';
      tag.textContent = row.weight;
      head.after(' ', tag);
    }
    for (const box of made.querySelectorAll('[data-cell]')) fill(box, row[box.dataset.cell]);
    made.querySelector('[data-took]').textContent = row.took;
    if (row.problem) {
      const problem = document.createElement('small');
      problem.className = 'fault';
      problem.textContent = row.problem;
      made.querySelector('[data-cell=name]').append(problem);
    }
    body.prepend(made);
  };

  const ask = async () => {
    const address = new URL(live.dataset.tail, location.href);
    address.searchParams.set('cursor', cursor);
    const response = await fetch(address, {headers: {Accept: 'application/json'}});
    const answer = await response.json();
    if (response.status === 401) {
      location.reload(); // which leads to the sign-in
      return;
    }
    if (!response.ok) throw new Error(answer.detail);
    cursor = answer.cursor;
    count += answer.rows.length;
    for (const row of answer.rows) add(row);
    while (body.rows.length > most) body.lastElementChild.remove();
    if (answer.rows.length > 0) {
      table.hidden = false;
      document.querySelector('[data-none]')?.remove();
    }
    status.textContent = `${count} new${answer.missed ? ', more came than are shown' : ''}`;
  };

  const run = async () => {
    try {
      if (!document.hidden) await ask();
    } catch (error) {
      status.textContent = `The live tail waits: ${error.message}`;
    }
    if (timer !== undefined) timer = setTimeout(run, every);
  };

  button.addEventListener('click', () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', on);
    clearTimeout(timer);
    timer = undefined;
    status.textContent = on ? 'Waiting for records' : '';
    if (on) timer = setTimeout(run, 0);
  });
}

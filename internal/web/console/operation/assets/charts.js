// Draws the charts of the home page. Without this script their tables stand in their place.
'use strict';

const charts = document.querySelector('[data-charts]');
const every = 30_000; // milliseconds between two reads of the data
const plots = [];
const cursor = uPlot.sync('home');

function text(value, unit) {
  if (value == null) return '–';
  if (unit === 's' && value > 0) {
    const [factor, name] = value < 0.001 ? [1e6, 'µs'] : value < 1 ? [1e3, 'ms'] : [1, 's'];
    return `${digits(value * factor)} ${name}`;
  }
  if (unit === 'bytes') {
    let i = 0;
    while (value >= 1000 && i < 4) [value, i] = [value / 1000, i + 1];
    return `${digits(value)} ${['B', 'kB', 'MB', 'GB', 'TB'][i]}`;
  }
  return digits(value) + ({s: ' s', cores: ' cores'}[unit] ?? unit);
}

function digits(value) {
  return String(Number(value >= 100 ? value.toFixed(0) : value.toPrecision(value < 0.01 ? 1 : 3)));
}

// shortRuns returns the indexes of values that a line would not show: after a start there are only a few.
function shortRuns(values) {
  const shown = [];
  let run = [];
  for (let i = 0; i <= values.length; i++) {
    if (values[i] != null) {
      run.push(i);
      continue;
    }
    if (run.length <= 4) shown.push(...run);
    run = [];
  }
  return shown;
}

// Colors come from the style, so that they follow the color scheme. A custom property would not tell its value.
function colorOf(name) {
  const probe = document.createElement('span');
  probe.className = name;
  charts.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

// marks draws a line at each event.
function marks(events, color) {
  return (u) => {
    u.ctx.save();
    u.ctx.strokeStyle = color;
    u.ctx.setLineDash([4, 4]);
    for (const event of events) {
      const x = u.valToPos(event.at, 'x', true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      u.ctx.beginPath();
      u.ctx.moveTo(x, u.bbox.top);
      u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
    }
    u.ctx.restore();
  };
}

function draw(box, chart, answer) {
  const figure = box.closest('figure');
  const legend = figure.querySelector('.legend');
  legend.replaceChildren();
  const values = chart.lines.map((line) => {
    const item = document.createElement('span');
    const value = document.createElement('b');
    item.className = `k${line.color}`;
    item.append(`${line.name} `, value);
    legend.append(item);
    return value;
  });
  const show = (index) => {
    chart.lines.forEach((line, i) => {
      values[i].textContent = text(index == null ? line.values.findLast((v) => v != null) : line.values[index], chart.unit);
    });
  };
  const axis = {stroke: colorOf('axis'), grid: {stroke: colorOf('mesh'), width: 1}, ticks: {show: false}, font: '11px system-ui, sans-serif'};
  const u = new uPlot({
    width: box.clientWidth, height: 180, legend: {show: false}, padding: [8, 16, 0, 0],
    cursor: {sync: {key: cursor.key}, y: false, points: {size: 6}, drag: {x: false, y: false}},
    scales: {y: {range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1]}},
    axes: [{...axis, space: 70}, {...axis, size: 64, values: (_, splits) => splits.map((v) => v === 0 ? '0' : text(v, chart.unit === 'cores' ? '' : chart.unit))}],
    series: [{}, ...chart.lines.map((line) => {
      const color = colorOf(`k${line.color}`);
      return {label: line.name, stroke: color, width: 1.5, points: {show: false, size: 5, width: 0, fill: color, filter: () => shortRuns(line.values)}, spanGaps: false};
    })],
    hooks: {setCursor: [(u) => show(u.cursor.idx)], drawAxes: [marks(answer.events, colorOf('axis'))]},
  }, [answer.times, ...chart.lines.map((line) => line.values)], box);
  show(null);
  box.setAttribute('aria-label', `${chart.title}: ${legend.textContent}. The arrow keys go through the values.`);
  plots.push(u);
}

function render(answer) {
  for (const u of plots.splice(0)) u.destroy();
  for (const box of charts.querySelectorAll('[data-chart]')) {
    const chart = answer.charts.find((each) => each.id === box.dataset.chart);
    if (!chart) continue;
    if (box.hidden) {
      box.hidden = false;
      box.closest('figure').querySelector('details').open = false;
    }
    draw(box, chart, answer);
  }
  charts.dataset.drawn = plots.length;
}

let latest;

async function load() {
  const trouble = document.querySelector('[data-charts-trouble]');
  try {
    const response = await fetch(charts.dataset.charts, {headers: {Accept: 'application/json'}});
    const answer = await response.json();
    if (response.status === 401) {
      location.reload(); // which leads to the sign-in
      return;
    }
    if (!response.ok) throw new Error(answer.detail);
    trouble.hidden = true;
    latest = answer;
    render(latest);
  } catch (error) {
    trouble.textContent = `The charts could not be read: ${error.message}`;
    trouble.hidden = false;
  }
}

if (charts) {
  for (const box of charts.querySelectorAll('[data-chart]')) {
    box.tabIndex = 0;
    box.setAttribute('role', 'img');
    box.addEventListener('keydown', (event) => {
      const u = plots.find((each) => box.contains(each.root));
      const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!u || !by) return;
      event.preventDefault();
      const at = Math.min(Math.max((u.cursor.idx ?? u.data[0].length - 1) + by, 0), u.data[0].length - 1);
      u.setCursor({left: u.valToPos(u.data[0][at], 'x'), top: 0}, true, true); // of the other charts too
    });
  }
  load();
  setInterval(() => {
    if (!document.hidden) load();
  }, every);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => latest && render(latest));
  new ResizeObserver(() => {
    for (const u of plots) u.setSize({width: u.root.parentElement.clientWidth, height: 180});
  }).observe(charts);
}

"use strict";
// The numbers: embeddings, similarities, softmax, losses. The formulas are those of mgutils/losses.
const data = JSON.parse(document.getElementById("data").textContent);
const B = data.target.length, C = data.names.length, D = data.dimensions;
const LN2 = Math.LN2, TINY = 2.2250738585072014e-308;

function floats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float64Array.from(new Float32Array(bytes.buffer)); // little-endian, as every machine in use has it
}
const image = floats(data.image), caption = floats(data.caption); // (B, D), (C, D)

function dots(a, rows, b, columns) {
  return rows.map((i) => columns.map((j) => {
    let sum = 0;
    for (let k = 0; k < D; k++) sum += a[i * D + k] * b[j * D + k];
    return sum;
  }));
}
const each = (n) => Array.from({ length: n }, (_, i) => i);
const S = { // similarities: dot products
  pairs: dots(image, each(B), caption, data.target),
  classes: dots(image, each(B), caption, each(C)),
  images: dots(image, each(B), image, each(B)),
  captions: dots(caption, data.target, caption, data.target),
};
const transpose = (m) => m[0].map((_, j) => m.map((row) => row[j]));
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function logSoftmax(row) {
  const top = Math.max(...row);
  const total = Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
  return row.map((v) => v - top - total);
}
const logSoftmaxRows = (m, tau) => m.map((row) => logSoftmax(row.map((v) => v / tau)));
const log = (q) => Math.log(Math.max(q, TINY));
const logAddExp = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
const sum = (row, f) => row.reduce((total, v, j) => total + f(v, j), 0);

const crossEntropy = (q, logP) => sum(q, (v, j) => (v ? -v * logP[j] : 0));
const kl = (q, logP) => sum(q, (v, j) => v * (log(v) - logP[j]));
function js(q, logP) {
  const logM = q.map((v, j) => logAddExp(logP[j], log(v)) - LN2);
  return 0.5 * (kl(q, logM) + sum(logP, (l, j) => Math.exp(l) * (l - logM[j])));
}

const same = data.target.map((a) => data.target.map((b) => (a === b ? 1 : 0)));
const uniform = same.map((row) => row.map((v) => v / sum(row, (x) => x)));
const identity = same.map((row, i) => row.map((_, j) => (i === j ? 1 : 0)));
const sharpened = same.map((row) => logSoftmax(row.map((v) => 10 * v)).map(Math.exp));
const forward = S.pairs, backward = transpose(S.pairs);

function bothDirections(compare, q, tau) {
  const there = logSoftmaxRows(forward, tau), back = logSoftmaxRows(backward, tau);
  return 0.5 * (mean(q.map((row, i) => compare(row, there[i]))) + mean(q.map((row, i) => compare(row, back[i]))));
}
function seedCe(tau) {
  const soft = S.images.map((row, i) => logSoftmax(row.map((v, j) => (v + S.captions[i][j]) / 2 * tau)).map(Math.exp));
  const turned = transpose(soft), toImage = logSoftmaxRows(backward, tau), toText = logSoftmaxRows(forward, tau);
  return 0.5 * (mean(soft.map((row, i) => crossEntropy(row, toImage[i])))
    + mean(turned.map((row, i) => crossEntropy(row, toText[i]))));
}
const LOSSES = [
  { name: "identity_ce", label: "cross entropy, own caption only", note: "CLIP's", color: "#0072B2", dash: "",
    value: (tau) => bothDirections(crossEntropy, identity, tau) },
  { name: "multi_positive_ce", label: "cross entropy, all of the class", note: "",
    color: "#009E73", dash: "7 3", value: (tau) => bothDirections(crossEntropy, uniform, tau) },
  { name: "js", label: "Jensen-Shannon divergence", note: "at most ln 2", color: "#E69F00", dash: "2 3",
    value: (tau) => bothDirections(js, uniform, tau) },
  { name: "original_kl", label: "the report's “JS”", note: "in truth forward KL", color: "#CC79A7", dash: "9 3 2 3",
    value: (tau) => bothDirections(kl, sharpened, tau) },
  { name: "original_ce", label: "the report's cross entropy", note: "targets from the batch itself", color: "#D55E00",
    dash: "1 4", value: seedCe },
];
const losses = (tau) => Object.fromEntries(LOSSES.map((loss) => [loss.name, loss.value(tau)]));

// The page.
const $ = (id) => document.getElementById(id);
const state = { view: "pairs", colour: "similarity", tau: data.temperature, row: 0, column: 0 };
const norm = (vectors, i) => Math.hypot(...vectors.subarray(i * D, (i + 1) * D));
const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
function number(value) {
  const size = Math.abs(value);
  if (size && (size < 0.001 || size >= 1e5)) return value.toExponential(2).replace("-", "−");
  return value.toFixed(size >= 100 ? 1 : 3).replace("-", "−");
}
const percent = (value) => (100 * value).toFixed(value < 0.001 && value > 0 ? 3 : 1) + " %";
const columnClass = (j) => (state.view === "classes" ? j : data.target[j]);
const columnCount = () => (state.view === "classes" ? C : B);
const isSame = (i, j) => data.target[i] === columnClass(j);

function shares(direction) {
  const m = S[state.view];
  if (direction === "rows") return logSoftmaxRows(m, state.tau).map((row) => row.map(Math.exp));
  return transpose(logSoftmaxRows(transpose(m), state.tau).map((row) => row.map(Math.exp)));
}

function build() {
  const grid = $("grid"), n = columnCount();
  state.column = Math.min(state.column, n - 1);
  grid.setAttribute("aria-rowcount", B + 1);
  grid.setAttribute("aria-colcount", n + 1);
  const heads = make("div", { class: "row heads", role: "row" }, make("div", { class: "rowhead", role: "columnheader" }));
  for (let j = 0; j < n; j++) {
    const head = make("div", { class: "colhead", role: "columnheader", title: data.names[columnClass(j)] }, String(columnClass(j) + 1));
    if (state.view === "images") head.append(make("img", { src: data.pictures[j], alt: "" }));
    heads.append(head);
  }
  const rows = each(B).map((i) => {
    const head = make("div", { class: "rowhead", role: "rowheader", title: data.names[data.target[i]] }, String(data.target[i] + 1),
      make("img", { src: data.pictures[i], alt: "" }));
    const row = make("div", { class: "row", role: "row" }, head);
    for (let j = 0; j < n; j++) {
      const cell = make("div", { class: "cell" + (isSame(i, j) ? " same" : ""), role: "gridcell", tabindex: "-1" });
      cell.dataset.row = i;
      cell.dataset.column = j;
      row.append(cell);
    }
    return row;
  });
  grid.replaceChildren(heads, ...rows);
  paint();
}
const cellAt = (i, j) => $("grid").querySelector(`.cell[data-row="${i}"][data-column="${j}"]`);

function paint() {
  const values = state.colour === "similarity" ? S[state.view] : shares(state.colour);
  let low = 0, high = 1;
  if (state.colour === "similarity") {
    low = Math.min(...values.map((row) => Math.min(...row)));
    high = Math.max(...values.map((row) => Math.max(...row)));
  }
  const step = high > low ? 255 / (high - low) : 0;
  for (const cell of $("grid").querySelectorAll(".cell")) {
    const value = values[cell.dataset.row][cell.dataset.column];
    cell.style.background = data.palette[Math.round((value - low) * step)];
  }
  $("low").textContent = state.colour === "similarity" ? number(low) : "0 %";
  $("high").textContent = state.colour === "similarity" ? number(high) : "100 %";
  select(state.row, state.column, false);
}

function describe(i, j) {
  const other = state.view === "images" ? `image ${j + 1}, ${data.names[columnClass(j)]}` : data.names[columnClass(j)];
  return `image ${i + 1}, ${data.names[data.target[i]]}, with ${other}: similarity ${number(S[state.view][i][j])}`;
}

function select(i, j, focus) {
  const before = $("grid").querySelector("[aria-selected=true]");
  if (before) { before.setAttribute("aria-selected", "false"); before.tabIndex = -1; }
  for (const head of $("grid").querySelectorAll(".on")) head.classList.remove("on");
  Object.assign(state, { row: i, column: j });
  const cell = cellAt(i, j);
  cell.setAttribute("aria-selected", "true");
  cell.setAttribute("aria-label", describe(i, j));
  cell.tabIndex = 0;
  cell.parentElement.firstChild.classList.add("on");
  $("grid").firstChild.children[j + 1].classList.add("on");
  if (focus) cell.focus();
  showCell();
  showAnswers();
}

function picture(i, word) {
  return make("figure", {}, make("img", { src: data.pictures[i], alt: `${word}: ${data.names[data.target[i]]}` }),
    make("figcaption", {}, `${data.target[i] + 1} ${data.names[data.target[i]]} (${data.paths[i]})`));
}
function words(j) {
  return make("figure", {}, make("div", { class: "quote" }, "“" + data.captions[columnClass(j)].trim() + "”"),
    make("figcaption", {}, `caption of class ${columnClass(j) + 1}`));
}
function showCell() {
  const { row: i, column: j } = state, dot = S[state.view][i][j];
  const other = state.view === "images" ? norm(image, j) : norm(caption, columnClass(j));
  const facts = [["dot product", number(dot)], ["cosine", number(dot / norm(image, i) / other)],
    ["divided by the temperature", number(dot / state.tau)], ["softmax of its row", percent(shares("rows")[i][j])],
    ["softmax of its column", percent(shares("columns")[i][j])]];
  if (state.view === "pairs") facts.push(["target, all of the class", percent(uniform[i][j])]);
  const list = make("dl");
  for (const [term, value] of facts) list.append(make("dt", {}, term), make("dd", {}, value));
  const verdict = make("dd", { class: "verdict" }, isSame(i, j) ? "yes" : "no");
  list.append(make("dt", {}, "same class"), verdict);
  $("cell").replaceChildren(picture(i, "image"), state.view === "images" ? picture(j, "other image") : words(j), list);
}
function showAnswers() {
  const share = logSoftmax(S.classes[state.row].map((v) => v / state.tau)).map(Math.exp);
  const best = each(C).sort((a, b) => share[b] - share[a] || a - b).slice(0, 5);
  $("answers").replaceChildren(...best.map((c) => {
    const right = c === data.target[state.row];
    const line = make("li", { class: right ? "true" : "" },
      make("span", {}, `${right ? "✓ " : ""}${c + 1} ${data.names[c]}`), make("span", {}, percent(share[c])));
    line.style.setProperty("--share", share[c]);
    return line;
  }));
}

// Temperature: the slider is its decimal logarithm.
const slider = $("temperature");
const [LOW, HIGH] = data.normalized ? [-2.5, 1] : [-2.5, 3];
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
Object.assign(slider, { min: LOW, max: HIGH });
function setTemperature(tau) {
  state.tau = tau;
  slider.value = clamp(Math.log10(tau), LOW, HIGH);
  const shown = String(Number(tau.toPrecision(3)));
  $("temperature-value").textContent = shown;
  slider.setAttribute("aria-valuetext", `temperature ${shown}`);
  showLosses();
  if (state.colour === "similarity") select(state.row, state.column, false); else paint();
}

const WIDE = 400, TALL = 170, EDGE = { left: 42, right: 8, top: 8, bottom: 30 };
const svg = (tag, attributes, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
};
const curve = each(81).map((k) => LOW + (HIGH - LOW) * k / 80);
const drawn = LOSSES.map((loss) => curve.map((x) => Math.max(loss.value(10 ** x), 1e-4)));
const top10 = Math.ceil(Math.log10(Math.max(...drawn.flat())));
const bottom10 = clamp(Math.floor(Math.log10(Math.min(...drawn.flat()))), -3, 0);
const atX = (x) => EDGE.left + (x - LOW) / (HIGH - LOW) * (WIDE - EDGE.left - EDGE.right);
const atY = (y) => TALL - EDGE.bottom - (clamp(Math.log10(y), bottom10, top10) - bottom10) / (top10 - bottom10)
  * (TALL - EDGE.top - EDGE.bottom);
function drawCurves() {
  const chart = $("curves"), parts = [];
  chart.setAttribute("viewBox", `0 0 ${WIDE} ${TALL}`);
  const faint = { stroke: "var(--line)", "stroke-width": 1 }, text = { fill: "var(--soft)" };
  for (let e = bottom10; e <= top10; e++) {
    parts.push(svg("line", { x1: EDGE.left, x2: WIDE - EDGE.right, y1: atY(10 ** e), y2: atY(10 ** e), ...faint }),
      svg("text", { x: EDGE.left - 6, y: atY(10 ** e) + 4, "text-anchor": "end", ...text }, String(Number((10 ** e).toPrecision(1)))));
  }
  for (let e = Math.ceil(LOW); e <= HIGH; e++) {
    parts.push(svg("text", { x: atX(e), y: TALL - 16, "text-anchor": "middle", ...text }, String(Number((10 ** e).toPrecision(1)))));
  }
  parts.push(svg("text", { x: (WIDE + EDGE.left) / 2, y: TALL - 3, "text-anchor": "middle", ...text },
    "temperature (both axes logarithmic)"));
  LOSSES.forEach((loss, k) => parts.push(svg("polyline", { fill: "none", stroke: loss.color, "stroke-width": 2.2,
    "stroke-dasharray": loss.dash, points: curve.map((x, p) => `${atX(x).toFixed(1)},${atY(drawn[k][p]).toFixed(1)}`).join(" ") })));
  parts.push(svg("g", { id: "marker" }));
  chart.replaceChildren(...parts);
}
function showLosses() {
  const now = losses(state.tau), x = atX(clamp(Math.log10(state.tau), LOW, HIGH));
  $("marker").replaceChildren(
    svg("line", { x1: x, x2: x, y1: EDGE.top, y2: TALL - EDGE.bottom, stroke: "var(--ink)", "stroke-width": 1.2 }),
    ...LOSSES.map((loss) => svg("circle", { cx: x, cy: atY(now[loss.name]), r: 4, fill: loss.color, stroke: "var(--card)",
      "stroke-width": 1.5 })));
  $("losses").tBodies[0].replaceChildren(...LOSSES.map((loss) => {
    const stroke = svg("svg", { class: "stroke", viewBox: "0 0 22 8", "aria-hidden": "true" });
    stroke.append(svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: loss.color, "stroke-width": 2.6, "stroke-dasharray": loss.dash }));
    const name = make("th", { scope: "row" }, stroke, loss.label + " ", make("small", {}, loss.note));
    return make("tr", { "data-loss": loss.name }, name, make("td", {}, number(now[loss.name])));
  }));
}

// Mouse, keyboard, choices.
$("grid").addEventListener("click", (event) => {
  const cell = event.target.closest(".cell");
  if (cell) select(Number(cell.dataset.row), Number(cell.dataset.column), true);
});
$("grid").addEventListener("keydown", (event) => {
  const n = columnCount(), { row: i, column: j } = state;
  const moves = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
    Home: [i, 0], End: [i, n - 1], PageUp: [0, j], PageDown: [B - 1, j] };
  const target = moves[event.key];
  if (!target) return;
  event.preventDefault();
  select(clamp(target[0], 0, B - 1), clamp(target[1], 0, n - 1), true);
});
for (const name of ["view", "colour"]) {
  $(name).addEventListener("change", (event) => {
    state[name] = event.target.value;
    if (name === "view") build(); else paint();
  });
}
slider.addEventListener("input", () => setTemperature(10 ** Number(slider.value)));
$("reset").addEventListener("click", () => setTemperature(data.temperature));

$("run-line").textContent = data.line;
const ramp = $("ramp").getContext("2d");
data.palette.forEach((color, x) => { ramp.fillStyle = color; ramp.fillRect(x, 0, 1, 12); });
drawCurves();
build();
setTemperature(data.temperature);

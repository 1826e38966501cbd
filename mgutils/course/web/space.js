"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const N = data.target.length, D = data.dimensions;
const MARKS = { self: "◆", same: "●", other: "" };
const WORDS = { self: "the clip itself", same: "same class", other: "another class" };
const state = { query: data.modalities[1], item: data.modalities[0], clip: 0 };

// The numbers: unit vectors, so a cosine is a dot product.
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer); // little-endian, as every machine in use has it
}
const vectors = Object.fromEntries(data.modalities.map((name) => [name, floats(data.vectors[name])]));

function cosine(query, i, item, j) {
  let sum = 0;
  for (let k = 0; k < D; k++) sum += vectors[query][i * D + k] * vectors[item][j * D + k];
  return sum;
}
function markOf(i, j) {
  if (i === j) return "self";
  return data.target[i] === data.target[j] ? "same" : "other";
}
function neighbours(query, i, item) { // the clips that have the modality, the nearest first
  if (!data.present[query][i]) return [];
  const there = data.target.map((_, j) => j).filter((j) => data.present[item][j]);
  return there.map((j) => ({ clip: j, cosine: cosine(query, i, item, j), mark: markOf(i, j) }))
    .sort((a, b) => b.cosine - a.cosine || a.clip - b.clip);
}

// The page.
const $ = (id) => document.getElementById(id);
function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
function picture(name, i) {
  if (!data.present[name][i]) return make("span", { class: "gone" }, `no ${name}`);
  return make("img", { src: data.pictures[name][i], alt: "" });
}
function summary(found) {
  const asked = `Asked with the ${state.query} of “${data.names[state.clip]}”`;
  if (!found.length) return `This clip has no ${state.query}.`;
  const rank = found.findIndex((each) => each.mark === "self") + 1;
  const kin = found.filter((each) => each.mark === "same").length;
  const near = found.slice(0, 5).filter((each) => each.mark === "same").length;
  const itself = rank ? `it finds itself at rank ${rank} of ${found.length} in ${state.item}`
    : `it has no ${state.item}`;
  return `${asked}, ${itself}. Other clips of its class among the first five: ${near} of ${kin}.`;
}
function showClips() {
  $("clips").replaceChildren(...data.names.map((name, i) => {
    const input = make("input", { type: "radio", name: "clip", value: i });
    input.checked = i === state.clip;
    return make("label", { class: "tile" }, input, picture(state.query, i), name);
  }));
}
function showFound() {
  const found = neighbours(state.query, state.clip, state.item);
  $("summary").textContent = summary(found);
  $("ranked").replaceChildren(...found.map((each, place) => make("li", { class: `tile ${each.mark}` },
    picture(state.item, each.clip),
    make("b", {}, `${place + 1}. ${each.cosine.toFixed(2).replace("-", "−")} ${MARKS[each.mark]}`),
    make("span", { class: "spoken" }, `${WORDS[each.mark]}: `), data.names[each.clip])));
}
$("page").addEventListener("change", (event) => {
  const { name, value } = event.target;
  state[name] = name === "clip" ? Number(value) : value;
  if (name === "query") showClips();
  showFound();
});
$("run-line").textContent = data.line;
showClips();
showFound();

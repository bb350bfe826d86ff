// The table of all cases: click a heading to sort by it, choose what is shown.
"use strict";
const table = document.querySelector("table.sortable");
const body = table.tBodies[0];
const rows = [...body.rows];
const filters = document.querySelector("form.filters");
const SCALE = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, "%": 0.01 };

// What a cell is sorted by: a number with its unit, a shape by its size, else the text; nothing comes last.
function key(text) {
  if (text === "-" || text === "") return Infinity;
  const plain = text.replace(/,/g, "");
  const number = plain.match(/^([\d.]+(?:e[+-]?\d+)?) ?(ns|us|ms|s|%)?(?: (?:copy|peak))?$/);
  if (number) return Number(number[1]) * (SCALE[number[2]] ?? 1);
  const shape = plain.match(/^(?:n=)?\d+(?: ?x ?\d+)*/);
  return shape ? shape[0].match(/\d+/g).reduce((product, each) => product * Number(each), 1) : text;
}

function compare(a, b) {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortBy(column, order) {
  const keyed = rows.map((row) => [key(row.cells[column].textContent), row]);
  const missing = (pair) => pair[0] === Infinity;
  keyed.sort((x, y) => missing(x) - missing(y) || order * compare(x[0], y[0]));
  body.append(...keyed.map((pair) => pair[1]));
}

[...table.tHead.rows[0].cells].forEach((heading, column, all) => heading.addEventListener("click", () => {
  const order = heading.dataset.order === "1" ? -1 : 1;
  all.forEach((each) => delete each.dataset.order);
  heading.dataset.order = order;
  sortBy(column, order);
}));

function show() {
  const { words, family, dtype, threads, bad } = filters.elements;
  const wanted = words.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const visible = wanted.every((word) => text.includes(word))
      && [family, dtype, threads].every((menu) => !menu.value || row.dataset[menu.name] === menu.value)
      && (!bad.checked || row.dataset.bad === "1");
    row.hidden = !visible;
    count += visible;
  }
  document.querySelector("#shown").textContent = `${count} of ${rows.length} cases`;
}

filters.addEventListener("input", show);
filters.addEventListener("submit", (event) => event.preventDefault());
filters.hidden = false;
show();

"use strict";
// Sort the leaderboard by a click on a column's head: the better direction first, empty cells last.
for (const table of document.querySelectorAll("table.board")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    if (index < 2) return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.direction === "higher" ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      for (const body of table.tBodies) {
        const value = (row) => parseFloat(row.cells[index]?.dataset.sort ?? "NaN");
        const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
        rows.sort((a, b) => {
          const x = value(a), y = value(b);
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return order === "ascending" ? x - y : y - x;
        });
        body.append(...rows);
      }
    });
  });
}
// A button that lets a slider run to its end; none where the reader asked for less motion.
function player(range, length) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return [];
  const button = document.createElement("button");
  let timer;
  const stop = () => { clearInterval(timer); timer = undefined; button.textContent = "Play"; };
  const go = (index) => { range.value = index; range.dispatchEvent(new Event("input")); };
  button.type = "button";
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "Stop";
    go(Number(range.value) === length - 1 ? 0 : Number(range.value) + 1);
    timer = setInterval(() => {
      go(Number(range.value) + 1);
      if (Number(range.value) === length - 1) stop();
    }, 600);
  });
  range.addEventListener("pointerdown", stop);
  stop();
  return [button];
}
// A table that is wider than its place says so.
for (const box of document.querySelectorAll(".scroll")) {
  const hint = document.createElement("p");
  hint.className = "quiet more";
  hint.textContent = "Scroll sideways for more columns →";
  box.before(hint);
  const update = () => {
    const hidden = box.scrollWidth - box.clientWidth;
    hint.hidden = hidden < 2;
    box.classList.toggle("more-right", box.scrollLeft < hidden - 1);
  };
  new ResizeObserver(update).observe(box);
  box.addEventListener("scroll", update, { passive: true });
}
// A slider over the snapshots; without this script the row of thumbnails says the same.
for (const timeline of document.querySelectorAll(".timeline")) {
  const figures = [...timeline.querySelectorAll("figure")];
  if (figures.length < 2) continue;
  const box = document.createElement("div");
  box.className = "slider";
  const drawn = (figure) => figure.querySelector("img, svg");
  const image = drawn(figures[0]).cloneNode(true);
  const range = document.createElement("input");
  const words = document.createElement("output");
  Object.assign(range, { type: "range", min: 0, max: figures.length - 1, step: 1 });
  range.setAttribute("aria-label", "Snapshot");
  const show = (index) => {
    const shown = drawn(figures[index]);
    for (const { name, value } of shown.attributes) image.setAttribute(name, value);
    image.innerHTML = shown.innerHTML;
    range.value = index;
    words.textContent = figures[index].querySelector("figcaption").textContent;
    figures.forEach((figure, i) => figure.toggleAttribute("aria-current", i === index));
  };
  range.addEventListener("input", () => show(Number(range.value)));
  figures.forEach((figure, index) => drawn(figure).addEventListener("click", () => show(index)));
  box.append(image, range, ...player(range, figures.length), words);
  timeline.before(box);
  timeline.classList.add("has-slider");
  show(figures.length - 1);
}
// What is folded is printed all the same, and folded again afterwards.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));

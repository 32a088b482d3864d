/* A page: the table of its images from data/PAGE.js, and the spread of every method over them. */
(function () {
  "use strict";
  const { element, hole, number, options, table } = window.benchhost;
  const data = window.benchhost_page;
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const MOST_DOTS = 300;

  const texts = new Map();
  /* The printed values of a measure: one array per method. */
  function columnsOf(measure) {
    if (!texts.has(measure)) texts.set(measure, data.measures[measure].columns.map((line) => line.split(" ")));
    return texts.get(measure);
  }

  const holes = new Map(data.holes.map(([method, row, reason]) => [method * data.rows.length + row, reason]));
  const holed = new Set(data.holes.map((entry) => entry[1]));
  const reasonAt = (method, row) => data.reasons[holes.get(method * data.rows.length + row)];
  data.value = (method, row) => columnsOf(0)[method][row];

  /* Methods whose printed value is the best of a row; controls never are, and a lone value beats nobody. */
  function bestOf(measure, row) {
    const better = data.measures[measure].better;
    if (!better) return new Set();
    const columns = columnsOf(measure);
    const rivals = data.methods
      .map((method, place) => [place, method.control ? NaN : better * number(columns[place][row])])
      .filter(([, value]) => value === value);
    const best = Math.max(...rivals.map(([, value]) => value));
    const winners = rivals.filter(([, value]) => value === best).map(([place]) => place);
    return new Set(winners.length < rivals.length ? winners : []);
  }

  const search = $("find");
  const measures = $("measure");
  options(measures, data.measures.map((measure, place) => [place, measure.title]));

  function columns(measure) {
    const values = columnsOf(measure);
    const { better } = data.measures[measure];
    const name = {
      title: "image",
      head: true,
      value: (row) => data.rows[row],
      fill(cell, row) {
        if (!data.pictures[row]) return void cell.append(data.rows[row]);
        const button = element("button", { type: "button", class: "link", title: "Compare" }, data.rows[row]);
        button.addEventListener("click", () => window.benchhost.show(row));
        cell.append(button);
      },
    };
    let shown = [-1, null];
    return [
      name,
      ...data.methods.map((method, place) => ({
        title: method.label,
        quiet: method.control,
        numeric: true,
        first: better === -1 || !better ? 1 : -1,
        value: (row) => number(values[place][row]),
        fill(cell, row) {
          const printed = values[place][row];
          if (printed === "~") {
            const reason = reasonAt(place, row);
            if (reason) cell.append(hole(reason[0], reason[1]));
            return;
          }
          if (shown[0] !== row) shown = [row, bestOf(measure, row)];
          if (shown[1].has(place)) cell.classList.add("best");
          cell.append(shown[1].has(place) ? element("strong", {}, printed) : printed);
        },
      })),
    ];
  }

  const drawn = table({
    table: $("per-image"),
    pager: $("images-pager"),
    count: $("images-count"),
    rows: data.rows.map((_, place) => place),
    noun: "image",
    columns: columns(0),
    keep: (row) =>
      data.rows[row].toLowerCase().includes(search.value.toLowerCase()) && (!$("holes").checked || holed.has(row)),
  });
  search.addEventListener("input", drawn.refresh);
  $("holes").addEventListener("input", drawn.refresh);
  $("holes").closest("label").hidden = !holed.size;
  measures.addEventListener("input", () => drawn.setColumns(columns(Number(measures.value))));

  /* The spread of the primary metric: a dot per image (at most MOST_DOTS, evenly from the sorted values), a tick at
     the mean; all methods on one axis. */
  function svg(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function spread() {
    if (!data.measures.length) return;
    const values = columnsOf(0).map((line) => line.map(number).filter(Number.isFinite).sort((a, b) => a - b));
    let low = Infinity;
    let high = -Infinity;
    for (const line of values) {
      if (!line.length) continue;
      low = Math.min(low, line[0]);
      high = Math.max(high, line[line.length - 1]);
    }
    if (!(high > low)) return;
    const head = document.querySelector("th.spread");
    const unit = data.measures[0].unit;
    head.append(element("span", {}, `: ${low.toPrecision(3)} to ${high.toPrecision(3)} ${unit}`.trimEnd()));
    const at = (value) => (6 + (148 * (value - low)) / (high - low)).toFixed(1);
    for (const cell of document.querySelectorAll("td.spread")) {
      const line = values[Number(cell.dataset.method)];
      if (!line.length) continue;
      const picture = svg("svg", { viewBox: "0 0 160 20", width: 160, height: 20, role: "img" });
      const from = line[0].toPrecision(4);
      const to = line[line.length - 1].toPrecision(4);
      picture.setAttribute("aria-label", `${from} to ${to} ${unit}`.trim());
      picture.append(svg("line", { x1: 6, x2: 154, y1: 10, y2: 10, class: "axis" }));
      const dots = Math.min(MOST_DOTS, line.length);
      for (let n = 0; n < dots; n++) {
        const value = line[dots === 1 ? 0 : Math.round((n * (line.length - 1)) / (dots - 1))];
        picture.append(svg("circle", { cx: at(value), cy: 10 + ((n * 7) % 9) - 4, r: 2.6, class: "dot" }));
      }
      const mean = line.reduce((sum, value) => sum + value, 0) / line.length;
      picture.append(svg("line", { x1: at(mean), x2: at(mean), y1: 2, y2: 18, class: "tick" }));
      cell.append(picture);
    }
  }
  spread();
})();

/* Two pictures of one image under a slider or side by side, zoomed and moved together; their errors as a map. */
(function () {
  "use strict";
  const { element, options } = window.benchhost;
  const data = window.benchhost_page;
  const $ = (id) => document.getElementById(`v-${id}`);
  const viewer = document.getElementById("viewer");
  const stage = $("stage");
  const sides = ["left", "right"].map((name) => {
    const layer = $(`layer-${name}`);
    return {
      name,
      layer,
      pan: layer.querySelector(".pan"),
      shown: layer.querySelector(".shown"),
      truth: layer.querySelector(".truth"),
      select: $(name),
      tag: $(`tag-${name}`),
    };
  });
  const rows = Object.keys(data.pictures).map(Number);
  const state = { row: rows[0], left: "", right: "", side: false, error: false, fit: 1 };

  const label = (what) => (what === "truth" || what === "measured" ? what : data.methods[what].label);
  const source = (what) => {
    const picture = data.pictures[state.row];
    return what === "truth" || what === "measured" ? picture[what] : picture.methods[what];
  };
  function value(what) {
    if (what === "truth" || what === "measured" || !data.measures.length) return "";
    const text = data.value(what, state.row);
    return text === "~" ? "" : `${text} ${data.measures[0].unit}`.trim();
  }

  /* ------------------------------------------------------------------------------------------ zoom and move */
  /* Whichever picture is moved, both are drawn in the same frame: half a frame apart they would seem to shear. */
  function setTransform(_, { x, y, scale }) {
    for (const side of sides) side.pan.style.transform = `scale(${scale}) translate(${x}px, ${y}px)`;
  }
  const zooms = sides.map((side) =>
    window.Panzoom(side.pan, {
      canvas: true, minScale: 1, maxScale: 40, step: 0.35, animate: false, cursor: "", disablePan: true,
      touchAction: "pan-y", setTransform,
    }),
  );
  sides.forEach((side, n) =>
    side.pan.addEventListener("panzoomchange", (event) => {
      const { x, y, scale } = event.detail;
      const quiet = { animate: false, silent: true, force: true, setTransform() {} }; // it is drawn already
      zooms[1 - n].zoom(scale, quiet);
      zooms[1 - n].pan(x, y, quiet);
      zoomed(scale);
    }),
  );

  function zoomed(scale) {
    const enlarged = scale * state.fit;
    $("zoom").textContent = `${Math.round(100 * enlarged)} %`;
    stage.classList.toggle("pixels", enlarged >= 2);
    stage.classList.toggle("movable", scale > 1);
    const options = { disablePan: scale <= 1, touchAction: scale > 1 ? "none" : "pan-y" };
    for (const zoom of zooms) zoom.setOptions(options);
  }

  const zoomBy = (steps) => {
    const scale = Math.min(40, Math.max(1, zooms[0].getScale() * Math.exp(0.35 * steps)));
    if (scale <= 1.001) return fit();
    zooms[0].zoom(scale, { animate: false, force: true });
  };
  const moveBy = (x, y) => {
    const scale = zooms[0].getScale();
    if (scale > 1) zooms[0].pan((x * 60) / scale, (y * 60) / scale, { relative: true, force: true, animate: false });
  };

  /* The picture as large as the stage allows, in its middle. */
  function fit() {
    const [width, height] = data.pictures[state.row].size;
    const room = sides[0].layer.getBoundingClientRect();
    state.fit = Math.min(room.width / width, room.height / height);
    for (const side of sides) {
      side.pan.style.width = `${width * state.fit}px`;
      side.pan.style.height = `${height * state.fit}px`;
      side.pan.style.margin = `${(room.height - height * state.fit) / 2}px 0 0 ${(room.width - width * state.fit) / 2}px`;
    }
    for (const zoom of zooms) zoom.reset({ animate: false, silent: true, force: true });
    zoomed(1);
  }
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey && !stage.contains(document.activeElement)) return; // the page scrolls
      event.preventDefault();
      const n = sides[1].layer.contains(event.target) ? 1 : 0;
      zooms[n].zoomWithWheel(event, { animate: false });
      if (zooms[n].getScale() <= 1.001) fit();
    },
    { passive: false },
  );
  new ResizeObserver(fit).observe(stage);

  /* ------------------------------------------------------------------------------------------ the slider */
  const split = $("split");
  function divide() {
    const at = Number(split.value);
    sides[1].layer.style.clipPath = state.side ? "" : `inset(0 0 0 ${at}%)`;
    $("divider").style.left = `${at}%`;
    split.setAttribute("aria-valuetext", `${Math.round(at)} % ${label(state.left)}, the rest ${label(state.right)}`);
  }
  const slideTo = (at) => {
    split.value = Math.min(100, Math.max(0, at));
    divide();
  };
  function slideWith(event) {
    const room = stage.getBoundingClientRect();
    slideTo((100 * (event.clientX - room.left)) / room.width);
  }
  split.addEventListener("input", divide);
  stage.addEventListener("pointerdown", (event) => {
    const handle = $("divider").contains(event.target);
    if (state.side || event.button || (!handle && zooms[0].getScale() > 1)) return;
    const stop = () => {
      stage.removeEventListener("pointermove", slideWith);
      for (const name of ["pointerup", "pointercancel"]) stage.removeEventListener(name, stop);
    };
    if (handle) event.stopPropagation();
    slideWith(event);
    stage.setPointerCapture(event.pointerId);
    stage.addEventListener("pointermove", slideWith);
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, stop);
  }, true);

  /* ------------------------------------------------------------------------------------------ what is shown */
  function draw() {
    const picture = data.pictures[state.row];
    for (const side of sides) {
      const what = state[side.name];
      side.shown.src = `../${source(what)}`;
      side.shown.alt = `${label(what)} of ${data.rows[state.row]}${value(what) ? `, ${value(what)}` : ""}`;
      side.truth.hidden = !state.error;
      if (state.error) side.truth.src = `../${picture.truth}`;
      side.tag.replaceChildren(label(what), value(what) ? element("b", {}, ` ${value(what)}`) : "");
      side.select.value = what;
      for (const option of side.select.options) option.disabled = !source(option.value);
    }
    $("image").value = state.row;
    $("prev").disabled = state.row === rows[0];
    $("next").disabled = state.row === rows[rows.length - 1];
    stage.classList.toggle("side", state.side);
    stage.classList.toggle("error", state.error);
    $("slider").setAttribute("aria-pressed", String(!state.side));
    $("side").setAttribute("aria-pressed", String(state.side));
    $("error").setAttribute("aria-pressed", String(state.error));
    $("gain-label").hidden = $("scale").hidden = !state.error;
    $("split-label").hidden = state.side;
    $("window").hidden = !picture.window;
    $("window").textContent = `Grey scale: ${picture.window}, the extent of the truth.`;
    const gain = Number($("gain").value);
    const line = `${gain / 3} ${gain / 3} ${gain / 3} 0 0`;
    $("gain-matrix").setAttribute("values", `${line} ${line} ${line} 0 0 0 1 0`);
    $("scale-top").textContent = `${(100 / gain).toFixed(0)} %`;
    divide();
    thumbs();
  }

  function thumbs() {
    const picture = data.pictures[state.row];
    const shown = ["truth", "measured", ...Object.keys(picture.methods)].filter(source);
    const focused = document.activeElement?.dataset?.what;
    $("thumbs").replaceChildren(
      ...shown.map((what) => {
        const button = element(
          "button",
          { type: "button", "data-what": what, "aria-pressed": String(what === state.right) },
          element("img", { src: `../${source(what)}`, alt: "", loading: "lazy" }),
          element("span", {}, label(what)),
          element("b", {}, value(what) || " "),
        );
        button.addEventListener("click", () => choose("right", what));
        return button;
      }),
    );
    if (focused) $("thumbs").querySelector(`[data-what="${focused}"]`)?.focus();
  }

  function choose(side, what) {
    if (!source(what)) return;
    state[side] = what;
    draw();
  }
  function open(row) {
    if (!data.pictures[row]) return;
    const [width, height] = data.pictures[state.row].size;
    state.row = row;
    const places = ["truth", "measured", ...data.methods.keys()].map(String).filter(source);
    for (const { name } of sides) if (!source(state[name])) state[name] = places[places.length - 1];
    draw();
    const [wide, tall] = data.pictures[row].size;
    if (wide !== width || tall !== height) fit(); // pictures of one size keep the place that is looked at
  }
  const step = (by) => open(rows[rows.indexOf(state.row) + by]);
  const toggle = (name, on) => {
    state[name] = on;
    draw();
    if (name === "side") fit();
  };
  const swap = () => {
    [state.left, state.right] = [state.right, state.left];
    draw();
  };

  window.benchhost.show = function (row) {
    open(row);
    viewer.scrollIntoView({ block: "start" });
    stage.focus({ preventScroll: true });
  };

  /* ------------------------------------------------------------------------------------------ controls */
  options($("image"), rows.map((row) => [row, data.rows[row]]));
  const everything = ["truth", "measured", ...data.methods.keys()].map(String);
  for (const side of sides) {
    options(side.select, everything.map((what) => [what, label(what)]));
    side.select.addEventListener("input", () => choose(side.name, side.select.value));
  }
  $("image").addEventListener("input", () => open(Number($("image").value)));
  $("prev").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("swap").addEventListener("click", swap);
  $("slider").addEventListener("click", () => toggle("side", false));
  $("side").addEventListener("click", () => toggle("side", true));
  $("error").addEventListener("click", () => toggle("error", !state.error));
  $("gain").addEventListener("input", draw);
  $("in").addEventListener("click", () => zoomBy(1));
  $("out").addEventListener("click", () => zoomBy(-1));
  $("fit").addEventListener("click", fit);

  const keys = {
    "+": () => zoomBy(1), "=": () => zoomBy(1), "-": () => zoomBy(-1), "0": fit,
    ArrowLeft: () => moveBy(1, 0), ArrowRight: () => moveBy(-1, 0), ArrowUp: () => moveBy(0, 1),
    ArrowDown: () => moveBy(0, -1),
    ",": () => slideTo(Number(split.value) - 2), ".": () => slideTo(Number(split.value) + 2),
    f: () => slideTo(Number(split.value) > 50 ? 0 : 100),
    p: () => step(-1), n: () => step(1), x: swap,
    e: () => toggle("error", !state.error), s: () => toggle("side", false), d: () => toggle("side", true),
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-9]$/.test(event.key)) choose("right", String(Number(event.key) - 1));
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });

  /* First: what was measured against the best that was made of it. */
  const better = data.measures.length ? data.measures[0].better || 1 : 1;
  const made = Object.keys(data.pictures[state.row].methods).filter((what) => !data.methods[what].control);
  const score = (what) => better * window.benchhost.number(data.value(what, state.row));
  made.sort((a, b) => (score(b) || 0) - (score(a) || 0));
  state.left = source("measured") ? "measured" : "truth";
  state.right = made[0] || Object.keys(data.pictures[state.row].methods)[0];
  draw();
  fit();
})();

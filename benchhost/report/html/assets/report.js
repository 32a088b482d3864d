/* What every page has: copy buttons, and helpers that make elements from text, never from markup. */
(function () {
  "use strict";
  const benchhost = (window.benchhost = {});

  /* An element with attributes and children; children that are strings become text. */
  benchhost.element = function (name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  /* Options of a select, one per text; the value is the text unless given as [value, text]. */
  benchhost.options = function (select, entries) {
    for (const entry of entries) {
      const [value, text] = Array.isArray(entry) ? entry : [entry, entry];
      select.append(benchhost.element("option", { value: value }, text));
    }
  };

  /* A place without a value: its word, with the reason for whoever points at it or listens to it. */
  benchhost.hole = function (word, reason) {
    const made = benchhost.element("span", { class: "hole", "data-word": word, title: reason || null }, word);
    if (reason) made.append(benchhost.element("span", { class: "hidden" }, ": " + reason));
    return made;
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
  }
})();

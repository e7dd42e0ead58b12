// A button beside a field copies what stands in it. Without script the field itself is there to copy from.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // without https there is no clipboard but this one
    }
    button.querySelector("span").textContent = button.dataset.copied;
  });
}

// The page that says that there is no connection tries again by itself.
"use strict";

window.addEventListener("online", () => window.location.reload());

// Looks again at a page that shows work under way.
'use strict';

const waiting = document.querySelector('[data-reload]');
if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.reload));

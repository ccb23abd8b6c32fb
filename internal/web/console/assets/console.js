// The pages work without this script. It fills in a one-time link, shows times in the viewer's zone, copies secrets and adds keys.
'use strict';

// The secret of a one-time link is in the fragment. It leaves the address, so that no history keeps it.
const secret = document.querySelector('[data-fragment]');
if (secret && location.hash.length > 1) {
  secret.value = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  document.getElementById('name').focus();
}

const parts = {year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit'};
const zone = new Intl.DateTimeFormat(undefined, parts);
const exact = new Intl.DateTimeFormat(undefined, {...parts, second: '2-digit'});
for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = time.textContent;
  time.textContent = (time.closest('.dense, .exact') ? exact : zone).format(new Date(time.dateTime));
}

for (const button of document.querySelectorAll('[data-copy]')) {
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      document.execCommand('copy'); // plain HTTP has no clipboard interface
    }
    button.textContent = 'Copied';
  });
}

// On a narrow screen the navigation is one line. The link of this page must be in sight.
const here = document.querySelector('.sections [aria-current]');
if (here) here.parentElement.parentElement.scrollLeft = here.offsetLeft - 16;

// An open menu closes with Escape and with a click elsewhere.
const menu = document.querySelector('details.menu');
if (menu) {
  document.addEventListener('click', (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    menu.open = false;
    menu.querySelector('summary').focus();
  });
}

// Keys: / goes to the search, j and k go through the rows.
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
  if (event.key === '/') {
    const search = document.querySelector('[data-search]');
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === 'j' || event.key === 'k') {
    const links = [...document.querySelectorAll('[data-rows] th[scope=row] a')];
    const at = links.indexOf(document.activeElement) + (event.key === 'j' ? 1 : -1);
    links[Math.min(Math.max(at, 0), links.length - 1)]?.focus();
  }
});

// The pages work without this script. It fills in the code of a mail, shows passwords, copies secrets and shows local times.
'use strict';

// A link in a mail has the address and the code in its fragment, which browsers send nowhere. The code is used up only when
// the person presses the button.
{
  const parts = location.hash.slice(1).split('/');
  const code = document.getElementById('code') || document.getElementById('invitation');
  const email = document.getElementById('email');
  if (parts.length === 2 && parts[1] && code && email) {
    try {
      email.value = decodeURIComponent(parts[0]);
      code.value = decodeURIComponent(parts[1]);
      const empty = [...document.querySelectorAll('form.main input')].find((input) => input.required && !input.value);
      (empty || document.querySelector('form.main button')).focus();
    } catch {
      // a damaged link: the person types the code
    }
    history.replaceState(null, '', location.pathname + location.search);
  }
}

for (const input of document.querySelectorAll('input[type=password]')) {
  const label = document.querySelector(`label[for="${input.id}"]`);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'reveal';
  button.textContent = 'Show';
  button.setAttribute('aria-label', 'Show: ' + label.textContent);
  button.setAttribute('aria-pressed', 'false');
  button.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.textContent = shown ? 'Show' : 'Hide';
    button.setAttribute('aria-pressed', String(!shown));
  });
  input.form.addEventListener('submit', () => { input.type = 'password'; });
  const around = document.createElement('span');
  around.className = 'revealed';
  input.replaceWith(around);
  around.append(input, button);
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener('click', async () => {
    const from = document.getElementById(button.dataset.copy);
    const lines = from.querySelectorAll('li').length ? [...from.querySelectorAll('li')].map((li) => li.textContent.trim()) : [from.textContent.trim()];
    await navigator.clipboard.writeText(lines.join('\n'));
    button.textContent = 'Copied';
  });
}

for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = time.textContent;
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
}

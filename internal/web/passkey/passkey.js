// Forms that ask the browser for a passkey. See package passkey for what a form needs. Nothing here writes HTML.
'use strict';

(() => {
  const forms = [...document.querySelectorAll('form[data-passkey]')];
  if (!forms.length || !window.PublicKeyCredential || !navigator.credentials) return; // the forms stay hidden

  // Some password managers answer with objects that lack toJSON, so both directions are written out.
  const decode = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  function requestOf(options) {
    const credentials = (list) => (list || []).map((each) => ({ ...each, id: decode(each.id) }));
    const request = { ...options, challenge: decode(options.challenge) };
    if (options.user) request.user = { ...options.user, id: decode(options.user.id) };
    if (options.allowCredentials) request.allowCredentials = credentials(options.allowCredentials);
    if (options.excludeCredentials) request.excludeCredentials = credentials(options.excludeCredentials);
    return request;
  }

  function answerOf(credential) {
    const response = {};
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (credential.response[name]) response[name] = encode(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id, rawId: encode(credential.rawId), type: credential.type, response,
      authenticatorAttachment: credential.authenticatorAttachment || undefined, clientExtensionResults: {},
    };
  }

  // A problem that the server has put into words.
  class Refusal extends Error {}

  // begin asks the server for a challenge. It returns nothing if the browser goes to another page instead.
  async function begin(form) {
    const answer = await fetch(form.dataset.begin, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { accept: 'application/json' } });
    const said = await answer.json().catch(() => ({}));
    if (said.location) {
      location.assign(said.location);
      return undefined;
    }
    if (!answer.ok || !said.options) throw new Refusal(said.detail || 'The server did not answer. Try again in a while.');
    return said;
  }

  function finish(form, said, credential) {
    if (said.flow) form.elements.flow.value = said.flow;
    form.elements.passkey.value = JSON.stringify(answerOf(credential));
    form.submit();
  }

  function wordsFor(error, form) {
    const making = form.dataset.passkey === 'create';
    if (error instanceof Refusal) return error.message;
    switch (error.name) {
      case 'NotAllowedError':
        return making ? 'No passkey was made: it was cancelled, or took too long. Try again.' : 'No passkey was used: it was cancelled, or took too long. Try again, or choose another way.';
      case 'InvalidStateError':
        return 'This device has a passkey for your account already.';
      case 'SecurityError':
        return 'Passkeys do not work at this address. Open the app at its usual address.';
      case 'NotSupportedError': case 'ConstraintError':
        return 'This device cannot do this. Use another device or a security key.';
      case 'TypeError':
        return 'The server cannot be reached. Check your connection, then try again.';
    }
    return 'The passkey did not work. Try again.';
  }

  function say(form, text) {
    const at = form.querySelector('[role=alert]');
    at.textContent = text;
    at.hidden = !text;
  }

  // A browser waits for one ceremony at a time. The one that fills in forms gives way to a button.
  let waiting = null;
  function abort() {
    if (waiting) waiting.abort();
    waiting = null;
  }

  async function press(form) {
    const button = form.querySelector('button');
    abort();
    say(form, '');
    button.disabled = true;
    try {
      const said = await begin(form);
      if (!said) return;
      const publicKey = requestOf(said.options);
      finish(form, said, await (form.dataset.passkey === 'create' ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));
    } catch (error) {
      say(form, wordsFor(error, form));
      button.disabled = false;
      button.focus();
    }
  }

  // offer lets the browser suggest passkeys in the field for the name. Each challenge ends: after that the next touch of the
  // page asks for another.
  async function offer(form) {
    if (!PublicKeyCredential.isConditionalMediationAvailable || !await PublicKeyCredential.isConditionalMediationAvailable()) return;
    try {
      abort();
      const mine = waiting = new AbortController();
      const said = await begin(form);
      if (!said || mine.signal.aborted) return;
      setTimeout(() => {
        if (waiting !== mine) return;
        abort();
        document.addEventListener('focusin', () => offer(form), { once: true });
      }, said.options.timeout || 300000);
      finish(form, said, await navigator.credentials.get({ publicKey: requestOf(said.options), mediation: 'conditional', signal: mine.signal }));
    } catch {
      // nobody asked, so nobody is told
    }
  }

  for (const form of forms) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      press(form);
    });
    if ('offer' in form.dataset) offer(form);
  }
  for (const each of document.querySelectorAll('[data-without-passkey]')) each.hidden = true;

  // A browser may show the page again as it was left.
  addEventListener('pageshow', (event) => {
    if (event.persisted) for (const form of forms) form.querySelector('button').disabled = false;
  });
})();

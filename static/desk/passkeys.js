// Passkeys: a form with data-passkey asks the server for options, the browser for its owner, and the server whether it
// believes the answer. The form is hidden where the browser knows no passkeys.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !window.isSecureContext) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const ask = async (form, address, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.told || "");
    return told;
  };

  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const signIn = async (form) => {
    const options = await ask(form, form.dataset.options, {});
    const made = await navigator.credentials.get({
      publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: described(options.allowCredentials) },
    });
    return {
      next: form.elements.next.value,
      credential: {
        id: made.id,
        rawId: text(made.rawId),
        type: made.type,
        response: {
          authenticatorData: text(made.response.authenticatorData),
          clientDataJSON: text(made.response.clientDataJSON),
          signature: text(made.response.signature),
          userHandle: made.response.userHandle ? text(made.response.userHandle) : null,
        },
      },
    };
  };

  const make = async (form) => {
    const options = await ask(form, form.dataset.options, {});
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: described(options.excludeCredentials),
      },
    });
    return {
      name: form.elements.name.value,
      credential: {
        id: made.id,
        rawId: text(made.rawId),
        type: made.type,
        response: {
          attestationObject: text(made.response.attestationObject),
          clientDataJSON: text(made.response.clientDataJSON),
          transports: made.response.getTransports ? made.response.getTransports() : [],
        },
      },
    };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const fault = form.querySelector("[role=alert]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      fault.hidden = true;
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        const answer = form.dataset.passkey === "make" ? await make(form) : await signIn(form);
        const told = await ask(form, form.dataset.answer, answer);
        window.location.assign(told.next);
      } catch (error) {
        fault.textContent = (error instanceof DOMException ? "" : error.message) || form.dataset.failed;
        fault.hidden = false;
        button.disabled = false;
      }
    });
  }
})();

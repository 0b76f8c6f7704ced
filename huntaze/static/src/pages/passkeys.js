// A form that a passkey fills in: asks the browser for one and submits the form with what it answers.
// data-make: the options for a new one; data-ask: where those for a known one come from.
const api = window.PublicKeyCredential;

for (const form of document.querySelectorAll("[data-ask], [data-make]")) {
  if (!api?.parseRequestOptionsFromJSON) form.remove();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = event.submitter, error = form.querySelector("[role=alert]"), { make, ask } = form.dataset;
    button.disabled = error.hidden = true;
    try {
      form.credential.value = JSON.stringify(make
        ? await navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(JSON.parse(make)) })
        : await navigator.credentials.get({ publicKey: api.parseRequestOptionsFromJSON(await (await fetch(ask, { method: "POST" })).json()) }));
      form.submit();
    } catch {
      error.hidden = false;
    }
    button.disabled = false;
  };
}

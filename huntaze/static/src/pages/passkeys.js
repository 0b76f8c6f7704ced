// Fills in a form with what a passkey answers, and sends it. app.js loads this when such a form is submitted.
// data-make: the options for a new passkey; data-ask: the address of those for a known one.
const { credentials } = navigator, api = window.PublicKeyCredential;

const make = async (options) => credentials.create({ publicKey: api.parseCreationOptionsFromJSON(options) });
const ask = async (options) => credentials.get({ publicKey: api.parseRequestOptionsFromJSON(options) });

addEventListener("fill", async ({ target: form }) => {
  const button = form.querySelector("button"), problem = form.querySelector("[role=alert]"), { dataset } = form;
  button.disabled = problem.hidden = true;
  try {
    const made = dataset.make
      ? await make(JSON.parse(dataset.make))
      : await ask(await (await fetch(dataset.ask, { method: "POST" })).json());
    form.credential.value = JSON.stringify(made);
    form.submit();
  } catch {
    problem.hidden = false; // nobody there, another device, a browser that has no passkeys
  }
  button.disabled = false;
});
